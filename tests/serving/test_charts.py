import pytest

from serving.charts import Bar, lines, round_up, stacked


@pytest.mark.parametrize(
    ("value", "rounded"), [(0, 2), (2, 2), (3, 5), (7, 10), (11, 20), (20, 20), (99, 100), (430, 500), (0.3, 2)]
)
def test_scale_reads_well(value, rounded):
    assert round_up(value, least=2) == rounded


def test_scale_is_a_multiple_of_its_base():
    assert round_up(300 * 1024, least=1024, base=1024) == 500 * 1024


def test_parts_of_a_bar_stand_on_each_other():
    chart = stacked([("good", [6, 0]), ("bad", [2, 0])], scale=10, words=["a", "b"])

    assert chart.bars == (Bar("good", 50, 400, 400, 600), Bar("bad", 50, 200, 400, 200))
    assert [(place.x, place.width, place.words) for place in chart.places] == [(0, 500, "a"), (500, 500, "b")]


def test_line_is_interrupted_where_nothing_is_known():
    chart = lines([("p50", [1, 2, None, 4, None])], scale=4, words=list("abcde"))

    assert chart.lines[0].paths == ("M100.0 750.0L300.0 500.0", "M700.0 0.0h0.1")


def test_line_of_nothing_is_nothing():
    assert lines([("p50", [None])], scale=4, words=["a"]).lines[0].paths == ()

import pytest

from registry.versions import Version


def test_parse_reads_three_numbers():
    assert Version.parse("0.10.99") == Version(0, 10, 99)


@pytest.mark.parametrize(
    "text", ["", "1", "1.2", "1.2.3.4", "01.0.0", "0.0.100", "-1.0.0", "1.0.0\n", " 1.0.0", "1.0.x", "１.0.0", "٣.0.0"]
)
def test_parse_refuses_anything_else(text):
    with pytest.raises(ValueError, match="not a version"):
        Version.parse(text)


def test_versions_sort_as_numbers():
    assert sorted([Version(0, 0, 10), Version(0, 0, 9), Version(0, 1, 0)]) == [
        Version(0, 0, 9),
        Version(0, 0, 10),
        Version(0, 1, 0),
    ]


def test_a_version_reads_back_from_its_text():
    assert Version.parse(str(Version(1, 2, 3))) == Version(1, 2, 3)


@pytest.mark.parametrize(
    ("number", "following"),
    [("0.0.1", "0.0.2"), ("0.0.99", "0.1.0"), ("0.99.99", "1.0.0"), ("99.99.98", "99.99.99")],
)
def test_next_counts_up_and_carries(number, following):
    assert Version.parse(number).next() == Version.parse(following)


def test_next_of_the_last_is_none():
    assert Version(99, 99, 99).next() is None

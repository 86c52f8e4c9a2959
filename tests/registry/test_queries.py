from itertools import chain

import pytest
from django.core import signing

from registry import queries
from registry.models import ModelSource, RegisteredModel, Status
from registry.queries import (
    MODEL_ORDERS,
    VERSION_ORDERS,
    ModelFilter,
    VersionFilter,
    engines_of,
    may_download,
    model_page,
    models_for,
    next_number,
    version_page,
    versions_for,
)
from registry.versions import Version
from tests.factories import make_member, make_user, make_version, make_workspace

pytestmark = pytest.mark.django_db
HOSTILE = ["x", "a:b:c", "'; DROP TABLE x; --", "%00", "\ud800", "中", "A" * 5000, "../", '["-created_at"]']


def names(wanted, **values):
    return [model.name for model in model_page(RegisteredModel.objects.all(), wanted, **values).rows]


def numbers(model, wanted, **values):
    return [version.number for version in version_page(model.versions.all(), wanted, **values).rows]


def walk(page_of, wanted, cursor="after"):
    """Every row of every page, by the cursors a reader would follow."""
    while True:
        page = page_of(wanted)
        yield [str(row) for row in page.rows]
        following = page.next if cursor == "after" else page.previous
        if not following:
            return
        wanted = type(wanted)(**{"sort": wanted.sort, cursor: following})


def test_models_and_versions_are_those_of_the_members_workspaces():
    mine, other = make_version("mine"), make_version("theirs", workspace=make_workspace("other"))
    member, stranger, operator = make_member(), make_user("eve"), make_user("root", is_superuser=True)

    assert list(models_for(member)) == [mine.model]
    assert list(versions_for(member)) == [mine]
    assert list(models_for(stranger)) == []
    assert list(versions_for(stranger)) == []
    assert set(models_for(operator)) == {mine.model, other.model}


def test_model_page_finds_part_of_the_name_in_either_case():
    for name in ("Digits", "my-digits", "faces"):
        make_version(name)

    assert names(ModelFilter(q="DIGIT", sort="name")) == ["Digits", "my-digits"]


@pytest.mark.parametrize("q", ["%", "_", "\\", "a%b"])
def test_model_page_takes_wildcards_as_letters(q):
    make_version("digits")

    assert names(ModelFilter(q=q)) == []


def test_model_page_finds_an_underscore_as_itself():
    make_version("a_b")
    make_version("axb")

    assert names(ModelFilter(q="a_b")) == ["a_b"]


@pytest.mark.parametrize(
    "wanted",
    [
        ModelFilter(status="failed"),
        ModelFilter(engine="XGBoost"),
        ModelFilter(source="auto"),
        ModelFilter(source_kind="template"),
        ModelFilter(type="edge"),
        ModelFilter(label="vision"),
        ModelFilter(status="failed", engine="XGBoost", source="auto", source_kind="template", q="two"),
    ],
)
def test_model_page_filters_by_the_latest_version(wanted):
    make_version("one", deployment_types="real-time,batch").labels.create(name="Vision")
    old = {"status": Status.FAILED, "engine": "XGBoost", "model_source": "auto", "deployment_types": "edge"}
    old["source_kind"] = "template"
    make_version("one", (0, 0, 0), **old).labels.create(name="vision")
    make_version("two", **old).labels.create(name="vision")

    page = model_page(RegisteredModel.objects.all(), wanted)

    assert ([model.name for model in page.rows], page.total) == (["two"], 1)


@pytest.mark.parametrize("sort", MODEL_ORDERS)
def test_model_page_sorts_both_ways(sort):
    make_version("b")
    make_version("c")
    make_version("c", (0, 0, 2))
    make_version("c", (0, 0, 3))
    make_version("a")
    make_version("a", (0, 0, 2))
    up = {"name": ["a", "b", "c"], "created_at": ["b", "c", "a"], "version_count": ["b", "a", "c"]}[sort]

    assert names(ModelFilter(sort=sort)) == up
    assert names(ModelFilter(sort=f"-{sort}")) == up[::-1]


@pytest.mark.parametrize("sort", [sign + name for name in MODEL_ORDERS for sign in ("", "-")])
def test_model_page_leads_through_all_rows_and_back(sort):
    for i in range(7):
        make_version(f"model-{i}")
    every = RegisteredModel.objects.all()

    def page_of(wanted):
        return model_page(every, wanted, limit=3)

    forth = list(walk(page_of, ModelFilter(sort=sort)))
    last = page_of(ModelFilter(sort=sort, after=page_of(ModelFilter(sort=sort)).next))
    back = list(walk(page_of, ModelFilter(sort=sort, before=last.previous), "before"))

    assert [len(rows) for rows in forth] == [3, 3, 1]
    assert list(chain(*forth)) == names(ModelFilter(sort=sort))
    assert back == [forth[0]]


def test_model_page_neither_repeats_nor_skips_rows_of_equal_value():
    for i in range(7):
        make_version(f"model-{i}")
    RegisteredModel.objects.update(created_at=RegisteredModel.objects.first().created_at)

    pages = list(walk(lambda wanted: model_page(RegisteredModel.objects.all(), wanted, limit=2), ModelFilter()))

    assert list(chain(*pages)) == [f"model-{i}" for i in reversed(range(7))]


def test_model_page_says_where_there_is_more():
    for i in range(3):
        make_version(f"model-{i}")
    every = RegisteredModel.objects.all()

    first = model_page(every, ModelFilter(sort="name"), limit=2)
    second = model_page(every, ModelFilter(sort="name", after=first.next), limit=2)

    assert (first.previous, bool(first.next), first.total) == ("", True, 3)
    assert (bool(second.previous), second.next, second.total) == (True, "", 3)


def test_model_page_counts_what_a_filter_leaves_only_so_far(monkeypatch):
    monkeypatch.setattr(queries, "MOST_COUNTED", 2)
    for i in range(3):
        make_version(f"model-{i}")
    every = RegisteredModel.objects.all()

    pages = [model_page(every, ModelFilter(q=q), limit=1) for q in ("", "model", "model-1")]

    assert [(page.total, page.uncounted) for page in pages] == [(3, False), (2, True), (1, False)]


@pytest.mark.parametrize("cursor", HOSTILE)
@pytest.mark.parametrize("side", ["after", "before"])
def test_model_page_of_a_bad_cursor_is_the_first(cursor, side):
    make_version("a")
    make_version("b")

    assert names(ModelFilter(sort="name", **{side: cursor}), limit=1) == ["a"]


def test_model_page_of_another_orders_cursor_is_the_first():
    for name in ("a", "b", "c"):
        make_version(name)
    cursor = model_page(RegisteredModel.objects.all(), ModelFilter(sort="name"), limit=1).next

    assert names(ModelFilter(sort="-name", after=cursor), limit=1) == ["c"]


def test_model_page_of_a_cursor_behind_the_last_row_is_the_first():
    make_version("a")
    make_version("b")
    cursor = model_page(RegisteredModel.objects.all(), ModelFilter(sort="name"), limit=1).next
    RegisteredModel.objects.get(name="b").delete()

    assert names(ModelFilter(sort="name", after=cursor), limit=1) == ["a"]


def test_model_page_back_to_a_shortened_beginning_is_a_full_first_page():
    for name in ("a", "b", "c", "d"):
        make_version(name)
    every = RegisteredModel.objects.all()
    first = model_page(every, ModelFilter(sort="name"), limit=2)
    cursor = model_page(every, ModelFilter(sort="name", after=first.next), limit=2).previous
    RegisteredModel.objects.get(name="a").delete()

    assert names(ModelFilter(sort="name", before=cursor), limit=2) == ["b", "c"]


@pytest.mark.parametrize("models", [1, 3])
def test_model_page_needs_two_queries(models, django_assert_num_queries):
    for i in range(models):
        make_version(f"model-{i}", config_used="large")

    with django_assert_num_queries(2):
        page = model_page(RegisteredModel.objects.all(), ModelFilter())
        shown = [(model.latest.number, model.latest.proof, model.latest.description) for model in page.rows]

    assert len(shown) == models
    assert "config_used" in page.rows[0].latest.get_deferred_fields()


def test_model_filter_reads_the_address():
    query = {
        "q": " digits\0\u202e ",
        "status": "failed",
        "sort": "-name",
        "type": "edge",
        "label": "vision",
        "page": "7",
    }

    wanted = ModelFilter.from_query(query)

    assert wanted == ModelFilter(q="digits", status="failed", sort="-name", type="edge", label="vision")
    assert wanted.narrowed is True


@pytest.mark.parametrize("value", HOSTILE)
def test_model_filter_forgets_values_that_are_none(value):
    wanted = ModelFilter.from_query(dict.fromkeys(("status", "source", "source_kind", "type", "sort"), value))

    assert wanted == ModelFilter()
    assert wanted.narrowed is False


@pytest.mark.parametrize("value", HOSTILE)
def test_model_page_of_hostile_values_is_empty(value):
    make_version("digits")
    wanted = ModelFilter.from_query({"q": value, "engine": value, "label": value, "after": value})

    assert names(wanted) in ([], ["digits"])


def test_model_filter_writes_the_address():
    wanted = ModelFilter(q="a&b", status="failed", after="cursor")

    assert wanted.as_query() == "q=a%26b&status=failed"
    assert wanted.as_query(after="next") == "q=a%26b&after=next&status=failed"
    assert wanted.as_query(status="", sort="name") == "q=a%26b&sort=name"
    assert ModelFilter().as_query() == ""


def test_version_page_sorts_numbers_as_numbers():
    for number in ((0, 0, 9), (0, 0, 10), (0, 2, 0), (10, 0, 0), (9, 99, 99)):
        model = make_version(number=number).model

    assert numbers(model, VersionFilter()) == ["10.0.0", "9.99.99", "0.2.0", "0.0.10", "0.0.9"]
    assert numbers(model, VersionFilter(sort="number")) == ["0.0.9", "0.0.10", "0.2.0", "9.99.99", "10.0.0"]


@pytest.mark.parametrize("sort", [sign + name for name in VERSION_ORDERS for sign in ("", "-")])
def test_version_page_leads_through_all_rows(sort):
    for i, number in enumerate([(0, 0, 1), (0, 0, 2), (0, 1, 0), (1, 0, 0), (1, 0, 1)]):
        model = make_version(number=number, size=i % 2).model

    def page_of(wanted):
        return version_page(model.versions.select_related("model"), wanted, limit=2)

    rows = list(chain(*walk(page_of, VersionFilter(sort=sort))))

    assert [text.removeprefix("digits ") for text in rows] == numbers(model, VersionFilter(sort=sort))
    assert len(rows) == 5


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("0", ["0.1.2", "0.10.0", "0.2.1"]),
        ("0.", ["0.1.2", "0.10.0", "0.2.1"]),
        ("0.1", ["0.1.2", "0.10.0"]),
        ("0.1.", ["0.1.2"]),
        ("0.1.2", ["0.1.2"]),
        ("1", ["10.0.0"]),
        ("10", ["10.0.0"]),
        ("2", []),
        ("00", []),
        ("0.01", []),
        ("0.1.2.3", []),
        (".1", []),
        ("100", []),
        ("-1", []),
        ("²", []),
        ("1e1", []),
        ("9" * 5000, []),
        ("%", []),
    ],
)
def test_version_page_finds_the_beginning_of_a_version(q, found):
    for number in ((0, 1, 2), (0, 10, 0), (0, 2, 1), (10, 0, 0)):
        model = make_version(number=number).model

    assert sorted(numbers(model, VersionFilter(q=q))) == found


def test_engines_of_are_those_of_latest_versions():
    make_version("a", engine="XGBoost")
    make_version("a", (0, 0, 2), engine="ONNX")
    make_version("b", engine="Caffe")
    make_version("c", engine="")

    assert engines_of(make_workspace()) == ["Caffe", "ONNX"]
    assert (engines_of(make_workspace("other")), engines_of(None)) == ([], [])


def test_next_number_follows_the_highest():
    make_version(number=(0, 0, 99))
    model = make_version(number=(0, 0, 100 - 2)).model

    assert next_number(model) == Version(0, 1, 0)
    assert next_number(RegisteredModel(workspace=model.workspace, name="new", pk=0)) == Version(0, 0, 1)
    assert next_number(make_version("last", (99, 99, 99)).model) is None


@pytest.mark.parametrize("source", ModelSource.values)
def test_exeml_and_subscribed_versions_are_never_given_out(source):
    assert may_download(make_version(model_source=source)) is (source in {"algos", "custom"})


def test_a_cursor_holds_nothing_secret():
    version = make_version()
    make_version("faces")
    cursor = model_page(RegisteredModel.objects.all(), ModelFilter(), limit=1).next

    assert signing.loads(cursor, salt="registry.keyset")["by"] == ["-created_at", "-id"]
    assert version.model.workspace.name not in cursor

"""Every sort and filter that a list offers is answered by an index, in pieces that do not grow with the list."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.queries import (
    MODEL_ORDERS,
    VERSION_ORDERS,
    ModelFilter,
    VersionFilter,
    engines_of,
    model_page,
    models_for,
    version_page,
    versions_for,
)
from tests.factories import make_member, make_version

pytestmark = pytest.mark.django_db
MODEL_SORTS = [sign + name for name in MODEL_ORDERS for sign in ("", "-")]
VERSION_SORTS = [sign + name for name in VERSION_ORDERS for sign in ("", "-")]
FILTERS = [
    ({"status": "failed"}, "latest_status"),
    ({"engine": "XGBoost"}, "latest_engine"),
    ({"source": "custom"}, "latest_source"),
    ({"source_kind": "obs"}, "latest_source_kind"),
    ({"type": "real-time"}, "latest_real_time"),
    ({"type": "batch"}, "latest_batch"),
    ({"type": "edge"}, "latest_edge"),
]
OTHERS = [({"label": "vision"}, ""), ({"q": "a"}, "")]


def plans(command):
    """What SQLite does for each query of `command`, joined by lines."""
    with CaptureQueriesContext(connection) as captured:
        command()
    statements = [query["sql"] for query in captured if query["sql"].lstrip().startswith(("SELECT", "WITH"))]
    with connection.cursor() as cursor:
        return [
            "\n".join(row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()) for sql in statements
        ], statements


def models_page_plans(**values):
    for name in ("a1", "a2", "a3"):
        version = make_version(name, status="failed", engine="XGBoost")
        version.labels.create(name="vision")
    models = models_for(make_member()).filter(workspace=version.model.workspace)
    cursor = model_page(models, ModelFilter(**values), limit=1).next
    steps, statements = plans(lambda: model_page(models, ModelFilter(**values, after=cursor)))
    assert all("OFFSET" not in sql for sql in statements)
    return steps


def by_index(steps, table="registry_registeredmodel"):
    """The columns by which `table` was searched; fails when it was scanned or sorted afterwards."""
    assert "TEMP B-TREE" not in steps
    assert f"SCAN {table}" not in steps
    return re.search(rf"SEARCH {table} USING (?:COVERING )?INDEX \w+ \((.*)\)", steps)[1]


@pytest.mark.parametrize("sort", MODEL_SORTS)
def test_each_sort_of_models_is_one_range_of_an_index(sort):
    page, total = models_page_plans(sort=sort)

    column, step = sort.removeprefix("-"), "<" if sort.startswith("-") else ">"
    assert by_index(page) == f"workspace_id=? AND {column}{step}?"
    assert by_index(total) == "workspace_id=?"


@pytest.mark.parametrize(("wanted", "column"), FILTERS)
def test_each_filter_of_models_is_one_range_of_an_index_in_the_usual_order(wanted, column):
    page, total = models_page_plans(**wanted)

    assert by_index(page) == f"workspace_id=? AND {column}=? AND created_at<?"
    assert by_index(total) == f"workspace_id=? AND {column}=?"


@pytest.mark.parametrize("sort", MODEL_SORTS)
@pytest.mark.parametrize(("wanted", "column"), FILTERS + OTHERS)
def test_each_filter_with_each_sort_needs_no_sorting(wanted, column, sort):
    for steps in models_page_plans(sort=sort, **wanted):
        assert by_index(steps).startswith("workspace_id=?")


def test_labels_are_looked_up_by_version_and_name():
    page, _ = models_page_plans(label="vision")

    assert by_index(page, "U0") == "version_id=? AND name=?"


def test_the_engines_offered_are_read_from_an_index():
    workspace = make_version().model.workspace

    (steps,), _ = plans(lambda: engines_of(workspace))

    assert by_index(steps) == "workspace_id=? AND latest_engine>?"


@pytest.mark.parametrize("sort", VERSION_SORTS)
def test_each_sort_of_versions_is_one_range_of_an_index(sort):
    for patch in range(3):
        model = make_version(number=(0, 1, patch), size=patch).model
    versions = versions_for(make_member()).filter(model=model)
    cursor = version_page(versions, VersionFilter(sort=sort), limit=1).next

    (page, total), statements = plans(lambda: version_page(versions, VersionFilter(sort=sort, after=cursor)))

    column, step = sort.removeprefix("-").replace("number", "major"), "<" if sort.startswith("-") else ">"
    assert by_index(page, "registry_modelversion") == f"model_id=? AND {column}{step}?"
    assert by_index(total, "registry_modelversion") == "model_id=?"
    assert all("OFFSET" not in sql for sql in statements)


@pytest.mark.parametrize("sort", VERSION_SORTS)
def test_the_search_for_a_version_reads_those_of_its_model_alone(sort):
    versions = versions_for(make_member()).filter(model=make_version().model)

    (page, total), _ = plans(lambda: version_page(versions, VersionFilter(sort=sort, q="0.1")))

    for steps in (page, total):
        assert re.search(r"SEARCH registry_modelversion USING (?:COVERING )?INDEX \w+ \(model_id=\?", steps)

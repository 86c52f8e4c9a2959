"""Comparing two versions: what differs is shown, what is the same only on request."""

import pytest
from django.urls import reverse

from registry.comparison import Change, Row, rows_of, sorted_rows
from registry.models import StoredFile
from tests import factories

pytestmark = pytest.mark.django_db
OLD = {
    "model_type": "Scikit_Learn",
    "metrics": {"accuracy": 0.9},
    "dependencies": [
        {
            "installer": "pip",
            "packages": [
                {
                    "package_name": "numpy",
                    "extras": [],
                    "package_version": "1.26",
                    "restraint": "EXACT",
                    "specifier": "",
                    "wheel": "",
                }
            ],
        }
    ],
}
NEW = {"model_type": "Scikit_Learn", "metrics": {"accuracy": 0.95}, "dependencies": []}


def make_pair():
    old = factories.make_version(number=(0, 0, 1), config=OLD, file_count=2)
    new = factories.make_version(number=(0, 0, 2), config=NEW, file_count=2)
    for version, weights in ((old, "a" * 64), (new, "b" * 64)):
        StoredFile.objects.create(version=version, path="model/config.json", size=3, sha256="c" * 64)
        StoredFile.objects.create(version=version, path="model/model.pkl", size=5, sha256=weights)
    return old.model


def address(model, **query):
    return reverse("registry:model-compare", args=[model.uuid], query=query or None)


def rows_shown(response):
    return {section.key: [(row.name, row.change) for row in section.rows] for section in response.context["sections"]}


def test_rows_keep_the_order_of_the_first_side_and_then_what_is_new():
    rows = rows_of({"b": 1, "a": 2}, {"a": 2, "c": 3})

    assert rows == (Row("b", 1, None), Row("a", 2, 2), Row("c", None, 3))
    assert [row.change for row in rows] == [Change.REMOVED, Change.SAME, Change.ADDED]


def test_sorted_rows_stand_in_the_order_of_their_names():
    assert sorted_rows({"b": 1}, {"a": 1, "b": 2}) == (Row("a", None, 1), Row("b", 1, 2))


def test_page_shows_only_differences_of_the_two_highest_versions(client, viewer):
    model = make_pair()
    client.force_login(viewer)

    response = client.get(address(model))

    assert (response.context["before"].number, response.context["after"].number) == ("0.0.1", "0.0.2")
    assert rows_shown(response) == {
        "dependencies": [("pip: numpy", Change.REMOVED)],
        "metrics": [("accuracy", Change.CHANGED)],
        "files": [("model/model.pkl", Change.CHANGED)],
    }


def test_page_shows_everything_on_request(client, viewer):
    model = make_pair()
    client.force_login(viewer)

    response = client.get(address(model, show="all"))

    assert rows_shown(response)["files"] == [("model/config.json", Change.SAME), ("model/model.pkl", Change.CHANGED)]
    assert response.context["differences"] == 3


def test_page_takes_the_versions_the_address_names(client, viewer):
    model = make_pair()
    client.force_login(viewer)

    response = client.get(address(model, a="0.0.2", b="0.0.1"))

    assert rows_shown(response)["dependencies"] == [("pip: numpy", Change.ADDED)]


@pytest.mark.parametrize("number", ["9.9.9", "x", "\0", "0.0.2\n"])
def test_unknown_numbers_in_the_address_count_as_not_given(client, viewer, number):
    model = make_pair()
    client.force_login(viewer)

    response = client.get(address(model, a=number, b=number))

    assert (response.context["before"].number, response.context["after"].number) == ("0.0.1", "0.0.2")


def test_page_of_a_single_version_says_that_two_are_needed(client, viewer):
    model = factories.make_version().model
    client.force_login(viewer)

    response = client.get(address(model))

    assert "A comparison needs two versions of this model." in response.text


def test_page_of_another_workspace_is_not_found(client, viewer):
    model = factories.make_version(workspace=factories.make_workspace("theirs")).model
    client.force_login(viewer)

    assert client.get(address(model)).status_code == 404


@pytest.mark.parametrize("files", [1, 3])
def test_page_costs_the_same_queries_whatever_there_is_to_compare(client, viewer, django_assert_num_queries, files):
    model = make_pair()
    for version in model.versions.all():
        for number in range(files):
            StoredFile.objects.create(version=version, path=f"model/{number}", size=1, sha256="d" * 64)
            version.labels.create(name=f"label-{number}")
    client.force_login(viewer)

    with django_assert_num_queries(13):
        client.get(address(model))

"""Editing what may change about a version: who, when, what is recorded."""

import pytest
from django.core.exceptions import ValidationError

from registry import services
from registry.models import ModelVersion, RegisteredModel
from tests.factories import make_version
from tests.registry.test_services import audited, codes

pytestmark = pytest.mark.django_db


def test_edit_description_records_who_and_what(developer):
    version = make_version(description="old")

    services.edit_description(version, "new", by=developer)
    services.edit_description(version, "new", by=developer)

    change = {"before": "old", "after": "new"}
    assert ModelVersion.objects.get().description == "new"
    assert list(version.events.values_list("code", "params", "actor_name")) == [("edit.description", change, "dev")]
    assert audited() == [
        ("updateModel", "dev", {"name": "digits", "version": "0.0.1", "field": "description"} | change)
    ]


def test_edit_model_description_is_audited(developer):
    model = make_version().model

    services.edit_model_description(model, "Reads digits", by=developer)
    services.edit_model_description(model, "Reads digits", by=developer)

    assert RegisteredModel.objects.get().description == "Reads digits"
    assert [code for code, _, _ in audited()] == ["updateModel"]


def test_edit_labels_replaces_them_in_order(developer):
    version = make_version()
    services.edit_labels(version, ["b", "a"], by=developer)

    services.edit_labels(version, ["c", "a", "c"], by=developer)

    assert [label.name for label in version.labels.all()] == ["c", "a"]
    assert version.events.first().params == {"before": ["b", "a"], "after": ["c", "a"]}


def test_edit_documents_replaces_them(developer):
    version = make_version()
    services.edit_documents(version, [("Old", "https://example.org/old")], by=developer)

    services.edit_documents(version, [("New", "https://example.org/new")], by=developer)

    assert list(version.documents.values_list("name", "url")) == [("New", "https://example.org/new")]
    assert codes(version) == ["edit.documents", "edit.documents"]


@pytest.mark.parametrize(
    ("edit", "value"),
    [
        (services.edit_description, "a & b"),
        (services.edit_labels, ["a", "b", "c", "d", "e", "f"]),
        (services.edit_labels, ["<b>"]),
        (services.edit_documents, [("Paper", "ftp://example.org")]),
        (services.edit_documents, [("P", "https://example.org")] * 4),
    ],
)
def test_edits_against_the_rules_change_nothing(developer, edit, value):
    version = make_version()

    with pytest.raises(ValidationError):
        edit(version, value, by=developer)

    assert version.events.count() == 0

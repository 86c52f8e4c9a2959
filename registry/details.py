"""What people say about a version beside its package: checked, stored, replaced."""

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from registry.models import DeploymentType, Label, ModelDocument, ModelVersion
from registry.validators import valid_document_name, valid_document_url, valid_label

MAX_LABELS = 5
MAX_DOCUMENTS = 3


def checked_labels(labels: Iterable[str]) -> list[str]:
    """The labels without repetitions; ValidationError when one is against the rules or there are too many."""
    names = list(dict.fromkeys(labels))
    if len(names) > MAX_LABELS:
        raise ValidationError(_("A version has at most five labels."), code="too_many")
    for name in names:
        valid_label(name)
    return names


def checked_documents(documents: Iterable[tuple[str, str]]) -> list[list[str]]:
    """The documents as [name, URL]; ValidationError when one is against the rules or there are too many."""
    rows = [[name, url] for name, url in documents]
    if len(rows) > MAX_DOCUMENTS:
        raise ValidationError(_("A version has at most three documents."), code="too_many")
    for name, url in rows:
        valid_document_name(name)
        valid_document_url(url)
    return rows


def joined_types(types: Iterable[str]) -> str:
    """The deployment types as one column keeps them: each once, in the order of the console."""
    chosen = set(types)
    return ",".join(kind for kind in DeploymentType.values if kind in chosen)


def store_labels(version: ModelVersion, names: Iterable[str]) -> None:
    """In the place of those the version has."""
    version.labels.all().delete()
    Label.objects.bulk_create(Label(version=version, name=name) for name in names)


def store_documents(version: ModelVersion, rows: Iterable[list[str]]) -> None:
    """In the place of those the version has."""
    version.documents.all().delete()
    ModelDocument.objects.bulk_create(ModelDocument(version=version, name=name, url=url) for name, url in rows)

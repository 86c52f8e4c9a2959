"""Creating a new version of a model: the import form with the name fixed, begun with what the latest version says."""

from typing import Any
from uuid import UUID

from accounts.models import Workspace
from accounts.queries import Person
from importers.forms import SOURCE_FORMS
from registry.forms import initial_documents
from registry.models import ModelSource, ModelVersion, RegisteredModel
from registry.queries import models_for, next_number


def model_named(user: Person, workspace: Workspace, code: UUID | None) -> RegisteredModel | None:
    """The model that gets a new version; a subscribed one never gets any (console-flow.md §5)."""
    if code is None:
        return None
    models = models_for(user).filter(workspace=workspace, uuid=code).exclude(latest_source=ModelSource.SUBSCRIBED)
    return models.select_related("latest").first()


def start_of(model: RegisteredModel) -> dict[str, Any]:
    """What the form begins with: the next number, and what the latest version was made of; all free to change."""
    start = {"name": model.name, "version": str(next_number(model) or "")}
    return start | _said_of(model.latest) if model.latest else start


def _said_of(latest: ModelVersion) -> dict[str, Any]:
    documents = latest.documents.values_list("name", "url")
    return {
        "labels": ",".join(latest.labels.values_list("name", flat=True)),
        "deployment_types": latest.types,
        "documents": initial_documents(documents),
        "prove": latest.proof_wanted,
        "sample": latest.sample,
        **_source(latest),
        **_specification(latest),
    }


def _source(latest: ModelVersion) -> dict[str, Any]:
    form = SOURCE_FORMS.get(latest.source_kind)
    return {"source": latest.source_kind, **form.start_of(latest)} if form else {}


def _specification(latest: ModelVersion) -> dict[str, Any]:
    spec = getattr(latest, "inference_spec", None)
    if spec is None:
        return {}
    accelerator = "ascend" if spec.ascend else "gpu"
    values = {"cpu": spec.cpu, "memory": spec.memory, "gpu": spec.gpu, "ascend": spec.ascend}
    return values | {"spec": True, "accelerator": accelerator}

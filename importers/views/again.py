"""Importing again with changes: the form begun with everything an import job was asked for."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from accounts.models import Workspace
from accounts.queries import Person
from accounts.roles import Action
from importers.forms import SOURCE_FORMS
from importers.forms_image import ONLINE
from importers.forms_source import mark_of
from importers.models import ImportJob
from importers.queries import jobs_for
from importers.request import ImportRequest
from registry.forms import initial_documents


def job_named(user: Person, workspace: Workspace, code: UUID | None) -> ImportJob | None:
    if code is None:
        return None
    return jobs_for(user, Action.IMPORT).filter(workspace=workspace, uuid=code).first()


def start_again(job: ImportJob) -> dict[str, Any]:
    """What the form begins with; what it was given wins over what the job's own columns say."""
    start: dict[str, Any] = {
        "name": job.model_name,
        "version": job.version_number,
        "source": job.source_kind,
        "path": job.source_path,
    }
    start |= {"sample": job.version.sample} if job.version else {}
    return start | _asked(ImportRequest.from_dict(job.request)) if job.request else start


def _asked(request: ImportRequest) -> dict[str, Any]:
    details, form = request.details, SOURCE_FORMS.get(request.source_kind)
    return {
        "description": details.description,
        "labels": ",".join(details.labels),
        "documents": initial_documents(details.documents),
        "deployment_types": details.deployment_types,
        "engine": request.engine,
        "prove": request.proof_wanted,
        **(form.start_again(request.source) if form else {}),
        **_specification(request),
        **_configuration(request),
    }


def _specification(request: ImportRequest) -> Mapping[str, Any]:
    spec = request.details.spec
    if spec is None:
        return {}
    accelerator = "ascend" if spec.ascend else "gpu"
    values = {"cpu": spec.cpu, "memory": spec.memory, "gpu": spec.gpu, "ascend": spec.ascend}
    return values | {"spec": True, "accelerator": accelerator}


def _configuration(request: ImportRequest) -> Mapping[str, Any]:
    form, text = SOURCE_FORMS.get(request.source_kind), request.config_text
    if text is None or form is None or not form.has_editor:
        return {}
    kept = mark_of(request.config_origin, text) if request.config_origin in {"repaired", "obs"} else ""
    return {"config_edit": True, "config_from": ONLINE, "config_text": text, "config_mark": kept}

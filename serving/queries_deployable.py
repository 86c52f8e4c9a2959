"""What can be deployed: the models and versions that the deploy form offers."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Workspace
from accounts.queries import Person
from registry.models import ModelVersion, RegisteredModel, Status
from registry.queries import LARGE, models_for
from serving.models import EnvironmentState, ProofRecord, ProofState, VersionEnvironment
from serving.queries_services import REAL_TIME
from serving.specs import Needs

MODELS_SHOWN = 200
VERSIONS_SHOWN = 100


@dataclass(frozen=True)
class Running:
    """What a version would run in; of the interpreter the version of Python."""

    interpreter: str = ""
    ready: bool = False


def deployable_models(user: Person, workspace: Workspace) -> QuerySet[RegisteredModel]:
    """Models of the workspace with a Normal version that was imported for real-time services, by name."""
    wanted = ModelVersion.objects.filter(_DEPLOYABLE, model=OuterRef("pk"))
    return models_for(user).filter(Exists(wanted), workspace=workspace).order_by("name")


def deployable_versions(model: RegisteredModel) -> QuerySet[ModelVersion]:
    """Its Normal versions, the highest first, without texts and reports."""
    rows = model.versions.filter(_DEPLOYABLE).select_related("model__workspace", "inference_spec")
    return rows.defer(*LARGE).order_by("-major", "-minor", "-patch")


def needs_of(version: ModelVersion) -> Needs:
    """What its author said one instance needs, else what its last proof suggests; an empty one without both."""
    spec = getattr(version, "inference_spec", None)
    if spec is not None:
        return Needs(spec.cpu, spec.memory, accelerator=bool(spec.gpu or spec.ascend))
    proofs = ProofRecord.objects.filter(version=version, state__in=(ProofState.ANSWERED, ProofState.STARTED))
    suggestion = proofs.order_by("-pk").values_list("suggestion", flat=True).first()
    if not suggestion:
        return Needs()
    return Needs(Decimal(suggestion["cpu"]), suggestion["memory"], measured=True)


def environment_of(version: ModelVersion) -> Running:
    record = VersionEnvironment.objects.select_related("environment").filter(version=version).first()
    if record is None or record.environment is None:
        return Running()
    environment = record.environment
    return Running(environment.interpreter.removeprefix("CPython "), environment.state == EnvironmentState.READY)


# `types` is a comma-separated column, and no type is part of another.
_DEPLOYABLE = Q(status=Status.NORMAL, deployment_types__contains=REAL_TIME)

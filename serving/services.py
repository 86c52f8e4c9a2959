"""Commands on services: deploy, start, stop, delete, and what may be changed while they run."""

from datetime import timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from accounts.models import User, Workspace
from accounts.queries import require
from accounts.roles import Action
from accounts.services import record_audit
from registry.engines import cannot_run_reason
from registry.errors import UseRefused
from registry.models import DeploymentType, ModelVersion
from registry.services_review import Use, check_use, why_not_use
from registry.transitions import Line, lock_model
from serving import transitions_services as transitions
from serving.errors import ServiceRefused
from serving.models import Route, Service, ServiceEvent, ServiceRevision
from serving.queries_room import memory_in_use
from serving.queries_services import REAL_TIME, counted, current_revisions
from serving.services_environments import ensure_environment
from serving.specs import (
    MOST_INSTANCES,
    Machine,
    Specification,
    machine_size,
    refusal_params,
    specification_of,
    why_not,
)
from serving.values import Deployment

__all__ = ["Deployment", "delete", "deploy", "edit_description", "set_auto_stop", "start", "stop"]

RECONCILE = "serving.reconcile"


@transaction.atomic
def deploy(version: ModelVersion, wanted: Deployment, *, by: User) -> Service:
    """Make a real-time service of the version and have it started after commit, once its environment stands.

    Raises NotAllowed, and ServiceRefused where the version, the name, the quota or this machine stand against it. The
    same deployment sent twice is one service.
    """
    workspace = version.model.workspace
    require(by, Action.DEPLOY, workspace)
    lock_model(version.model_id)  # of one form sent twice at once, the second waits here
    if sent := Service.objects.filter(uuid=wanted.uuid, workspace=workspace, created_by=by).first():
        return sent
    specification = _check_size(wanted)
    _check_version(version)
    _lock_pool()
    _check_quota(workspace, by)
    _check_room(specification, wanted.instances)
    ensure_environment(version, by=by)
    service = _make(workspace, wanted, by)
    revision = ServiceRevision.objects.create(
        service=service,
        version=version,
        number=1,
        instances=wanted.instances,
        specification=specification.code,
        cpu=specification.cpu,
        memory=specification.memory,
        variables=dict(wanted.variables),
        timeout=wanted.timeout,
        created_by_name=by.get_username(),
    )
    Route.objects.create(service=service, revision=revision, weight=100)
    ServiceEvent.objects.create(service=service, code="service.deploy_started", actor_name=by.get_username())
    told = {"version": version.number, "specification": specification.code, "instances": wanted.instances}
    record_audit(workspace, "addService", by=by, name=wanted.name, model=version.model.name, **told)
    _ring(service)
    return service


@transaction.atomic
def start(service: Service, *, by: User) -> bool:
    """Deploy a service again that stopped or failed. False in any other state; raises as `deploy`."""
    require(by, Action.DEPLOY, service.workspace)
    revisions = current_revisions(service)
    for revision in revisions:
        _check_version(revision.version)
    if not transitions.begin(service, by=by):
        return False
    _lock_pool()
    for revision in revisions:
        ensure_environment(revision.version, by=by)
        specification = specification_of(revision.specification)
        if specification:
            _check_room(specification, revision.instances, but=service)
    record_audit(service.workspace, "startOrStopService", by=by, name=service.name, operation="start")
    _ring(service)
    return True


@transaction.atomic
def stop(service: Service, *, by: User) -> bool:
    """Stop a service that runs, whole or in part. False in any other state."""
    require(by, Action.DEPLOY, service.workspace)
    if not transitions.begin_stop(service, by=by):
        return False
    record_audit(service.workspace, "startOrStopService", by=by, name=service.name, operation="stop")
    _ring(service)
    return True


@transaction.atomic
def delete(service: Service, *, by: User) -> bool:
    """Delete a service in any state, once its instances have ended. False when that is under way already."""
    require(by, Action.DEPLOY, service.workspace)
    if not transitions.begin_delete(service, by=by):
        return False
    record_audit(service.workspace, "deleteService", by=by, name=service.name)
    _ring(service)
    return True


@transaction.atomic
def set_auto_stop(service: Service, seconds: int | None, *, by: User) -> bool:
    """Let it stop so long from now (a service at rest: from when it runs), or never. False when it is being deleted."""
    require(by, Action.DEPLOY, service.workspace)
    current = Service.objects.select_for_update().get(pk=service.pk)
    runs = transitions.runs(current)
    stops_at = now() + timedelta(seconds=seconds) if seconds and runs else None
    code = "service.auto_stop_set" if runs else "service.auto_stop_on"
    event = Line(code, {"seconds": seconds}) if seconds else Line("service.auto_stop_off")
    if not transitions.change(service, event, by=by, auto_stop_seconds=seconds, stops_at=stops_at):
        return False
    _record_change(service, "auto_stop", _hours(current.auto_stop_seconds), _hours(seconds), by=by)
    return True


@transaction.atomic
def edit_description(service: Service, description: str, *, by: User) -> bool:
    """Change the description of a service. False when it is being deleted."""
    require(by, Action.DEPLOY, service.workspace)
    before = Service.objects.select_for_update().get(pk=service.pk).description
    if description == before:
        return True
    if not transitions.change(service, None, by=by, description=description):
        return False
    _record_change(service, "description", before, description, by=by)
    return True


def why_not_deploy(version: ModelVersion) -> ServiceRefused | None:
    """What stands against deploying the version, as it is given, as a real-time service; asks no database.

    An environment that it lacks does not: the deployment waits until it is built.
    """
    if reason := cannot_run_reason(version.engine):
        return ServiceRefused(reason, field="version", engine=version.engine)
    if reason := why_not_use(version, Use.DEPLOY, deployment_type=REAL_TIME):
        return ServiceRefused(reason, field="version", engine=version.engine, type=REAL_TIME)
    return None


def machine_now(*, but: Service | None = None) -> Machine:
    """What the public pool has, and how much of it is promised to services and taken by proofs."""
    size = machine_size()
    return Machine(size.cores, size.memory, memory_in_use(but=but))


def _check_version(version: ModelVersion) -> None:
    """Under the model's lock, so that nobody deletes, rejects or rebuilds the version meanwhile."""
    if lock_model(version.model_id) is None or not ModelVersion.objects.filter(pk=version.pk).exists():
        raise ServiceRefused("service.version_gone", field="version")
    _check_use(version)


def _check_use(version: ModelVersion) -> None:
    if reason := cannot_run_reason(version.engine):
        raise ServiceRefused(reason, field="version", engine=version.engine)
    try:
        check_use(version, Use.DEPLOY, deployment_type=REAL_TIME)
    except UseRefused as refused:
        raise ServiceRefused(refused.code, field="version", **refused.params) from None


def _check_size(wanted: Deployment) -> Specification:
    specification = specification_of(wanted.specification)
    if specification is None:
        raise ServiceRefused("service.specification_unknown", field="specification")
    if not 1 <= wanted.instances <= MOST_INSTANCES:
        raise ServiceRefused("service.too_many_instances", field="instances", most=MOST_INSTANCES)
    return specification


def _check_room(specification: Specification, instances: int, *, but: Service | None = None) -> None:
    machine = machine_now(but=but)
    if code := why_not(specification, machine, instances=instances):
        params = refusal_params(specification, machine, instances)
        raise ServiceRefused(code, field="specification", **params)


def _lock_pool() -> None:
    """Of two deployments at once only one takes the last place: all workspaces share this machine."""
    Workspace.objects.select_for_update(no_key=True).order_by("pk").first()


def _check_quota(workspace: Workspace, by: User) -> None:
    if counted(Service.objects.all(), workspace, by) >= settings.SERVICE_QUOTA:
        raise ServiceRefused("service.quota", quota=settings.SERVICE_QUOTA)


def _make(workspace: Workspace, wanted: Deployment, by: User) -> Service:
    try:
        with transaction.atomic():
            return Service.objects.create(
                uuid=wanted.uuid,
                workspace=workspace,
                kind=DeploymentType.REAL_TIME,
                name=wanted.name,
                description=wanted.description,
                phase=transitions.PREPARING,
                deploying_since=now(),
                auto_stop_seconds=wanted.auto_stop_seconds,
                created_by=by,
                created_by_name=by.get_username(),
            )
    except IntegrityError:
        raise ServiceRefused("service.name_taken", field="name", name=wanted.name) from None


def _record_change(service: Service, field: str, before: Any, after: Any, *, by: User) -> None:
    told = {"field": field, "before": before, "after": after}
    record_audit(service.workspace, "updateService", by=by, name=service.name, **told)


def _hours(seconds: int | None) -> float | None:
    return seconds / 3600 if seconds else None


def _ring(service: Service) -> None:
    """The broker is only a bell: what it loses, the sweep finds."""

    # A function with a name: when it fails, what robust=True logs asks for one, which a partial has not.
    def ring() -> None:
        current_app.send_task(RECONCILE, [service.pk])

    transaction.on_commit(ring, robust=True)

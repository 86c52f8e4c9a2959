"""Commands of training: register a run, which is told more than once, and delete what was registered."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from accounts.models import User, Workspace
from accounts.queries import Person
from accounts.services import record_audit
from importers.errors import RunConflict
from importers.models import RUN_ENDED, AlgorithmKind, ForgottenRun, RunSource, RunStatus, TrainingJob, TrainingRun
from importers.request import ImportRequest
from importers.services import submit_import
from importers.storable import storable
from importers.values_training import RunValues, check_run, problems_of
from registry.models import SourceKind
from registry.validators import NAME_LENGTH, name_like
from registry.values import VersionDetails
from registry.versions import FIRST

BATCH = 500
# What is said once and stays; what was not said yet may be added at any time.
FACTS = (
    "kind",
    "algorithm",
    "project",
    "engine",
    "output_path",
    "metrics",
    "parameters",
    "external_url",
    "started_at",
    "finished_at",
)
RANK = {RunStatus.INITIALIZING: 0, RunStatus.DEPLOYING: 1, RunStatus.RUNNING: 2} | dict.fromkeys(RUN_ENDED, 3)


class Registered(StrEnum):
    """What registering a run came to."""

    CREATED = "created"
    ADVANCED = "advanced"
    UNCHANGED = "unchanged"


def register_run(workspace: Workspace, body: RunValues, *, by: User | None, source: RunSource) -> TrainingRun:
    """`record_run` for whoever only wants the run."""
    return record_run(workspace, body, by=by, source=source)[0]


@transaction.atomic
def record_run(
    workspace: Workspace, body: RunValues, *, by: User | None, source: RunSource
) -> tuple[TrainingRun, Registered]:
    """Keep a run under its job and external ID, making the job where there is none.

    The same body again changes nothing. A later one may advance the status, add what was not said yet, or set
    `deployed`; raises RunConflict for everything else, and ValidationError, by field, for what is against the rules.
    """
    body = replace(body, parameters=storable(dict(body.parameters)))
    check_run(body)
    job = _job_named(workspace, body.job, by)
    run = job.runs.filter(external_id=body.external_id).first()
    if run is None:
        return _create(job, body, by=by, source=source), Registered.CREATED
    run.job = job
    changes = _changes(run, body)
    if not changes:
        return run, Registered.UNCHANGED
    _advance(run, changes, by=by)
    return run, Registered.ADVANCED


def refusals(workspace: Workspace, body: RunValues) -> dict[str, list[str]]:
    """Everything that `record_run` would find wrong with the values, by field; empty when nothing is."""
    known = TrainingRun.objects.filter(
        job__workspace=workspace, job__name=body.job, external_id=body.external_id
    ).exists()
    return problems_of(body, new=not known)


@transaction.atomic
def delete_run(run: TrainingRun, *, by: User) -> None:
    """Forget a run. What was imported from it stays, and so does its output.

    One that was read from a tracking server does not come back with the next synchronisation.
    """
    job = TrainingJob.objects.select_for_update(of=("self",)).select_related("workspace").get(pk=run.job_id)
    record_audit(run.job.workspace, "training.run_deleted", by=by, **_facts(run))
    _keep_away(job, job.runs.filter(pk=run.pk))
    run.delete()
    _follow(job)


@transaction.atomic
def delete_job(job: TrainingJob, *, by: User) -> None:
    """Forget a job and its runs, as `delete_run` does."""
    # Held so that no run comes to it meanwhile, which would make the database refuse.
    TrainingJob.objects.select_for_update(of=("self",)).filter(pk=job.pk).first()
    record_audit(job.workspace, "training.job_deleted", by=by, name=job.name, runs=job.runs.count())
    _keep_away(job, job.runs.all())
    job.delete()


def _keep_away(job: TrainingJob, runs: QuerySet[TrainingRun]) -> None:
    """Remember those that a synchronisation would find again."""
    names = runs.filter(source=RunSource.MLFLOW).order_by().values_list("external_id", flat=True)
    rows = [ForgottenRun(workspace_id=job.workspace_id, external_id=name) for name in names]
    ForgottenRun.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)


def _job_named(workspace: Workspace, name: str, by: Person | None) -> TrainingJob:
    """The workspace's job of that name, made where there is none, and held until the transaction ends."""
    while True:
        known = {"created_by": by, "created_by_name": by.get_username() if by else ""}
        job, _created = TrainingJob.objects.get_or_create(workspace=workspace, name=name, defaults=known)
        if locked := TrainingJob.objects.select_for_update(of=("self",)).filter(pk=job.pk).first():
            locked.workspace = workspace
            return locked  # Else it was deleted between the two statements: make it again.


def _create(job: TrainingJob, body: RunValues, *, by: User | None, source: RunSource) -> TrainingRun:
    body = replace(body, kind=body.kind or AlgorithmKind.FRAMEWORK)
    check_run(body, new=True)
    facts = {name: getattr(body, name) for name in FACTS}
    facts |= {"metrics": dict(body.metrics)}
    run = TrainingRun.objects.create(
        job=job,
        number=job.last_number + 1,
        external_id=body.external_id,
        source=source,
        status=body.status,
        deployed=body.deployed,
        created_by=by,
        created_by_name=by.get_username() if by else "",
        **facts,
    )
    _follow(job)
    record_audit(run.job.workspace, "training.registered", by=by, **_facts(run))
    if run.deployed:
        _bring_in(run, by=by)
    return run


def _changes(run: TrainingRun, body: RunValues) -> dict[str, Any]:
    """What the body says that the run does not; raises RunConflict where it may not."""
    advances = _advances(run, body.status)
    changes: dict[str, Any] = {"status": body.status} if advances else {}
    for name in FACTS:
        said, known = getattr(body, name), getattr(run, name)
        if not said or said == known:
            continue
        if known:
            raise RunConflict("training.contradicts", field=name)
        changes[name] = said
    if changes:
        _check_whole(run, changes)
    if body.deployed and not run.deployed:
        _check_deployable(run, changes)
        changes["deployed"] = True
    return changes


def _check_whole(run: TrainingRun, changes: Mapping[str, Any]) -> None:
    """What is added must agree with what was said before; raises ValidationError where it does not."""
    whole = {name: changes.get(name, getattr(run, name)) for name in (*FACTS, "status")}
    check_run(RunValues(job=run.job.name, external_id=run.external_id, **whole))


def _advances(run: TrainingRun, status: str) -> bool:
    if not status or status == run.status:
        return False
    if RANK[RunStatus(status)] <= RANK[RunStatus(run.status)]:
        raise RunConflict("training.status_back", field="status", before=run.status, after=status)
    return True


def _check_deployable(run: TrainingRun, changes: Mapping[str, Any]) -> None:
    status, output_path = (changes.get(name, getattr(run, name)) for name in ("status", "output_path"))
    if run.kind != AlgorithmKind.EXEML:
        raise RunConflict("training.deployed_not_exeml", field="deployed")
    if status != RunStatus.SUCCESSFUL:
        raise RunConflict("training.deployed_not_successful", field="deployed")
    if not output_path:
        raise RunConflict("training.deployed_without_output", field="deployed")


def _advance(run: TrainingRun, changes: dict[str, Any], *, by: User | None) -> None:
    held = TrainingRun.objects.filter(pk=run.pk, status=run.status, deployed=run.deployed)
    if held.update(**changes) != 1:
        raise RunConflict("training.changed_meanwhile", field="status")
    for name, value in changes.items():
        setattr(run, name, value)
    _follow(run.job)
    record_audit(run.job.workspace, "training.advanced", by=by, **_facts(run))
    if changes.get("deployed"):
        _bring_in(run, by=by)


def _bring_in(run: TrainingRun, *, by: User | None) -> None:
    """Import what ExeML deployed, under a name of its own. `deployed` is set once, so this happens once."""
    request = ImportRequest(
        name=_generated_name(run.project),
        number=FIRST,
        details=VersionDetails(description=f"{run.label} (ExeML)"),
        source_kind=SourceKind.TRAINING,
        source={"job": run.job.name, "run": run.label},
    )
    submit_import(request, workspace=run.job.workspace, by=by)


def _generated_name(project: str) -> str:
    """The project and something that tells its models apart, within the rules for names (console-flow.md §4.1)."""
    return f"{name_like(project, otherwise='exeml')[: NAME_LENGTH - 7]}-{secrets.token_hex(3)}"


def _follow(job: TrainingJob) -> None:
    """Make the `latest_*` columns and the count true again."""
    newest = job.runs.first()
    job.run_count = job.runs.count()
    job.last_number = max(job.last_number, newest.number if newest else 0)
    job.latest_status = newest.status if newest else ""
    job.latest_kind = newest.kind if newest else ""
    job.latest_engine = newest.engine if newest else ""
    job.latest_at = newest.created_at if newest else now()
    job.save(update_fields=["run_count", "last_number", "latest_status", "latest_kind", "latest_engine", "latest_at"])


def _facts(run: TrainingRun) -> dict[str, str]:
    """What an audit event keeps of a run."""
    return {"name": run.job.name, "version": run.label, "status": run.status}

"""Commands of importing: submit, look beforehand, cancel, retry, and what heals and tidies up."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now
from kombu.exceptions import OperationalError

from accounts.models import User, Workspace
from accounts.services import record_audit
from importers import known, pipeline, transitions
from importers.models import FINISHED, ImportJob, State
from importers.package.check import PackageReport
from importers.queries import lost, oldest_running_start, unrung
from importers.request import ImportRequest
from importers.sources import source_for
from importers.sources.base import finding_of
from importers.storable import storable
from registry import artifacts
from registry.models import DeploymentType
from registry.services import release_version, reserve_version, restart_import
from stores.errors import SourceRefused, SourceUnavailable

__all__ = ["ImportRequest", "cancel_import", "preview_source", "retry_import", "submit_import"]

logger = logging.getLogger(__name__)
RUN_IMPORT = "importers.run_import"
ALL_TYPES = tuple(DeploymentType.values)


@transaction.atomic
def submit_import(request: ImportRequest, *, workspace: Workspace, by: User | None, replace: bool = False) -> ImportJob:
    """Reserve the version, record the job, and ring the worker once that is committed.

    Raises VersionTaken when name and number exist (`replace` takes the place of a failed version), and SourceRefused
    when the source's path cannot be one, or what it asks everybody to agree to was not agreed to.
    """
    source = source_for(request.source_kind)
    if request.consent != source.consent:
        raise SourceRefused("import.consent_missing")
    shown, terms = source.shown(workspace, request.source), source.terms(workspace, request.source)
    version = reserve_version(
        workspace,
        name=request.name,
        number=request.number,
        details=request.details,
        source_kind=request.source_kind,
        source_path=shown,
        source_params=storable(dict(request.source)) | _consent(request, by),
        model_source=terms.model_source,
        proof_wanted=request.proof_wanted,
        sample=storable(dict(request.sample)) if request.sample else None,
        by=by,
        replace=replace,
    )
    job = ImportJob.objects.create(
        workspace=workspace,
        version=version,
        model_name=request.name,
        version_number=str(request.number),
        version_uuid=version.uuid,
        source_kind=request.source_kind,
        source_path=shown,
        request=storable(request.as_dict()),
        training_run=terms.training_run,
        lease_until=transitions.lease_end(),
        created_by=by,
        created_by_name=by.get_username() if by else "",
    )
    transitions.record_event(job, State.QUEUED, "import.submitted", {}, by=by)
    if request.consent:
        told = {"name": request.name, "version": version.number, "image": shown, "words": request.consent}
        record_audit(workspace, "import.consented", by=by, **told)
    _ring(job)
    return job


def preview_source(
    *,
    workspace: Workspace,
    source_kind: str,
    source: Mapping[str, str],
    engine: str = "",
    config_text: str | None = None,
    deployment_types: tuple[str, ...] = ALL_TYPES,
) -> PackageReport:
    """What importing this would find, from a listing and range reads alone. What the source refuses is a finding."""
    try:
        folder, options = pipeline.locate(
            workspace,
            kind=source_kind,
            source=source,
            engine=engine,
            config_text=config_text,
            deployment_types=deployment_types,
        )
        return pipeline.look_at_image(workspace, pipeline.examine(folder, options)[0])
    except (SourceRefused, SourceUnavailable) as error:
        return PackageReport(findings=(finding_of(error),))


@transaction.atomic
def cancel_import(job: ImportJob, *, by: User | None) -> bool:
    """Stop an import before its version is at rest: the version goes and the name is free. False when too late."""
    transitions.lock_version(job)
    if not transitions.cancel(job, "import.cancelled", by=by):
        return False
    if job.version is not None:
        release_version(job.version, by=by)
    return True


@transaction.atomic
def retry_import(job: ImportJob, *, by: User | None) -> bool:
    """Queue a failed job again, with its version. False unless both have failed."""
    transitions.lock_version(job)
    if job.version is None or not transitions.retry(job, by=by):
        return False
    if not restart_import(job.version, by=by):
        transaction.set_rollback(True)
        return False
    _ring(job)
    return True


def sweep_imports() -> None:
    """Requeue what a crash left, end what has no version or no attempt left, and ring what nobody has heard."""
    for job in ImportJob.objects.filter(lost(now()), version__isnull=False).select_related("version"):
        if transitions.last_attempt(job):
            held = lost(now()) & Q(attempts=job.attempts)
            pipeline.fail(job, "import.worker_died", {"attempts": settings.IMPORT_ATTEMPTS}, condition=held)
        elif transitions.requeue_lost(job):
            _ring(job)
    for job in ImportJob.objects.filter(version=None).exclude(state__in=FINISHED):
        transitions.cancel(job, "import.version_deleted", condition=Q(version=None))
    for job in ImportJob.objects.filter(unrung(now())):
        if transitions.rung(job):
            _ring(job)


def sweep_artifacts() -> int:
    """Remove bytes that no version refers to, but none that an import under way may have just stored."""
    known.forget_old()
    grace = now() - timedelta(seconds=settings.ARTIFACT_GRACE_SECONDS)
    return artifacts.sweep(keep_since=min(grace, oldest_running_start() or grace))


def _consent(request: ImportRequest, by: User | None) -> dict[str, Any]:
    """Who agreed to what, and when; kept with the version."""
    if not request.consent:
        return {}
    who = by.get_username() if by else ""
    return {"consent": {"words": request.consent, "by": who, "at": now().isoformat(timespec="seconds")}}


def _ring(job: ImportJob) -> None:
    """Tell a worker after commit. The broker is only a bell: when it is silent, the sweep rings again."""

    def ring() -> None:
        try:
            current_app.send_task(RUN_IMPORT, [job.pk])
        except OperationalError as error:
            logger.warning("broker did not answer: %s", error, extra={"job": job.pk})

    transaction.on_commit(ring, robust=True)

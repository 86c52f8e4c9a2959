"""Commands on exports into buckets: submit, cancel, retry, and what heals them."""

import logging

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now
from kombu.exceptions import OperationalError

from accounts.models import User
from accounts.services import record_audit
from registry import transitions_exports as transitions
from registry.exports import archive_of, can_be_exported
from registry.exports_job import discard
from registry.models import ModelVersion
from registry.models_exports import EXPORT_FINISHED, ExportJob, ExportState
from registry.queries import may_download
from registry.queries_exports import complete, incomplete, lost, stoppable, unrung
from registry.transitions import lock_model
from stores.errors import SourceRefused
from stores.models import Bucket
from stores.paths import shown
from stores.services_objects import check_new_object

logger = logging.getLogger(__name__)
RUN_EXPORT = "registry.run_export"


def submit_export(
    version: ModelVersion, *, bucket: Bucket, prefix: str, name: str, replace: bool = False, by: User | None
) -> ExportJob:
    """Check that the object may be made, record the job, and ring a worker once that is committed.

    Raises SourceRefused for a name that is no name, that is taken (`replace` allows an object of that very name) or
    differs from a taken one only in case, and SourceUnavailable when the bucket does not answer.
    """
    if not may_download(version) or not can_be_exported(version):
        raise SourceRefused("export.not_given_out")
    key = check_new_object(bucket, prefix, name, replace=replace)
    size = archive_of(version).size
    with transaction.atomic():
        lock_model(version.model_id)
        if not ModelVersion.objects.filter(pk=version.pk).exists():
            raise SourceRefused("export.version_deleted")
        if Bucket.objects.select_for_update().filter(pk=bucket.pk).first() is None:
            raise SourceRefused("source.bucket_missing", bucket=bucket.name)
        job = ExportJob.objects.create(
            workspace=version.model.workspace,
            version=version,
            model_name=version.model.name,
            version_number=version.number,
            version_uuid=version.uuid,
            digest=version.digest,
            bucket=bucket,
            bucket_name=bucket.name,
            key=key,
            replace=replace,
            bytes_total=size,
            lease_until=transitions.lease_end(),
            created_by=by,
            created_by_name=by.get_username() if by else "",
        )
        transitions.record_event(job, ExportState.QUEUED, "export.submitted", {}, by=by)
        record_audit(job.workspace, "export.submitted", by=by, **_told(job))
        _ring(job)
    return job


@transaction.atomic
def cancel_export(job: ExportJob, *, by: User | None) -> bool:
    """Stop an export before its object gets its name; nothing of it stays in the bucket. False when too late."""
    if not transitions.cancel(job, by=by):
        return False
    record_audit(job.workspace, "export.cancelled", by=by, **_told(job))
    return True


@transaction.atomic
def retry_export(job: ExportJob, *, by: User | None) -> bool:
    """Queue a failed job again. False unless it failed and its version and bucket are still there."""
    if not transitions.retry(job, by=by):
        return False
    record_audit(job.workspace, "export.retried", by=by, **_told(job))
    _ring(job)
    return True


def sweep_exports() -> None:
    """Requeue what a crash left, end what has lost its purpose or its attempts, ring what nobody has heard."""
    for job in ExportJob.objects.filter(incomplete() & (stoppable() | lost(now()))):
        transitions.fail_incomplete(job)
    for job in ExportJob.objects.filter(lost(now()) & complete()):
        if transitions.last_attempt(job):
            held = lost(now()) & Q(attempts=job.attempts)
            transitions.fail(job, "export.worker_died", {"attempts": settings.EXPORT_ATTEMPTS}, condition=held)
        elif transitions.requeue_lost(job):
            _ring(job)
    for job in ExportJob.objects.filter(unrung(now())):
        if transitions.rung(job):
            _ring(job)
    left = ExportJob.objects.filter(state__in=EXPORT_FINISHED, bucket__isnull=False).exclude(handle="")
    for job in left.select_related("bucket__workspace"):
        discard(job)


def _told(job: ExportJob) -> dict[str, str]:
    """What an audit event keeps of an export."""
    return {"name": job.model_name, "version": job.version_number, "target": shown(job.path)}


def _ring(job: ExportJob) -> None:
    """Tell a worker after commit. The broker is only a bell: when it is silent, the sweep rings again."""

    def ring() -> None:
        try:
            current_app.send_task(RUN_EXPORT, [job.pk])
        except OperationalError as error:
            logger.warning("broker did not answer: %s", error, extra={"export": job.pk})

    transaction.on_commit(ring, robust=True)

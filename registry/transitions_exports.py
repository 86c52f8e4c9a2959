"""State changes of an export job: each is one conditional UPDATE and one event; the loser is told False."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now

from accounts.models import User
from registry.models_exports import ExportEvent, ExportJob, ExportState
from registry.queries_exports import claimable, complete, incomplete, lost, stoppable, unrung


def lease_end() -> datetime:
    return now() + timedelta(seconds=settings.EXPORT_LEASE_SECONDS)


def last_attempt(job: ExportJob) -> bool:
    """Attempts only ever grow, because they fence; a retry starts the next round of EXPORT_ATTEMPTS."""
    return job.attempts > 0 and job.attempts % settings.EXPORT_ATTEMPTS == 0


def claim(job: ExportJob) -> bool:
    """Take the job for this worker. Deliveries of a job that another works on, or that has ended, change nothing."""
    if last_attempt(job) and job.state == ExportState.WRITING:
        return False
    mine = claimable(now()) & complete() & Q(attempts=job.attempts, state=job.state)
    return _move(
        job,
        mine,
        ExportState.WRITING,
        "export.worker_lost" if job.state == ExportState.WRITING else "",
        attempts=job.attempts + 1,
        lease_until=lease_end(),
        not_before=None,
        started_at=now(),
        finished_at=None,
        reason_code="",
        reason_params={},
        bytes_done=0,
        placing=False,
    )


def renew(job: ExportJob, **progress: int) -> bool:
    """Say that this worker lives and how far it is. False when the job was cancelled, taken over or made pointless."""
    return ExportJob.objects.filter(held(job), pk=job.pk).update(lease_until=lease_end(), **progress) == 1


def note_handle(job: ExportJob, handle: str) -> bool:
    """Write down under which handle the bucket receives the object, so that it can be thrown away after a crash."""
    if ExportJob.objects.filter(held(job), pk=job.pk).update(handle=handle) != 1:
        return False
    job.handle = handle
    return True


def forget_handle(job: ExportJob) -> None:
    ExportJob.objects.filter(pk=job.pk, handle=job.handle).update(handle="")
    job.handle = ""


def place(job: ExportJob, sha256: str) -> bool:
    """All bytes are sent: note whose they are before they get their name. False when the job is not held any more."""
    changes: dict[str, Any] = {"placing": True, "sha256": sha256, "bytes_done": job.bytes_total}
    mine = held(job) & complete() & Q(placing=False)
    if ExportJob.objects.filter(mine, pk=job.pk).update(lease_until=lease_end(), **changes) != 1:
        return False
    for name, value in changes.items():
        setattr(job, name, value)
    return True


def succeed(job: ExportJob) -> bool:
    """The object is there. Also when version or bucket went in that moment: what was written is told."""
    return _move(
        job,
        _mine(job),
        ExportState.SUCCEEDED,
        lease_until=None,
        finished_at=now(),
        bytes_done=job.bytes_total,
    )


def fail(job: ExportJob, code: str, params: dict[str, Any], *, condition: Q | None = None) -> bool:
    return _move(
        job,
        condition or _mine(job),
        ExportState.FAILED,
        code,
        params,
        reason_code=code,
        reason_params=params,
        lease_until=None,
        finished_at=now(),
    )


def fail_incomplete(job: ExportJob) -> bool:
    """End a job whose version or bucket was deleted; nothing while both are there, or the object gets its name."""
    job.refresh_from_db(fields=["state", "version", "bucket"])
    code = "export.version_deleted" if job.version_id is None else "export.bucket_deleted"
    return fail(job, code, {}, condition=incomplete() & (stoppable() | lost(now())))


def release(job: ExportJob, code: str, params: dict[str, Any]) -> bool:
    """Back into the queue until EXPORT_RETRY_SECONDS have passed; the sweep rings it then."""
    wait = now() + timedelta(seconds=settings.EXPORT_RETRY_SECONDS)
    return _requeue(job, _mine(job), code, params, not_before=wait, lease_until=wait)


def hand_back(job: ExportJob) -> bool:
    """Back into the queue because the worker stops; the next sweep rings it."""
    return _requeue(job, held(job), "export.worker_stopped", {}, not_before=None, lease_until=now())


def requeue_lost(job: ExportJob) -> bool:
    """Back into the queue when its worker fell silent."""
    mine = lost(now()) & Q(attempts=job.attempts)
    return _requeue(job, mine, "export.worker_lost", {}, not_before=None, lease_until=lease_end())


def retry(job: ExportJob, *, by: User | None) -> bool:
    rounds = -(-job.attempts // settings.EXPORT_ATTEMPTS)
    return _move(
        job,
        Q(state=ExportState.FAILED, attempts=job.attempts) & complete(),
        ExportState.QUEUED,
        "export.retried",
        by=by,
        attempts=rounds * settings.EXPORT_ATTEMPTS,
        not_before=None,
        lease_until=lease_end(),
        finished_at=None,
        reason_code="",
        reason_params={},
        bytes_done=0,
    )


def cancel(job: ExportJob, *, by: User | None) -> bool:
    """End a job before its object gets its name."""
    job.refresh_from_db(fields=["state"])  # for the history; the page may have been open for a while
    return _move(
        job, stoppable(), ExportState.CANCELLED, "export.cancelled", by=by, lease_until=None, finished_at=now()
    )


def rung(job: ExportJob) -> bool:
    """Note that a queued job is being rung now, so that it is not rung again before a lease has passed."""
    return ExportJob.objects.filter(unrung(now()), pk=job.pk).update(lease_until=lease_end()) == 1


def held(job: ExportJob) -> Q:
    """The row while this worker's claim stands and there is something to do; when placing, nothing takes it away."""
    return _mine(job) & (complete() | Q(placing=True))


def _mine(job: ExportJob) -> Q:
    return Q(attempts=job.attempts, state=ExportState.WRITING)


def _requeue(job: ExportJob, condition: Q, code: str, params: dict[str, Any], **changes: Any) -> bool:
    return _move(
        job,
        condition,
        ExportState.QUEUED,
        code,
        params,
        reason_code=code,
        reason_params=params,
        placing=False,
        **changes,
    )


@transaction.atomic
def _move(
    job: ExportJob,
    condition: Q,
    to: ExportState,
    code: str = "",
    params: dict[str, Any] | None = None,
    *,
    by: User | None = None,
    **changes: Any,
) -> bool:
    if ExportJob.objects.filter(condition, pk=job.pk).update(state=to, **changes) != 1:
        return False
    record_event(job, to, code, params or {}, by=by)
    for name, value in {"state": to, **changes}.items():
        setattr(job, name, value)
    return True


def record_event(job: ExportJob, to: ExportState, code: str, params: dict[str, Any], *, by: User | None) -> None:
    """Append to the job's timeline; an event without a person was the system's doing."""
    ExportEvent.objects.create(
        job=job,
        before=job.state if job.state != to else "",
        after=to,
        code=code,
        params=params,
        actor_name=by.get_username() if by else "",
    )

"""State changes of an import job: each is one conditional UPDATE and one event; the loser is told False."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now

from accounts.models import User
from importers.models import RUNNING, ImportEvent, ImportJob, State
from importers.queries import claimable, lost, unrung
from registry.models import Status
from registry.transitions import lock_model


def lease_end() -> datetime:
    return now() + timedelta(seconds=settings.IMPORT_LEASE_SECONDS)


def last_attempt(job: ImportJob) -> bool:
    """Attempts only ever grow, because they fence; a retry starts the next round of IMPORT_ATTEMPTS."""
    return job.attempts > 0 and job.attempts % settings.IMPORT_ATTEMPTS == 0


def lock_version(job: ImportJob) -> None:
    """Take the locks in the order of the registry, which holds a model before it touches jobs. Begin with this every
    transaction that changes both a job and its version."""
    if job.version is not None:
        lock_model(job.version.model_id)


def claim(job: ImportJob) -> bool:
    """Take the job for this worker. Deliveries of a job that another works on, or that has ended, change nothing."""
    if last_attempt(job) and job.state in RUNNING:
        return False
    mine = claimable(now()) & Q(attempts=job.attempts, version__isnull=False)
    return _move(
        job,
        mine,
        State.FETCHING,
        "import.worker_lost" if job.state in RUNNING else "",
        attempts=job.attempts + 1,
        lease_until=lease_end(),
        not_before=None,
        started_at=now(),
        finished_at=None,
        reason_code="",
        reason_params={},
        files_done=0,
        bytes_done=0,
    )


def renew(job: ImportJob, **progress: int) -> bool:
    """Say that this worker lives and how far it is. False when the job was cancelled or taken over."""
    return ImportJob.objects.filter(held(job), pk=job.pk).update(lease_until=lease_end(), **progress) == 1


def advance(job: ImportJob, to: State) -> bool:
    return _move(job, held(job), to, lease_until=lease_end())


def succeed(job: ImportJob, findings: Sequence[dict[str, Any]]) -> bool:
    return _move(job, held(job), State.SUCCEEDED, findings=list(findings), lease_until=None, finished_at=now())


def fail(
    job: ImportJob, code: str, params: dict[str, Any], findings: Sequence[dict[str, Any]], *, condition: Q | None = None
) -> bool:
    return _move(
        job,
        condition or held(job),
        State.FAILED,
        code,
        params,
        findings=list(findings),
        reason_code=code,
        reason_params=params,
        lease_until=None,
        finished_at=now(),
    )


def release(job: ImportJob, code: str, params: dict[str, Any]) -> bool:
    """Back into the queue until IMPORT_RETRY_SECONDS have passed; the sweep rings it then."""
    wait = timedelta(seconds=settings.IMPORT_RETRY_SECONDS)
    return _requeue(job, held(job), code, params, not_before=now() + wait, lease_until=now() + wait)


def hand_back(job: ImportJob) -> bool:
    """Back into the queue because the worker stops; the next sweep rings it."""
    return _requeue(job, held(job), "import.worker_stopped", {}, not_before=None, lease_until=now())


def requeue_lost(job: ImportJob) -> bool:
    """Back into the queue when its worker fell silent."""
    condition = lost(now()) & Q(attempts=job.attempts, state=job.state)
    return _requeue(job, condition, "import.worker_lost", {}, not_before=None, lease_until=lease_end())


def retry(job: ImportJob, *, by: User | None) -> bool:
    rounds = -(-job.attempts // settings.IMPORT_ATTEMPTS)
    return _move(
        job,
        Q(state=State.FAILED, attempts=job.attempts, version__isnull=False),
        State.QUEUED,
        "import.retried",
        by=by,
        attempts=rounds * settings.IMPORT_ATTEMPTS,
        not_before=None,
        lease_until=lease_end(),
        finished_at=None,
        findings=[],
        reason_code="",
        reason_params={},
        files_done=0,
        bytes_done=0,
    )


def cancel(job: ImportJob, code: str, *, by: User | None = None, condition: Q | None = None) -> bool:
    """End a job whose version is not at rest yet. `condition` narrows which."""
    job.refresh_from_db(fields=["state"])  # for the history; the page may have been open for a while
    unfinished = Q(state__in=[State.QUEUED, *RUNNING]) | Q(state=State.SUCCEEDED, version__status=Status.BUILDING)
    return _move(
        job,
        (condition or Q()) & unfinished,
        State.CANCELLED,
        code,
        by=by,
        reason_code=code,
        lease_until=None,
        finished_at=now(),
    )


def rung(job: ImportJob) -> bool:
    """Note that a queued job is being rung now, so that it is not rung again before a lease has passed."""
    return ImportJob.objects.filter(unrung(now()), pk=job.pk).update(lease_until=lease_end()) == 1


def held(job: ImportJob) -> Q:
    """The row while this worker's claim stands and the version it works for exists."""
    return Q(attempts=job.attempts, state__in=RUNNING, version__isnull=False)


def _requeue(job: ImportJob, condition: Q, code: str, params: dict[str, Any], **changes: Any) -> bool:
    return _move(job, condition, State.QUEUED, code, params, reason_code=code, reason_params=params, **changes)


@transaction.atomic
def _move(
    job: ImportJob,
    condition: Q,
    to: State,
    code: str = "",
    params: dict[str, Any] | None = None,
    *,
    by: User | None = None,
    **changes: Any,
) -> bool:
    if ImportJob.objects.filter(condition, pk=job.pk).update(state=to, **changes) != 1:
        return False
    record_event(job, to, code, params or {}, by=by)
    for name, value in {"state": to, **changes}.items():
        setattr(job, name, value)
    return True


def record_event(job: ImportJob, to: State, code: str, params: dict[str, Any], *, by: User | None) -> None:
    """Append to the job's timeline; an event without a person was the system's doing."""
    ImportEvent.objects.create(
        job=job,
        before=job.state if job.state != to else "",
        after=to,
        code=code,
        params=params,
        actor_name=by.get_username() if by else "",
    )

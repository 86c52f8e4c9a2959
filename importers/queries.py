"""Which import jobs a user may see, and which need attention."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Min, Q, QuerySet

from accounts.queries import Person, workspaces_for
from accounts.roles import Action
from importers.models import RUNNING, ImportJob, State


def jobs_for(user: Person, action: Action = Action.VIEW) -> QuerySet[ImportJob]:
    """The jobs of the workspaces in which `user` may do `action`."""
    return ImportJob.objects.filter(workspace__in=workspaces_for(user, action))


def latest_jobs(version_ids: Iterable[int]) -> dict[int, ImportJob]:
    """The newest job of each version, by the version's primary key, in one query."""
    jobs = ImportJob.objects.filter(version_id__in=list(version_ids)).order_by("created_at", "id")
    return {job.version_id: job for job in jobs if job.version_id is not None}


def claimable(now: datetime) -> Q:
    """What a worker may take: a queued job whose time has come, or a running one whose worker fell silent."""
    waiting = Q(state=State.QUEUED) & (Q(not_before=None) | Q(not_before__lte=now))
    return waiting | lost(now)


def lost(now: datetime) -> Q:
    """Running jobs whose worker has not been heard of for a whole lease."""
    return Q(state__in=RUNNING, lease_until__lt=now)


def unrung(now: datetime) -> Q:
    """Queued jobs whose time has come and whose last bell nobody answered within a lease."""
    return Q(state=State.QUEUED, lease_until__lt=now) & (Q(not_before=None) | Q(not_before__lte=now))


def oldest_running_start() -> datetime | None:
    """When the first of the jobs now running was started; files stored since then may be theirs."""
    oldest: datetime | None = ImportJob.objects.filter(state__in=RUNNING).aggregate(at=Min("started_at"))["at"]
    return oldest

"""Which MLflow connections a user may see, which are due, and which runs of theirs are known."""

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet
from django.utils.timezone import now

from accounts.models import Workspace
from accounts.queries import Person, workspaces_for
from accounts.roles import Action
from importers.models import MLflowConnection, RunSource, TrainingRun

BATCH = 500


def connections_for(user: Person, action: Action = Action.VIEW) -> QuerySet[MLflowConnection]:
    """Those of the workspaces in which `user` may do `action`, with their workspace and the number of their jobs."""
    rows = MLflowConnection.objects.filter(workspace__in=workspaces_for(user, action))
    return rows.select_related("workspace").annotate(job_count=Count("jobs"))


def due_connections() -> QuerySet[MLflowConnection]:
    """Those nobody reads although somebody asked for it, or the time has come."""
    moment = now()
    asked = Q(asked_at__isnull=False) & (Q(last_sync_at=None) | Q(last_sync_at__lt=F("asked_at")))
    every = timedelta(seconds=settings.MLFLOW_SYNC_SECONDS)
    late = Q(last_sync_at=None) | Q(last_sync_at__lt=moment - every) if every else Q(pk__in=[])
    return MLflowConnection.objects.filter(asked | late).exclude(lease_until__gt=moment)


def known_runs(workspace: Workspace, names: Iterable[str]) -> set[str]:
    """Which of these external IDs belong to runs that were read from a tracking server before."""
    wanted, found = list(names), set[str]()
    rows = TrainingRun.objects.filter(job__workspace=workspace, source=RunSource.MLFLOW)
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start : start + BATCH]
        found.update(rows.filter(external_id__in=batch).values_list("external_id", flat=True))
    return found

"""Which MLflow connections a user may see, which are due, and which runs of theirs are known."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet
from django.utils.timezone import now

from accounts.keyset import slice_of
from accounts.models import Workspace
from accounts.queries import Person, workspaces_for
from accounts.queries_lists import ListFilter, order_of, sorts_of
from accounts.roles import Action
from importers.models import ForgottenRun, MLflowConnection, RunSource, TrainingRun

BATCH = 500
PAGE_SIZE = 25
CONNECTION_ORDERS = {"name": ("name", "id"), "address": ("address", "id")}


@dataclass(frozen=True)
class ConnectionFilter(ListFilter):
    """The list of connections: `q` is part of the name."""

    sort: str = "name"

    known: ClassVar[Mapping[str, frozenset[str]]] = {"sort": sorts_of(CONNECTION_ORDERS)}


@dataclass(frozen=True)
class ConnectionPage:
    """`next` and `previous` are cursors for `after` and `before`, empty where there is nothing more."""

    rows: tuple[MLflowConnection, ...]
    total: int
    next: str
    previous: str


@dataclass(frozen=True)
class Known:
    """External IDs of runs that are here, and of those that somebody deleted here."""

    here: frozenset[str] = frozenset()
    forgotten: frozenset[str] = frozenset()

    def __or__(self, other: "Known") -> "Known":
        return Known(self.here | other.here, self.forgotten | other.forgotten)


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


def known_runs(workspace: Workspace, names: Iterable[str]) -> Known:
    """Which of these external IDs belong to runs that were read from a tracking server before."""
    wanted, found, forgotten = list(names), set[str](), set[str]()
    rows = TrainingRun.objects.filter(job__workspace=workspace, source=RunSource.MLFLOW)
    for start in range(0, len(wanted), BATCH):
        batch = {"external_id__in": wanted[start : start + BATCH]}
        found.update(rows.filter(**batch).values_list("external_id", flat=True))
        forgotten.update(
            ForgottenRun.objects.filter(workspace=workspace, **batch).values_list("external_id", flat=True)
        )
    return Known(frozenset(found), frozenset(forgotten))


def is_forgotten(workspace: Workspace, external_id: str) -> bool:
    return ForgottenRun.objects.filter(workspace=workspace, external_id=external_id).exists()


def connection_page(
    connections: QuerySet[MLflowConnection], wanted: ConnectionFilter, *, limit: int = PAGE_SIZE
) -> ConnectionPage:
    """A page of `connections`, which are those of one workspace."""
    rows = connections.filter(name__icontains=wanted.q) if wanted.q else connections
    order = order_of(CONNECTION_ORDERS, wanted.sort)
    found = slice_of(rows, order, after=wanted.after, before=wanted.before, limit=limit)
    return ConnectionPage(found.rows, rows.count(), found.next, found.previous)

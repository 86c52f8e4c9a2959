"""What a user may see of services, and the pages of their lists."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from django.db.models import F, Q, QuerySet, Sum

from accounts.models import User, Workspace
from accounts.queries import Person, workspaces_for
from accounts.queries_lists import ListFilter, cleaned, order_of, sorts_of
from accounts.roles import Action
from registry.keyset import Order, slice_of
from registry.models import DeploymentType
from registry.queries import LARGE
from serving.models import Desired, Service, ServiceEvent, ServiceRevision, ServiceState

PAGE_SIZE = 25
EVENTS_SHOWN = 50
MOST_COUNTED = 10_000
REAL_TIME = DeploymentType.REAL_TIME.value
SERVICE_ORDERS = {"name": ("name", "id"), "created_at": ("created_at", "id")}
# Texts and reports of a version can be large.
LARGE_OF_VERSION = [f"version__{name}" for name in LARGE]
NEWEST_FIRST = Order(("at", "id"), descending=True)
# In these states a service has processes, or is about to.
HOLDING = (ServiceState.DEPLOYING, ServiceState.RUNNING, ServiceState.CONCERNING, ServiceState.STOPPING)


@dataclass(frozen=True)
class ServiceFilter(ListFilter):
    """The list of services; `q` is part of the name."""

    sort: str = "-created_at"
    status: str = ""

    known: ClassVar[Mapping[str, frozenset[str]]] = {
        "sort": sorts_of(SERVICE_ORDERS),
        "status": frozenset(ServiceState.values) - {ServiceState.FINISHED.value},
    }


@dataclass(frozen=True)
class ServicePage:
    """`next` and `previous` are cursors for `after` and `before`, empty where there is nothing more."""

    rows: tuple[Service, ...]
    total: int
    next: str
    previous: str
    uncounted: bool = False


@dataclass(frozen=True)
class EventFilter:
    """The events tab: `level` is "normal" or "abnormal", `since` a number of hours; both may be empty."""

    level: str = ""
    since: str = ""
    after: str = ""
    before: str = ""

    hours: ClassVar[tuple[str, ...]] = ("1", "24", "168")
    levels: ClassVar[tuple[str, ...]] = ("normal", "abnormal")

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> "EventFilter":
        """Read from request.GET; what is not known counts as not given."""
        level, since = query.get("level", ""), query.get("since", "")
        return cls(
            level if level in cls.levels else "",
            since if since in cls.hours else "",
            cleaned(query.get("after", "")),
            cleaned(query.get("before", "")),
        )

    def as_query(self, **cursor: str) -> str:
        """The address's query with this cursor; without one it leads to the first page."""
        given = {"tab": "events", "level": self.level, "since": self.since} | cursor
        return "&".join(f"{name}={value}" for name, value in given.items() if value)

    @property
    def narrowed(self) -> bool:
        return bool(self.level or self.since)


@dataclass(frozen=True)
class EventPage:
    rows: tuple[ServiceEvent, ...]
    next: str
    previous: str
    total: int | None = None


def services_for(user: Person, action: Action = Action.VIEW) -> QuerySet[Service]:
    """Those of the workspaces in which `user` may do `action`, with their workspace loaded."""
    return Service.objects.filter(workspace__in=workspaces_for(user, action)).select_related("workspace")


def service_page(services: QuerySet[Service], wanted: ServiceFilter, *, limit: int = PAGE_SIZE) -> ServicePage:
    """A page of `services`."""
    condition = Q(name__icontains=wanted.q) if wanted.q else Q()
    if wanted.status:
        condition &= Q(state=wanted.status)
    rows = services.filter(condition)
    order = order_of(SERVICE_ORDERS, wanted.sort)
    found = slice_of(rows, order, after=wanted.after, before=wanted.before, limit=limit)
    total = rows.order_by()[: MOST_COUNTED + 1].count()
    many = total > MOST_COUNTED
    return ServicePage(found.rows, MOST_COUNTED if many else total, found.next, found.previous, uncounted=many)


def counted(services: QuerySet[Service], workspace: Workspace, user: User) -> int:
    """How many real-time services of this person count against their quota; stopped ones do, too."""
    mine = services.filter(workspace=workspace, kind=REAL_TIME, created_by=user)
    return mine.exclude(desired=Desired.DELETED).count()


def promised_memory(*, but: Service | None = None) -> int:
    """The memory (MiB) that all services together may use now, without the one named."""
    revisions = ServiceRevision.objects.filter(route__isnull=False, service__state__in=HOLDING)
    if but is not None:
        revisions = revisions.exclude(service=but)
    return revisions.aggregate(total=Sum(F("memory") * F("instances")))["total"] or 0


def current_revisions(service: Service) -> list[ServiceRevision]:
    """Those that answer requests, with version, model and weight loaded."""
    rows = service.revisions.filter(route__isnull=False)
    return list(rows.select_related("route", "version__model").defer(*LARGE_OF_VERSION).order_by("number"))

"""The audit trail: who may read it, its filters, and its pages, which cost the same however long it is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import ClassVar, Self

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date

from accounts.keyset import Order, read_cursor, slice_of
from accounts.messages import AUDIT
from accounts.models import AuditEvent
from accounts.queries import Person, workspaces_for
from accounts.queries_lists import ListFilter
from accounts.roles import Action

PAGE_SIZE = 50
MOST_COUNTED = 10_000
NEWEST_FIRST = Order(("at", "id"), descending=True)
# Days beyond these are slips of the finger, and not every database can compare them.
YEARS = range(1970, 9000)


@dataclass(frozen=True)
class AuditFilter(ListFilter):
    """`who` is a whole user name, `what` a code, `since` and `until` days in the console's time zone, both included."""

    who: str = ""
    what: str = ""
    since: str = ""
    until: str = ""

    known: ClassVar[Mapping[str, frozenset[str]]] = {"q": frozenset(), "sort": frozenset()}

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Self:
        wanted = super().from_query(query)
        since, until = (text if _day(text) else "" for text in (wanted.since, wanted.until))
        return replace(wanted, what=wanted.what if wanted.what in AUDIT else "", since=since, until=until)

    def as_params(self) -> dict[str, str]:
        """What it narrows to, for the trail itself."""
        given = {"who": self.who, "what": self.what, "since": self.since, "until": self.until}
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True)
class AuditPage:
    """`next` and `previous` are cursors; `uncounted` says that there are more events than `total`."""

    rows: tuple[AuditEvent, ...]
    total: int
    next: str
    previous: str
    uncounted: bool = False


def audit_for(user: Person) -> QuerySet[AuditEvent]:
    """The events of the workspaces that `user` administers."""
    return AuditEvent.objects.filter(workspace__in=workspaces_for(user, Action.MANAGE))


def audit_page(events: QuerySet[AuditEvent], wanted: AuditFilter, *, limit: int = PAGE_SIZE) -> AuditPage:
    """A page of `events` (those of one workspace), the newest first."""
    rows = events.filter(_condition(wanted))
    listed = events.filter(_condition(_without_looser_bound(wanted)))
    found = slice_of(listed, NEWEST_FIRST, after=wanted.after, before=wanted.before, limit=limit)
    total = rows.order_by()[: MOST_COUNTED + 1].count()
    return AuditPage(found.rows, min(total, MOST_COUNTED), found.next, found.previous, uncounted=total > MOST_COUNTED)


def audit_rows(events: QuerySet[AuditEvent], wanted: AuditFilter) -> QuerySet[AuditEvent]:
    """All that the filter leaves, the newest first."""
    return events.filter(_condition(wanted)).order_by(*NEWEST_FIRST.by())


def _condition(wanted: AuditFilter) -> Q:
    conditions = {"actor_name": wanted.who, "code": wanted.what}
    condition = Q(**{name: value for name, value in conditions.items() if value})
    since, until = _day(wanted.since), _day(wanted.until)
    if since:
        condition &= Q(at__gte=_midnight(since))
    if until:
        condition &= Q(at__lt=_midnight(until + timedelta(days=1)))
    return condition


def _without_looser_bound(wanted: AuditFilter) -> AuditFilter:
    """An index begins at one bound; of the day and the cursor on the same side only the narrower one is to be there."""
    stands = read_cursor(wanted.before or wanted.after, NEWEST_FIRST)
    since, until = _day(wanted.since), _day(wanted.until)
    if stands and wanted.before and since and stands[0] >= _midnight(since):
        return replace(wanted, since="")
    if stands and not wanted.before and until and stands[0] < _midnight(until + timedelta(days=1)):
        return replace(wanted, until="")
    return wanted


def _day(text: str) -> date | None:
    try:
        day = parse_date(text)
    except ValueError:
        return None
    return day if day and day.year in YEARS else None


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))

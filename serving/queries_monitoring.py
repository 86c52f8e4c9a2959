"""What came of a service's calls, and what its instances took, in equal intervals up to now."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.timezone import now

from registry.models import ModelVersion
from serving.latencies import merged, percentile
from serving.models import CallMinute, Instance, InstanceState, Purpose, Service, UsageMinute
from serving.queries_services import LARGE_OF_VERSION

# Hours to minutes of an interval: enough of them to see a shape, few enough to see each.
RANGES = {1: 1, 3: 3, 12: 10}


@dataclass
class Calls:
    """Calls with their failures and durations."""

    calls: int = 0
    failures: int = 0
    latencies: dict[str, int] = field(default_factory=dict)

    def add(self, row: CallMinute) -> None:
        self.calls += row.calls
        self.failures += row.failures
        self.latencies = merged([self.latencies, row.latencies])

    @property
    def successes(self) -> int:
        return self.calls - self.failures

    @property
    def failed_share(self) -> float:
        return 100 * self.failures / self.calls if self.calls else 0.0

    @property
    def p50(self) -> float | None:
        return self._percentile(0.50)

    @property
    def p95(self) -> float | None:
        return self._percentile(0.95)

    @property
    def p99(self) -> float | None:
        return self._percentile(0.99)

    def _percentile(self, share: float) -> float | None:
        return percentile(self.latencies, share, longest=settings.GATEWAY_SECONDS)


@dataclass
class Interval:
    """Some minutes from `start`; `memory` is the most of all instances together in bytes, `cpu` the mean in cores."""

    start: datetime
    asked: Calls = field(default_factory=Calls)
    memory: int | None = None
    cpu: float | None = None

    @property
    def told(self) -> bool:
        """Whether anything is known of it."""
        return bool(self.asked.calls) or self.memory is not None


@dataclass(frozen=True)
class OfVersion:
    version: ModelVersion
    asked: Calls


@dataclass(frozen=True)
class Present:
    """The ready instances now, all together; limits in bytes and cores."""

    instances: int
    memory: int
    memory_limit: int
    cpu_limit: float


@dataclass(frozen=True)
class Monitoring:
    """`minutes` is the length of an interval; they go from the oldest to the one that is not over yet."""

    hours: int
    minutes: int
    intervals: list[Interval]
    total: Calls
    versions: list[OfVersion]
    present: Present

    @property
    def last_cpu(self) -> float | None:
        return next((each.cpu for each in reversed(self.intervals) if each.cpu is not None), None)


def monitoring_of(service: Service, hours: int) -> Monitoring:
    """The last `hours` (a key of RANGES) of a service; in three queries."""
    minutes = RANGES[hours]
    starts = _starts(hours, minutes)
    intervals = [Interval(start) for start in starts]
    total, versions = _count(service, intervals, minutes)
    _weigh(service, intervals, minutes)
    return Monitoring(hours, minutes, intervals, total, versions, _present(service))


def _starts(hours: int, minutes: int) -> list[datetime]:
    step = timedelta(minutes=minutes)
    seconds = int(now().timestamp()) // (minutes * 60) * minutes * 60
    last = datetime.fromtimestamp(seconds, now().tzinfo)
    count = hours * 60 // minutes
    return [last - step * back for back in range(count - 1, -1, -1)]


def _interval(intervals: list[Interval], minutes: int, moment: datetime) -> Interval | None:
    place = int((moment - intervals[0].start).total_seconds() // (minutes * 60))
    return intervals[place] if 0 <= place < len(intervals) else None


def _count(service: Service, intervals: list[Interval], minutes: int) -> tuple[Calls, list[OfVersion]]:
    total = Calls()
    by_version: dict[int | None, OfVersion] = {}
    rows = CallMinute.objects.filter(service=service, minute__gte=intervals[0].start, version__isnull=False)
    for row in rows.select_related("version__model").defer(*LARGE_OF_VERSION).order_by("minute"):
        interval = _interval(intervals, minutes, row.minute)
        if interval is None or row.version is None:
            continue
        mine = by_version.setdefault(row.version_id, OfVersion(row.version, Calls()))
        for counted in (interval.asked, total, mine.asked):
            counted.add(row)
    return total, sorted(by_version.values(), key=lambda each: -each.asked.calls)


def _weigh(service: Service, intervals: list[Interval], minutes: int) -> None:
    by_minute: dict[datetime, list[UsageMinute]] = defaultdict(list)
    for row in UsageMinute.objects.filter(service=service, minute__gte=intervals[0].start):
        by_minute[row.minute].append(row)
    cores: dict[datetime, list[float]] = defaultdict(list)
    for minute, rows in by_minute.items():
        interval = _interval(intervals, minutes, minute)
        if interval is None:
            continue
        interval.memory = max(interval.memory or 0, sum(row.memory for row in rows))
        known = [row.cpu for row in rows if row.cpu is not None]
        if known:
            cores[interval.start].append(sum(known))
    for interval in intervals:
        interval.cpu = _mean(cores[interval.start]) if interval.start in cores else None


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)


def _present(service: Service) -> Present:
    rows = Instance.objects.filter(purpose=Purpose.SERVICE, revision__service=service, state=InstanceState.READY)
    found = list(rows.values_list("memory", "memory_limit", "cpu_limit"))
    return Present(
        len(found),
        sum(memory for memory, _limit, _cpu in found),
        sum(limit for _memory, limit, _cpu in found) * 1024**2,
        float(sum(cpu for _memory, _limit, cpu in found)),
    )

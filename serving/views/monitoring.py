"""The tab *Monitoring* of a service: calls, durations, memory and processor, drawn and in numbers."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.template.defaultfilters import date
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from serving.charts import Chart, lines, round_up, stacked
from serving.models import Service
from serving.queries_monitoring import RANGES, Calls, Interval, Monitoring, monitoring_of
from serving.snapshots import snapshot_state

MEBIBYTE = 1024.0**2
_TIMES = 5


@dataclass(frozen=True)
class Figure:
    """A chart with the words around it: what it shows, its unit's steps from the top, and its kinds."""

    title: str
    summary: str
    chart: Chart
    steps: list[str]
    times: list[str]
    kinds: list[tuple[str, str]]


@dataclass(frozen=True)
class Row:
    """Numbers as they are read, of an interval or a version."""

    name: str
    calls: int
    failures: int
    p50: str
    p95: str
    p99: str
    memory: str = ""
    cpu: str = ""


def context(service: Service, request: HttpRequest) -> dict[str, Any]:
    """What `serving/tabs/monitoring.html` shows; `?range=` is one of RANGES, in hours."""
    asked = request.GET.get("range", "")
    hours = int(asked) if asked in {str(each) for each in RANGES} else min(RANGES)
    found = monitoring_of(service, hours)
    return {
        "monitoring": found,
        "ranges": [(each, _range_words(each)) for each in RANGES],
        "range_words": _last_words(hours),
        "interval_words": ngettext("every minute", "every %(count)s minutes", found.minutes) % {"count": found.minutes},
        "figures": _figures(found),
        "rows": [_row(each) for each in reversed(found.intervals) if each.told],
        "versions": [_counted(str(each.version), each.asked) for each in found.versions],
        "whole": _counted("", found.total),
        "memory": size(found.present.memory) if found.present.instances else "--",
        "cpu": cores(found.last_cpu) if found.present.instances else "--",
        "gateway": snapshot_state(),
    }


def _range_words(hours: int) -> str:
    return ngettext("%(count)s hour", "%(count)s hours", hours) % {"count": hours}


def _last_words(hours: int) -> str:
    return ngettext("the last hour", "the last %(count)s hours", hours) % {"count": hours}


def duration(milliseconds: float | None) -> str:
    """`0.8 ms`, `12 ms`, `1.25 s`; two dashes without one."""
    if milliseconds is None:
        return "--"
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.3g} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.2g} ms"


def size(value: float | None) -> str:
    """In MB or GB, as short as an axis needs it."""
    if value is None:
        return "--"
    mebibytes = value / MEBIBYTE
    return f"{mebibytes / 1024:.3g} GB" if mebibytes >= 1024 else f"{mebibytes:.4g} MB"


def cores(value: float | None) -> str:
    return "--" if value is None else f"{value:.2g}"


def _counted(name: str, asked: Calls) -> Row:
    return Row(name, asked.calls, asked.failures, duration(asked.p50), duration(asked.p95), duration(asked.p99))


def _row(interval: Interval) -> Row:
    counted = _counted(_clock(interval.start), interval.asked)
    return replace(counted, memory=size(interval.memory), cpu=cores(interval.cpu))


def _figures(found: Monitoring) -> list[Figure]:
    figures = [_calls(found), _durations(found)] if found.total.calls else []
    if any(each.memory is not None for each in found.intervals):
        figures += [_memory(found), _cpu(found)]
    return figures


def _calls(found: Monitoring) -> Figure:
    most = round_up(max(each.asked.calls for each in found.intervals), least=2)
    words = [
        _("%(time)s: %(calls)s calls, %(failed)s failed")
        % {"time": _clock(each.start), "calls": each.asked.calls, "failed": each.asked.failures}
        for each in found.intervals
    ]
    parts = [
        ("good", [float(each.asked.successes) for each in found.intervals]),
        ("bad", [float(each.asked.failures) for each in found.intervals]),
    ]
    told = {"calls": found.total.calls, "failed": found.total.failures}
    return Figure(
        _("Calls"),
        _("%(calls)s calls, of which %(failed)s failed") % told,
        stacked(parts, scale=most, words=words),
        [f"{most:g}", f"{most / 2:g}", "0"],
        _times(found),
        [("good", _("Successful")), ("bad", _("Failed"))],
    )


def _durations(found: Monitoring) -> Figure:
    most = round_up(max(each.asked.p99 or 0 for each in found.intervals), least=1)
    words = [
        f"{_clock(each.start)}: p50 {duration(each.asked.p50)}, p95 {duration(each.asked.p95)}, "
        f"p99 {duration(each.asked.p99)}"
        for each in found.intervals
    ]
    series = [
        ("p99", [each.asked.p99 for each in found.intervals]),
        ("p95", [each.asked.p95 for each in found.intervals]),
        ("p50", [each.asked.p50 for each in found.intervals]),
    ]
    total = found.total
    return Figure(
        _("Response time"),
        f"p50 {duration(total.p50)}, p95 {duration(total.p95)}, p99 {duration(total.p99)}",
        lines(series, scale=most, words=words),
        [duration(most), duration(most / 2), "0"],
        _times(found),
        [("p50", "p50"), ("p95", "p95"), ("p99", "p99")],
    )


def _memory(found: Monitoring) -> Figure:
    limit = found.present.memory_limit
    most = round_up(max(each.memory or 0 for each in found.intervals), least=10 * MEBIBYTE, base=MEBIBYTE)
    words = [f"{_clock(each.start)}: {size(each.memory)}" for each in found.intervals]
    series = [("memory", [None if each.memory is None else float(each.memory) for each in found.intervals])]
    summary = _("%(used)s now; the limit is %(limit)s") % {"used": size(found.present.memory), "limit": size(limit)}
    return Figure(
        _("Memory"),
        summary if limit else "",
        lines(series, scale=most, words=words),
        [size(most), size(most / 2), "0"],
        _times(found),
        [],
    )


def _cpu(found: Monitoring) -> Figure:
    limit = found.present.cpu_limit
    most = round_up(max(each.cpu or 0 for each in found.intervals), least=0.1)
    words = [
        _("%(time)s: %(cores)s cores") % {"time": _clock(each.start), "cores": cores(each.cpu)}
        for each in found.intervals
    ]
    summary = _("%(used)s cores lately; the limit is %(limit)s") % {
        "used": cores(found.last_cpu),
        "limit": cores(limit),
    }
    return Figure(
        "CPU",
        summary if limit else "",
        lines([("cpu", [each.cpu for each in found.intervals])], scale=most, words=words),
        [cores(most), cores(most / 2), "0"],
        _times(found),
        [],
    )


def _times(found: Monitoring) -> list[str]:
    """Some of the times below a chart, evenly spread, up to now."""
    last = len(found.intervals) - 1
    return [_clock(found.intervals[last * step // (_TIMES - 1)].start) for step in range(_TIMES)]


def _clock(moment: datetime) -> str:
    return date(timezone.localtime(moment), "H:i")

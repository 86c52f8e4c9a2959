"""What the job page shows of an import: its steps, how fast it is, and what happened."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from math import ceil

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from importers.models import ImportEvent, ImportJob, State
from registry.findings import Finding, Severity, message_for
from registry.models import Status

STEPS: list[tuple[str, str | Promise]] = [
    (State.QUEUED, _("Queued")),
    (State.FETCHING, _("Fetching")),
    (State.CHECKING, _("Checking and scanning")),
    (State.STORING, _("Storing")),
    (State.SUCCEEDED, pgettext_lazy("model status", "Normal")),
]
ORDER = [state for state, _label in STEPS]
# A rate is shown only when it rests on at least this much time.
MEASURED = timedelta(seconds=1)


@dataclass(frozen=True)
class Step:
    """`state` is done, current, failed, stopped or waiting; `at` is when the job came to it last."""

    label: str | Promise
    state: str
    at: datetime | None


@dataclass(frozen=True)
class Moment:
    """One line of the timeline."""

    at: datetime
    label: str
    message: str
    actor: str
    abnormal: bool


class Progress:
    """A job with its version and events, as people look at it."""

    def __init__(self, job: ImportJob) -> None:
        self.job = job
        self.version = job.version

    @cached_property
    def events(self) -> list[ImportEvent]:
        return list(self.job.events.all())

    @property
    def at_rest(self) -> bool:
        """Nothing will change any more unless somebody asks for it: neither the job nor its version."""
        return self.job.finished and (self.version is None or self.version.at_rest)

    @property
    def can_cancel(self) -> bool:
        """Until its version is at rest, so also while that is being built."""
        building = self.version is not None and self.version.status == Status.BUILDING
        return not self.job.finished or (self.job.state == State.SUCCEEDED and building)

    @property
    def can_retry(self) -> bool:
        return self.job.state == State.FAILED and self.version is not None

    @property
    def form_url(self) -> str:
        """The import form with what this job was asked for."""
        job = self.job
        asked = {"name": job.model_name, "version": job.version_number, "path": job.source_path}
        return reverse("importers:new", query={"source": job.source_kind, **asked})

    @property
    def steps(self) -> list[Step]:
        reached = self._reached
        return [
            Step(label, self._step_state(i, reached), self._entered(ORDER[i]))
            for i, (_state, label) in enumerate(STEPS)
        ]

    @property
    def _reached(self) -> int:
        """The step the job is in, or was in when it ended."""
        if self.job.state in ORDER:
            return ORDER.index(self.job.state)
        last = next((event.before for event in reversed(self.events) if event.after == self.job.state), "")
        return ORDER.index(last) if last in ORDER else 0

    def _step_state(self, index: int, reached: int) -> str:
        if index != reached:
            return "done" if index < reached else "waiting"
        if self.job.state == State.SUCCEEDED:
            return self._final_state()
        return {State.FAILED: "failed", State.CANCELLED: "stopped"}.get(State(self.job.state), "current")

    def _final_state(self) -> str:
        if self.version is None or self.version.status == Status.NORMAL:
            return "done"
        return "failed" if self.version.at_rest else "current"

    def _entered(self, state: str) -> datetime | None:
        if state == State.QUEUED:
            return self.job.created_at
        return next((event.at for event in reversed(self.events) if event.after == state), None)

    @property
    def fetching(self) -> bool:
        return self.job.state == State.FETCHING

    @property
    def elapsed(self) -> timedelta | None:
        """How long the last fetching took, or has taken so far."""
        if self.job.started_at is None or self.job.state == State.QUEUED:
            return None
        ends = [event.at for event in self.events if event.before == State.FETCHING and event.at >= self.job.started_at]
        return (ends[-1] if ends else now()) - self.job.started_at

    @property
    def rate(self) -> int | None:
        """Bytes in a second, over the whole fetching; None before that says anything."""
        elapsed = self.elapsed
        if elapsed is None or elapsed < MEASURED or not self.job.bytes_done:
            return None
        return int(self.job.bytes_done / elapsed.total_seconds())

    @property
    def seconds_left(self) -> int | None:
        """At the rate so far; None when it is not fetching or nothing is known."""
        if not self.fetching or not self.rate or not self.job.bytes_total:
            return None
        return max(0, self.job.bytes_total - self.job.bytes_done) // self.rate + 1

    @property
    def time_left(self) -> str:
        return _clock(self.seconds_left or 0)

    @property
    def duration(self) -> str:
        """From the last start to the end; empty before the end, and when nothing was started."""
        started, finished = self.job.started_at, self.job.finished_at
        if started is None or finished is None:
            return ""
        return _clock(ceil((finished - started).total_seconds()))

    @property
    def percent(self) -> int:
        if not self.job.bytes_total:
            return 0
        return min(100, self.job.bytes_done * 100 // self.job.bytes_total)

    @property
    def reason(self) -> str:
        return message_for(self.job.reason_code, self.job.reason_params) if self.job.reason_code else ""

    @property
    def findings(self) -> list[Finding]:
        """The worst first."""
        found = [Finding.from_dict(stored) for stored in self.job.findings]
        return sorted(found, key=lambda finding: list(Severity).index(finding.severity))

    @property
    def timeline(self) -> Iterator[Moment]:
        """The newest first."""
        for event in reversed(self.events):
            message = message_for(event.code, event.params) if event.code else ""
            thrown_back = event.after == State.QUEUED and event.before != "" and not event.actor_name
            abnormal = event.after == State.FAILED or thrown_back
            yield Moment(event.at, str(State(event.after).label), message, event.actor_name, abnormal)


def _clock(seconds: int) -> str:
    """`0:42`, `1:05:09`."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"

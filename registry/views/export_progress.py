"""What the page of an export shows: how far it is, how fast, and what happened."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.utils.functional import Promise
from django.utils.timezone import now
from django.utils.translation import pgettext_lazy

from registry.findings import message_for
from registry.models_exports import ExportJob, ExportState
from stores.paths import parent_of

STEPS: list[tuple[ExportState, str | Promise]] = [
    (ExportState.QUEUED, ExportState.QUEUED.label),
    (ExportState.WRITING, ExportState.WRITING.label),
    (ExportState.SUCCEEDED, pgettext_lazy("export", "In the bucket")),
]
ORDER = [state for state, _label in STEPS]
ENDED_BADLY = {ExportState.FAILED: "failed", ExportState.CANCELLED: "stopped"}
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


class ExportProgress:
    """A job with its events, as people look at it."""

    def __init__(self, job: ExportJob) -> None:
        self.job = job
        self.events = list(job.events.all())

    @property
    def can_cancel(self) -> bool:
        return not self.job.finished and not self.job.placing

    @property
    def can_retry(self) -> bool:
        lost = self.job.version_id is None or self.job.bucket_id is None
        return self.job.state == ExportState.FAILED and not lost

    @property
    def folder(self) -> str:
        return f"/{self.job.bucket_name}/{self.prefix}"

    @property
    def prefix(self) -> str:
        return parent_of(self.job.key)

    @property
    def name(self) -> str:
        return self.job.key.removeprefix(self.prefix)

    @property
    def steps(self) -> list[Step]:
        reached = self._reached
        return [
            Step(label, self._step_state(number, reached), self._entered(state))
            for number, (state, label) in enumerate(STEPS)
        ]

    @property
    def _reached(self) -> int:
        """The step the job is in, or was in when it ended."""
        state = self.job.state
        if state not in ORDER:
            state = next((event.before for event in reversed(self.events) if event.after == state), "")
        return ORDER.index(ExportState(state)) if state in ORDER else 0

    def _step_state(self, number: int, reached: int) -> str:
        if number != reached:
            return "done" if number < reached else "waiting"
        if self.job.state == ExportState.SUCCEEDED:
            return "done"
        return ENDED_BADLY.get(ExportState(self.job.state), "current")

    def _entered(self, state: str) -> datetime | None:
        if state == ExportState.QUEUED:
            return self.job.created_at
        return next((event.at for event in reversed(self.events) if event.after == state), None)

    @property
    def percent(self) -> int:
        return min(100, self.job.bytes_done * 100 // self.job.bytes_total) if self.job.bytes_total else 0

    @property
    def writing(self) -> bool:
        return self.job.state == ExportState.WRITING

    @property
    def rate(self) -> int | None:
        """Bytes in a second since it began; None before that says anything."""
        if self.job.started_at is None or self.job.state == ExportState.QUEUED:
            return None
        elapsed = (self.job.finished_at or now()) - self.job.started_at
        return int(self.job.bytes_done / elapsed.total_seconds()) if elapsed >= MEASURED else None

    @property
    def time_left(self) -> str:
        """At the rate so far; empty while that is not known."""
        return _clock((self.job.bytes_total - self.job.bytes_done) // self.rate + 1) if self.rate else ""

    @property
    def duration(self) -> str:
        """From the last start to the end; empty before the end, and when nothing was started."""
        started, finished = self.job.started_at, self.job.finished_at
        return _clock(ceil((finished - started).total_seconds())) if started and finished else ""

    @property
    def reason(self) -> str:
        return message_for(self.job.reason_code, self.job.reason_params) if self.job.reason_code else ""

    @property
    def timeline(self) -> Iterator[Moment]:
        """The newest first."""
        for event in reversed(self.events):
            message = message_for(event.code, event.params) if event.code else ""
            thrown_back = event.after == ExportState.QUEUED and event.before != "" and not event.actor_name
            abnormal = event.after == ExportState.FAILED or thrown_back
            yield Moment(event.at, str(ExportState(event.after).label), message, event.actor_name, abnormal)


def _clock(seconds: int) -> str:
    """`0:42`, `1:05:09`."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"

"""What the pages of imports and of exports show alike of a job: its steps, how long it took, and what happened."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from math import ceil
from typing import Any

from django.db.models import TextChoices
from django.utils.functional import Promise

from registry.findings import message_for

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


class JobProgress:
    """A job with its events, the oldest first; `states` are its own, and hold "queued" and "failed"."""

    states: type[TextChoices]
    job: Any

    @cached_property
    def events(self) -> list[Any]:
        return list(self.job.events.all())

    @property
    def percent(self) -> int:
        return min(100, self.job.bytes_done * 100 // self.job.bytes_total) if self.job.bytes_total else 0

    @property
    def duration(self) -> str:
        """From the last start to the end; empty before the end, and when nothing was started."""
        started, finished = self.job.started_at, self.job.finished_at
        return clock(ceil((finished - started).total_seconds())) if started and finished else ""

    @property
    def reason(self) -> str:
        return message_for(self.job.reason_code, self.job.reason_params) if self.job.reason_code else ""

    @property
    def timeline(self) -> Iterator[Moment]:
        """The newest first."""
        for event in reversed(self.events):
            message = message_for(event.code, event.params) if event.code else ""
            thrown_back = event.after == "queued" and event.before != "" and not event.actor_name
            abnormal = event.after == "failed" or thrown_back
            yield Moment(event.at, str(self.states(event.after).label), message, event.actor_name, abnormal)

    def entered(self, state: str) -> datetime | None:
        """When it came to a state last."""
        if state == "queued":
            created: datetime = self.job.created_at
            return created
        return next((event.at for event in reversed(self.events) if event.after == state), None)

    def reached(self, order: Sequence[str]) -> int:
        """The place in `order` of the state the job is in, or was in when it ended."""
        state = self.job.state
        if state not in order:
            state = next((event.before for event in reversed(self.events) if event.after == state), "")
        return order.index(state) if state in order else 0


def clock(seconds: int) -> str:
    """`0:42`, `1:05:09`."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"

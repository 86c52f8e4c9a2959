"""What the job page shows of an import: its steps, how fast it is, and what happened."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from math import ceil

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from importers.models import ImportJob, State
from registry.findings import Finding, Severity
from registry.models import ModelVersion, Status, VersionEvent
from registry.views.job_progress import MEASURED, JobProgress, Moment, Step, clock

STEPS: list[tuple[str, str | Promise]] = [
    (State.QUEUED, _("Queued")),
    (State.FETCHING, _("Fetching")),
    (State.CHECKING, _("Checking and scanning")),
    (State.STORING, _("Storing")),
    (State.SUCCEEDED, _("Building and proving")),
    ("", pgettext_lazy("model status", "Normal")),
]
ORDER = [state for state, _label in STEPS]
# The lines of a version's history between its hand-over and its rest.
PREPARING = ("build.", "proof.", "import.done", "import.failed")


class Progress(JobProgress):
    """A job with its version and events, as people look at it."""

    states = State
    job: ImportJob

    def __init__(self, job: ImportJob) -> None:
        self.job = job
        self.version = job.version

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
        return reverse("importers:new", query={"again": str(self.job.uuid)})

    @property
    def outcome(self) -> ImportJob | ModelVersion:
        """What the whole has come to by now: the version once the job has done its part, else the job."""
        return self.version if self.job.state == State.SUCCEEDED and self.version is not None else self.job

    @property
    def good(self) -> bool:
        """Nothing is left to come, and the version is there and Normal."""
        return self.job.state == State.SUCCEEDED and (self.version is None or self.version.status == Status.NORMAL)

    @property
    def building(self) -> bool:
        return self.outcome == self.version and not self.at_rest

    @property
    def broken(self) -> bool:
        """The job did its part, and building or proving failed after it."""
        return self.outcome == self.version and self.at_rest and not self.good

    @property
    def finished_at(self) -> datetime | None:
        """When the whole came to rest; None before."""
        if not self.at_rest:
            return None
        ends = self.version.finished_at if self.outcome == self.version and self.version is not None else None
        return ends or self.job.finished_at

    @property
    def duration(self) -> str:
        started, finished = self.job.started_at, self.finished_at
        return clock(ceil((finished - started).total_seconds())) if started and finished else ""

    @property
    def timeline(self) -> Iterator[Moment]:
        """The newest first: what the version went through after the job, then the job."""
        for event in reversed(self.prepared):
            yield Moment(event.at, event.message, "", event.actor_name, event.abnormal)
        for moment, event in zip(super().timeline, reversed(self.events), strict=True):
            # That the job has done its part is not yet success.
            stored = event.after == State.SUCCEEDED and self.outcome == self.version
            yield replace(moment, label=str(_("Stored"))) if stored else moment

    @cached_property
    def prepared(self) -> list[VersionEvent]:
        """How the version was built and proven, the oldest first; not what people asked for once it was Normal."""
        if self.version is None or self.job.state != State.SUCCEEDED:
            return []
        lines: list[VersionEvent] = []
        for event in self.version.events.order_by("id"):
            if event.code.startswith(PREPARING):
                lines.append(event)
            if event.code == "import.done":
                break
        return lines

    @property
    def steps(self) -> list[Step]:
        reached = self._reached()
        shown = [i for i, state in enumerate(ORDER) if state != State.SUCCEEDED or not self._unbuilt]
        return [Step(STEPS[i][1], self._step_state(i, reached), self._at(i)) for i in shown]

    @property
    def _unbuilt(self) -> bool:
        """Normal without having been built: nothing prepares versions here, or not those of its engine."""
        return self.good and not any(event.code == "build.started" for event in self.prepared)

    def _reached(self) -> int:
        return len(STEPS) - 1 if self.good else self.reached(ORDER)

    def _at(self, index: int) -> datetime | None:
        if ORDER[index]:
            return self.entered(ORDER[index])
        return self.finished_at if self.good else None

    def _step_state(self, index: int, reached: int) -> str:
        if index != reached:
            return "done" if index < reached else "waiting"
        if self.good:
            return "done"
        if self.job.state == State.SUCCEEDED:
            return "current" if self.building else "failed"
        return {State.FAILED: "failed", State.CANCELLED: "stopped"}.get(State(self.job.state), "current")

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
        return clock(self.seconds_left or 0)

    @property
    def findings(self) -> list[Finding]:
        """The worst first."""
        found = [Finding.from_dict(stored) for stored in self.job.findings]
        return sorted(found, key=lambda finding: list(Severity).index(finding.severity))

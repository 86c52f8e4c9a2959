"""What the job page shows of an import: its steps, how fast it is, and what happened."""

from datetime import timedelta

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from importers.models import ImportJob, State
from registry.findings import Finding, Severity
from registry.models import Status
from registry.views.job_progress import MEASURED, JobProgress, Step, clock

STEPS: list[tuple[str, str | Promise]] = [
    (State.QUEUED, _("Queued")),
    (State.FETCHING, _("Fetching")),
    (State.CHECKING, _("Checking and scanning")),
    (State.STORING, _("Storing")),
    (State.SUCCEEDED, pgettext_lazy("model status", "Normal")),
]
ORDER = [state for state, _label in STEPS]


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
    def steps(self) -> list[Step]:
        reached = self.reached(ORDER)
        return [
            Step(label, self._step_state(i, reached), self.entered(ORDER[i])) for i, (_state, label) in enumerate(STEPS)
        ]

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

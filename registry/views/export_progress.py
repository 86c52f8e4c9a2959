"""What the page of an export shows: how far it is, how fast, and what happened."""

from django.utils.functional import Promise
from django.utils.timezone import now
from django.utils.translation import pgettext_lazy

from registry.models_exports import ExportJob, ExportState
from registry.views.job_progress import MEASURED, JobProgress, Step, clock
from stores.paths import parent_of

STEPS: list[tuple[ExportState, str | Promise]] = [
    (ExportState.QUEUED, ExportState.QUEUED.label),
    (ExportState.WRITING, ExportState.WRITING.label),
    (ExportState.SUCCEEDED, pgettext_lazy("export", "In the bucket")),
]
ORDER = [state for state, _label in STEPS]
ENDED_BADLY = {ExportState.FAILED: "failed", ExportState.CANCELLED: "stopped"}


class ExportProgress(JobProgress):
    """A job with its events, as people look at it."""

    states = ExportState
    job: ExportJob

    def __init__(self, job: ExportJob) -> None:
        self.job = job

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
        reached = self.reached(ORDER)
        return [
            Step(label, self._step_state(number, reached), self.entered(state))
            for number, (state, label) in enumerate(STEPS)
        ]

    def _step_state(self, number: int, reached: int) -> str:
        if number != reached:
            return "done" if number < reached else "waiting"
        if self.job.state == ExportState.SUCCEEDED:
            return "done"
        return ENDED_BADLY.get(ExportState(self.job.state), "current")

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
        return clock((self.job.bytes_total - self.job.bytes_done) // self.rate + 1) if self.rate else ""

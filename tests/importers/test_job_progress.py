"""What the progress of an import measures, step by step."""

import pytest

from importers import transitions
from importers.models import State
from importers.views.progress import Progress
from registry import preparation
from registry.findings import message_for
from registry.models import Proof, Status
from registry.services import record_event
from tests.importers.jobs import MB, fetching, handed_over


def steps_of(job):
    return [step.state for step in Progress(job).steps]


def test_progress_of_a_queued_job_measures_nothing(job):
    progress = Progress(job)

    assert steps_of(job) == ["current", "waiting", "waiting", "waiting", "waiting", "waiting"]
    assert (progress.rate, progress.seconds_left, progress.percent) == (None, None, 0)


def test_progress_measures_bytes_really_moved(job):
    progress = Progress(fetching(job))

    assert steps_of(job) == ["done", "current", "waiting", "waiting", "waiting", "waiting"]
    assert progress.percent == 20
    assert progress.rate == pytest.approx(2 * MB, rel=0.05)
    assert progress.time_left in {"0:40", "0:41"}


def test_progress_guesses_nothing_in_the_first_second(job):
    transitions.claim(job)
    job.bytes_done = job.bytes_total = MB

    assert Progress(job).rate is None


def test_progress_keeps_the_rate_when_fetching_has_ended(job):
    transitions.advance(fetching(job), State.CHECKING)

    progress = Progress(job)
    assert steps_of(job) == ["done", "done", "current", "waiting", "waiting", "waiting"]
    assert progress.rate == pytest.approx(2 * MB, rel=0.05)
    assert progress.seconds_left is None


def test_progress_says_where_it_failed(job):
    transitions.advance(fetching(job), State.CHECKING)
    transitions.fail(job, "import.refused", {}, [])

    assert steps_of(job) == ["done", "done", "failed", "waiting", "waiting", "waiting"]


def test_progress_says_where_it_was_cancelled(job):
    transitions.cancel(fetching(job), "import.cancelled")

    assert steps_of(job) == ["done", "stopped", "waiting", "waiting", "waiting", "waiting"]


@pytest.mark.parametrize(
    ("status", "last", "at_rest"),
    [
        (Status.BUILDING, ["current", "waiting"], False),
        (Status.BUILD_FAILED, ["failed", "waiting"], True),
        (Status.FAILED, ["failed", "waiting"], True),
        (Status.NORMAL, ["done", "done"], True),
    ],
)
def test_progress_follows_the_version_to_rest(job, status, last, at_rest):
    record_event(job.version, "build.started")
    job.state = State.SUCCEEDED
    job.version.status = status

    assert steps_of(job) == ["done", "done", "done", "done", *last]
    assert Progress(job).at_rest == at_rest


def test_progress_of_a_version_that_is_not_built_has_no_such_step(job):
    job.state = State.SUCCEEDED
    job.version.status = Status.NORMAL

    assert [str(step.label) for step in Progress(job).steps][-2:] == ["Storing", "Normal"]
    assert steps_of(job) == ["done"] * 5


def test_timeline_goes_on_until_the_version_rests_and_no_further(job, settings):
    job = handed_over(job, settings)
    preparation.activate(job.version, proof=Proof.NOT_ASKED, code="proof.switched_off")
    record_event(job.version, "proof.passed")

    labels = [moment.label for moment in Progress(job).timeline]

    assert labels[:5] == [
        message_for("import.done", {}),
        message_for("build.done", {}),
        message_for("build.started", {}),
        message_for("build.requested", {}),
        "Stored",
    ]


@pytest.mark.parametrize(("status", "can_cancel"), [(Status.NORMAL, False), (Status.BUILDING, True)])
def test_progress_offers_to_cancel_until_the_version_is_at_rest(job, status, can_cancel):
    job.state = State.SUCCEEDED
    job.version.status = status

    assert Progress(job).can_cancel == can_cancel


def test_timeline_marks_what_the_system_had_to_put_back(job):
    transitions.release(fetching(job), "import.store_unavailable", {})

    moments = [(moment.label, moment.abnormal) for moment in Progress(job).timeline]

    assert moments == [("Queued", True), ("Fetching", False), ("Queued", False)]

"""A worker that is asked to stop hands its imports back at once; another goes on with them."""

import os
import signal
import time

import pytest

from importers import pipeline, transitions
from importers.heartbeat import ClaimLost, Heartbeat
from importers.models import State
from importers.services import sweep_imports
from registry import shutdown
from tests.console_process import alive
from tests.faults import Installation, await_that
from tests.importers import jobs


@pytest.fixture
def asked():
    shutdown.begin()
    shutdown.ask()
    yield
    shutdown.begin()


@pytest.mark.django_db
def test_import_of_a_stopping_worker_goes_back_into_the_queue_and_on_elsewhere(settings, asked):
    settings.IMPORT_HEARTBEAT_SECONDS = 0
    job = jobs.submit(jobs.put(jobs.GOOD))

    pipeline.run(job)

    job.refresh_from_db()
    assert (job.state, job.reason_code, job.not_before) == (State.QUEUED, "import.worker_stopped", None)
    assert jobs.timeline(job)[-2:] == ["fetching", "import.worker_stopped"]
    shutdown.begin()
    pipeline.run(job)
    assert job.state == State.SUCCEEDED


@pytest.mark.django_db
def test_handed_back_job_is_rung_by_the_next_sweep(settings, asked, monkeypatch, django_capture_on_commit_callbacks):
    job = jobs.submit(jobs.put(jobs.GOOD))
    transitions.claim(job)
    rung = []
    monkeypatch.setattr("importers.services.current_app.send_task", lambda name, args: rung.append(args))

    with pytest.raises(ClaimLost):
        Heartbeat(job).finish()
    with django_capture_on_commit_callbacks(execute=True):
        sweep_imports()

    assert rung == [[job.pk]]


@pytest.mark.django_db
def test_job_that_is_not_its_own_any_more_is_left_alone(asked):
    job = jobs.submit(jobs.put(jobs.GOOD))
    transitions.claim(job)
    transitions.cancel(job, "import.cancelled")

    with pytest.raises(ClaimLost):
        Heartbeat(job).finish()

    job.refresh_from_db()
    assert job.state == State.CANCELLED


@pytest.mark.faults
@pytest.mark.db
@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_stopped_worker_hands_a_long_import_back_and_ends(number):
    with Installation() as installation:
        worker = installation.start("worker")
        installation.start("beat")
        job = installation("submit", "long", {"point": "within a file", "action": "dawdle", "seconds": 6})
        await_that(lambda: installation("look", job)["state"] == "fetching")
        time.sleep(0.5)

        os.kill(worker, number)
        asked_at = time.monotonic()
        await_that(
            lambda: "import.worker_stopped" in installation("look", job)["timeline"],
            explain=lambda: f"{installation('look', job)}\n{installation.tail()}",
        )
        handed_back = time.monotonic() - asked_at
        await_that(lambda: not alive([worker]))
        ended = time.monotonic() - asked_at
        end = installation.await_end(job)

    assert handed_back < 3
    assert ended < 15
    assert (end["state"], end["attempts"], end["complete"]) == ("succeeded", 2, True)
    assert end["timeline"].count("import.worker_lost") == 0

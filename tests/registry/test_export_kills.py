"""Exports while real workers die: each ends right, once, and leaves nothing on its way."""

import os
import signal
import time

import pytest

from tests.console_process import alive
from tests.faults import Installation, await_that

pytestmark = [pytest.mark.faults, pytest.mark.db, pytest.mark.timeout(120)]
POINTS = ["before archive_of", "before _store", "within a file", "before place", "after place", "before _finish"]


@pytest.fixture(scope="module")
def installation():
    with Installation() as started:
        for _ in range(2):
            started.start("worker")
        started.start("beat")
        yield started


def end_of(installation, job):
    return installation.await_end(job, 60, "look_export")


@pytest.fixture(scope="module")
def deadly_jobs(installation):
    """One job for each point, whose worker dies there twice in a row; they all run side by side."""
    return {
        point: installation("submit_export", f"dies-{number}", {"point": point, "times": 2})
        for number, point in enumerate(POINTS)
    }


@pytest.mark.parametrize("point", POINTS)
def test_worker_killed_twice_at_a_step_still_exports_once(installation, deadly_jobs, point):
    end = end_of(installation, deadly_jobs[point])

    assert (end["state"], end["complete"], end["left"]) == ("succeeded", True, "")
    assert (end["attempts"], end["timeline"].count("export.worker_lost")) == (3, 2)
    assert (end["timeline"].count("succeeded"), end["events"].count("version.exported")) == (1, 1)


def test_worker_killed_after_commit_changes_nothing(installation):
    end = end_of(installation, installation("submit_export", "late", {"point": "after _finish"}))

    assert (end["state"], end["attempts"], end["complete"]) == ("succeeded", 1, True)
    assert end["events"].count("version.exported") == 1


def test_worker_that_always_dies_is_given_up_and_can_be_retried(installation):
    job = installation("submit_export", "hopeless", {"point": "within a file", "times": 3})

    end = end_of(installation, job)
    await_that(lambda: not installation("look_export", job)["left"])
    assert (end["state"], end["reason"], end["complete"]) == ("failed", "export.worker_died", False)

    assert installation("retry_export", job)
    assert end_of(installation, job)["complete"]


def test_frozen_worker_is_replaced_and_its_late_result_ignored(installation):
    job = installation("submit_export", "frozen", {"point": "before _store", "action": "dawdle", "seconds": 4})

    end = end_of(installation, job)
    time.sleep(4)

    assert (end["state"], end["attempts"], end["complete"]) == ("succeeded", 2, True)
    assert installation("look_export", job) == end


def test_cancel_while_writing_leaves_nothing(installation):
    job = installation("submit_export", "unwanted", {"point": "within a file", "action": "dawdle", "seconds": 1})
    await_that(lambda: installation("look_export", job)["state"] == "writing")

    assert installation("cancel_export", job)

    await_that(lambda: not installation("look_export", job)["left"])
    end = installation("look_export", job)
    assert (end["state"], end["complete"]) == ("cancelled", False)


def test_version_deleted_while_it_is_written_ends_the_export_with_the_reason(installation):
    job = installation("submit_export", "deleted", {"point": "within a file", "action": "dawdle", "seconds": 1})
    await_that(lambda: installation("look_export", job)["state"] == "writing")

    assert installation("delete", "deleted")

    end = end_of(installation, job)
    assert (end["state"], end["reason"], end["complete"]) == ("failed", "export.version_deleted", False)
    assert "deadlock" not in installation.tail()


def test_nothing_is_left_on_its_way(installation):
    await_that(lambda: installation("on_their_way") == [], explain=lambda: str(installation("on_their_way")))


def test_stopped_worker_hands_a_long_export_back_and_ends():
    with Installation() as installation:
        worker = installation.start("worker")
        installation.start("beat")
        job = installation("submit_export", "long", {"point": "within a file", "action": "dawdle", "seconds": 3})
        await_that(lambda: installation("look_export", job)["state"] == "writing")
        time.sleep(0.5)

        os.kill(worker, signal.SIGTERM)
        await_that(lambda: "export.worker_stopped" in installation("look_export", job)["timeline"])
        await_that(lambda: not alive([worker]))
        end = end_of(installation, job)

    assert (end["state"], end["attempts"], end["complete"]) == ("succeeded", 2, True)
    assert end["timeline"].count("export.worker_lost") == 0

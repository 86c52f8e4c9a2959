"""Importing while real processes die, brokers vanish and disks fill: each job ends right, once, and leaves nothing."""

import os
import time

import pytest

from tests.faults import Installation, await_that, small_filesystem

pytestmark = [pytest.mark.faults, pytest.mark.db, pytest.mark.timeout(120)]
POINTS = [
    "before examine",
    "before fetch",
    "within a file",
    "before _place",
    "after _place",
    "before check",
    "before scan",
    "before store",
    "before hand_over",
    "after hand_over",
]


@pytest.fixture(scope="module")
def installation():
    with Installation() as started:
        for _ in range(2):
            started.start("worker")
        started.start("beat")
        yield started


@pytest.fixture(scope="module")
def deadly_jobs(installation):
    """One job for each point, whose worker dies there twice in a row; they all run side by side."""
    return {
        point: installation("submit", f"dies-{number}", {"point": point, "times": 2}, size=3_000_000)
        for number, point in enumerate(POINTS)
    }


@pytest.mark.parametrize("point", POINTS)
def test_worker_killed_twice_at_a_step_still_imports_once(installation, deadly_jobs, point):
    end = installation.await_end(deadly_jobs[point], seconds=60)

    # Bytes that lie in their place are not put there again: the next attempt may not come by that point any more.
    deaths = {1, 2} if point == "after _place" else {2}
    assert (end["state"], end["version"], end["complete"]) == ("succeeded", "published", True)
    assert end["attempts"] == end["timeline"].count("import.worker_lost") + 1
    assert end["timeline"].count("import.worker_lost") in deaths
    assert (end["timeline"].count("succeeded"), end["events"].count("import.done")) == (1, 1)


def test_worker_killed_after_commit_changes_nothing(installation):
    job = installation("submit", "late", {"point": "after store"})

    end = installation.await_end(job)

    assert (end["state"], end["attempts"], end["complete"]) == ("succeeded", 1, True)
    assert end["events"].count("import.done") == 1


def test_worker_that_always_dies_is_given_up_and_can_be_retried(installation):
    job = installation("submit", "hopeless", {"point": "before check", "times": 3})

    end = installation.await_end(job)
    assert (end["state"], end["reason"], end["version"]) == ("failed", "import.worker_died", "failed")

    assert installation("retry", job)
    assert installation.await_end(job)["state"] == "succeeded"


def test_frozen_worker_is_replaced_and_its_late_result_ignored(installation):
    job = installation("submit", "frozen", {"point": "before store", "action": "dawdle", "seconds": 4})

    end = installation.await_end(job)
    time.sleep(4)

    assert (end["state"], end["attempts"]) == ("succeeded", 2)
    assert installation("look", job) == end


def test_cancel_while_fetching_frees_the_name(installation):
    job = installation("submit", "unwanted", {"point": "before fetch", "action": "dawdle", "seconds": 1})
    await_that(lambda: installation("look", job)["state"] == "fetching")

    assert installation("cancel", job)

    assert installation("look", job)["state"] == "cancelled"
    again = installation("submit", "unwanted")
    assert installation.await_end(again)["state"] == "succeeded"
    assert installation("look", job)["state"] == "cancelled"


def test_version_deleted_in_the_middle_of_its_hand_over_is_gone_without_a_deadlock(installation):
    job = installation("submit", "deleted", {"point": "before hand_over", "action": "dawdle", "seconds": 1.2})
    await_that(lambda: installation("look", job)["state"] == "storing")
    time.sleep(0.2)

    assert installation("delete", "deleted")

    assert installation.await_end(job)["version"] is None
    assert "deadlock" not in installation.tail()


def test_object_rewritten_between_listing_and_reading_is_refused(installation):
    weights = installation.data / "buckets/packages/rewritten/model/model.pkl"
    plan = {"point": "before fetch", "action": "rewrite", "path": str(weights)}

    end = installation.await_end(installation("submit", "rewritten", plan))

    assert (end["state"], end["reason"], end["findings"][-1]) == ("failed", "import.refused", "source.object_changed")


def test_name_and_version_submitted_by_two_at_once_go_to_one(installation):
    outcomes = installation("submit_twice", "twins")
    again = installation("submit_twice", "twins")

    assert sorted(job is None for job in outcomes) == [False, True]
    assert again == [None, None]


def test_pool_child_killed_alone_is_replaced_and_the_job_ends(installation):
    job = installation("submit", "child", {"point": "before check", "action": "die alone"})

    end = installation.await_end(job)

    assert (end["state"], end["attempts"], end["complete"]) == ("succeeded", 2, True)


@pytest.mark.parametrize("lose_data", [False, True])
def test_broker_killed_and_restarted_loses_no_job(installation, lose_data):
    names = [f"broker-{lose_data}-{number}" for number in range(3)]
    running = installation("submit", names[0], {"point": "before check", "action": "dawdle", "seconds": 1})
    waiting = installation("submit", names[1])
    installation.kill_broker(lose_data=lose_data)
    deaf = installation("submit", names[2])

    installation.start_broker()

    ends = [installation.await_end(job) for job in (running, waiting, deaf)]
    assert [(end["state"], end["complete"]) for end in ends] == [("succeeded", True)] * 3


def test_file_that_the_artifact_store_cannot_take_is_tried_again(installation):
    plan = {"point": "before fetch", "action": "limit", "size": 6_000_000}

    end = installation.await_end(installation("submit", "limited", plan, size=8_000_000))

    assert (end["state"], end["attempts"], end["complete"]) == ("succeeded", 2, True)
    assert "import.store_unavailable" in end["timeline"]


if os.geteuid() == 0:  # only root may make a disk that is small

    def test_full_disk_is_waited_for_until_there_is_room(installation):
        with small_filesystem(installation.data / "artifacts", "2m") as enlarge:
            job = installation("submit", "large", size=8_000_000)
            await_that(lambda: installation("look", job)["reason"] == "import.store_unavailable")
            enlarge("64m")
            end = installation.await_end(job)
            orphans = installation("orphans")

        assert (end["state"], end["complete"], orphans) == ("succeeded", True, [])

    def test_full_disk_that_stays_full_is_given_up_with_nothing_left(installation):
        with small_filesystem(installation.data / "artifacts", "2m"):
            end = installation.await_end(installation("submit", "larger", size=8_000_000))
            orphans = installation("orphans")

        assert (end["state"], end["reason"], orphans) == ("failed", "import.store_gave_up", [])


def test_two_workers_readers_and_sweeps_never_lock_each_other_out(installation):
    for _ in range(3):
        installation.start("reader")
    started, jobs = time.monotonic(), []
    while time.monotonic() - started < 20:
        jobs.append(installation("submit", f"busy-{len(jobs)}"))
        time.sleep(0.5)

    ends = [installation.await_end(job) for job in jobs]

    assert {(end["state"], end["attempts"], end["complete"]) for end in ends} == {("succeeded", 1, True)}
    assert "locked" not in installation.log.read_text()


def test_nothing_is_left_in_the_artifact_store(installation):
    assert installation("orphans") == []

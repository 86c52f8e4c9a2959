from datetime import timedelta

import pytest
from django.utils.timezone import now

from importers import transitions
from importers.models import FINISHED, RUNNING, ImportJob, State
from registry.models import Status
from tests.factories import make_member, make_version, make_workspace

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def make_job(state=State.QUEUED, **values):
    version = make_version(f"m{ImportJob.objects.count()}", status=Status.IMPORTING)
    fields = {"lease_until": now() + timedelta(minutes=1), "attempts": 1 if state in RUNNING else 0} | values
    return ImportJob.objects.create(
        workspace=make_workspace(),
        version=version,
        version_uuid=version.uuid,
        model_name=version.model.name,
        version_number=version.number,
        source_kind="obs",
        state=state,
        **fields,
    )


def same(job):
    """The row as another worker read it a moment ago."""
    return ImportJob.objects.get(pk=job.pk)


def past(seconds=1):
    return now() - timedelta(seconds=seconds)


def test_claim_takes_a_queued_job_once():
    job = make_job()
    other = same(job)

    assert (transitions.claim(job), transitions.claim(other)) == (True, False)
    stored = same(job)
    assert (stored.state, stored.attempts, stored.events.count()) == (State.FETCHING, 1, 1)
    assert stored.lease_until > now()


@pytest.mark.parametrize("state", [*RUNNING, *FINISHED])
def test_claim_leaves_jobs_alone_that_are_held_or_over(state):
    job = make_job(state)

    assert not transitions.claim(job)
    assert job.events.count() == 0


@pytest.mark.parametrize("state", RUNNING)
def test_claim_takes_over_a_job_whose_lease_ran_out(state):
    job = make_job(state, lease_until=past())

    assert transitions.claim(job)
    assert (same(job).state, same(job).attempts) == (State.FETCHING, 2)


def test_claim_respects_not_before():
    early = make_job(not_before=now() + timedelta(minutes=1))
    late = make_job(not_before=past())

    assert (transitions.claim(early), transitions.claim(late)) == (False, True)


def test_claim_never_starts_a_fourth_attempt(settings):
    job = make_job(State.FETCHING, attempts=settings.IMPORT_ATTEMPTS, lease_until=past())

    assert not transitions.claim(job)


def test_claim_refuses_a_job_without_version():
    job = make_job()
    job.version.delete()

    assert not transitions.claim(same(job))


def test_renew_writes_progress_and_a_new_lease():
    job = make_job(State.FETCHING, lease_until=past())

    assert transitions.renew(job, bytes_done=7)
    assert (same(job).bytes_done, same(job).lease_until > now(), job.events.count()) == (7, True, 0)


def test_renew_fails_for_a_worker_that_was_replaced():
    slow = make_job(State.FETCHING, lease_until=past())
    assert transitions.claim(same(slow))

    assert not transitions.renew(slow, bytes_done=7)
    assert not transitions.advance(slow, State.CHECKING)
    assert not transitions.fail(slow, "import.bug", {}, [])
    assert not transitions.succeed(slow, [])
    assert (same(slow).state, same(slow).bytes_done, same(slow).attempts) == (State.FETCHING, 0, 2)


@pytest.mark.parametrize("state", [State.QUEUED, *RUNNING])
def test_cancel_ends_every_job_that_has_not_ended(state):
    person = make_member("cancel")
    job = make_job(state)
    worker = same(job)

    assert transitions.cancel(job, "import.cancelled", by=person)
    assert not transitions.renew(worker)
    event = job.events.get()
    assert (event.before, event.after, event.code, event.actor_name) == (
        state,
        "cancelled",
        "import.cancelled",
        "cancel",
    )


@pytest.mark.parametrize("state", FINISHED)
def test_cancel_is_too_late_for_a_job_that_has_ended(state):
    job = make_job(state)

    assert not transitions.cancel(job, "import.cancelled")


def test_release_waits_and_is_not_rung_meanwhile(settings):
    settings.IMPORT_RETRY_SECONDS = 20
    job = make_job(State.FETCHING)

    assert transitions.release(job, "source.unavailable", {})
    assert not transitions.rung(same(job))
    stored = same(job)
    assert (stored.state, stored.reason_code, stored.attempts) == (State.QUEUED, "source.unavailable", 1)
    assert stored.not_before > now() + timedelta(seconds=19)


def test_requeue_of_a_lost_job_happens_once_and_locks_the_old_worker_out():
    job = make_job(State.STORING, lease_until=past())
    other = same(job)
    worker = same(job)

    assert (transitions.requeue_lost(job), transitions.requeue_lost(other)) == (True, False)
    assert not transitions.renew(worker)
    assert [event.code for event in job.events.all()] == ["import.worker_lost"]


def test_requeue_leaves_a_job_whose_worker_lives():
    job = make_job(State.STORING)

    assert not transitions.requeue_lost(job)


@pytest.mark.parametrize(("attempts", "after"), [(1, 3), (2, 3), (3, 3), (4, 6)])
def test_retry_begins_a_fresh_round_of_attempts(settings, attempts, after):
    settings.IMPORT_ATTEMPTS = 3
    job = make_job(State.FAILED, attempts=attempts, reason_code="import.bug", findings=[{}], finished_at=now())

    assert transitions.retry(job, by=None)
    stored = same(job)
    assert (stored.attempts, stored.state, stored.reason_code, stored.findings) == (after, State.QUEUED, "", [])
    assert stored.finished_at is None
    assert transitions.claim(stored)


@pytest.mark.parametrize("state", [State.QUEUED, *RUNNING, State.SUCCEEDED, State.CANCELLED])
def test_retry_is_for_failed_jobs_only(state):
    assert not transitions.retry(make_job(state), by=None)


def test_bell_is_rung_again_only_after_a_lease():
    fresh = make_job()
    forgotten = make_job(lease_until=past())

    assert (transitions.rung(fresh), transitions.rung(forgotten), transitions.rung(same(forgotten))) == (
        False,
        True,
        False,
    )

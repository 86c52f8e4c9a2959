"""Exports whose worker dies, stops or loses its work, and the sweep that finds them."""

from datetime import timedelta

import pytest
from celery import current_app
from django.conf import settings as project
from django.utils.timezone import now

from registry import shutdown
from registry import transitions_exports as transitions
from registry.models_exports import ExportJob, ExportState
from registry.services_exports import RUN_EXPORT, sweep_exports
from registry.tasks import sweep_exports as sweep_exports_task
from stores.drivers.folder import FolderDriver
from tests.artifact_kinds import Files
from tests.registry.exporting import LARGE, PACKAGE, TARGET, exportable, lying, run, submit, timeline, zip_of

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(params=[PACKAGE, LARGE], ids=["small", "large"])
def version(request):
    """One that is sent in one go, and one that is sent in parts."""
    return exportable(package=request.param)


@pytest.fixture
def rung(monkeypatch, django_capture_on_commit_callbacks):
    """Sweeps once; answers with the jobs that were rung."""

    def sweep():
        found = []
        monkeypatch.setattr(current_app, "send_task", lambda name, arguments: found.append((name, *arguments)))
        with django_capture_on_commit_callbacks(execute=True):
            sweep_exports()
        return [job for name, job in found if name == RUN_EXPORT]

    return sweep


def lapse(job, **values):
    """Make a job look as if its worker fell silent a while ago."""
    ExportJob.objects.filter(pk=job.pk).update(lease_until=now() - timedelta(seconds=1), **values)


def claimed(job):
    """The job as a worker has it that was interrupted after it had begun."""
    transitions.claim(job)
    return job


@pytest.mark.parametrize("what", ["version", "bucket"])
def test_beat_of_a_worker_learns_that_its_work_lost_its_purpose(version, what):
    job = claimed(submit(version))
    ExportJob.objects.update(**{what: None})

    assert not transitions.renew(job)
    assert not transitions.place(job, "0" * 64)
    assert transitions.fail_incomplete(job)
    assert job.reason_code == f"export.{what}_deleted"


def test_worker_that_lost_its_claim_writes_nothing(version, monkeypatch, settings):
    settings.EXPORT_HEARTBEAT_SECONDS = 0
    job = submit(version)
    place = transitions.place
    monkeypatch.setattr(
        transitions, "place", lambda job, sha256: ExportJob.objects.update(attempts=7) and place(job, sha256)
    )

    end = run(job)

    assert (end.state, end.attempts, lying()) == (ExportState.WRITING, 7, {})
    assert timeline(job) == ["export.submitted", "writing"]


def test_stored_file_that_is_not_whole_is_tried_again_and_given_up(version, settings):
    settings.EXPORT_RETRY_SECONDS = 0
    Files().spoil(version.files.order_by("-size").first().sha256, b"short")
    job = submit(version)

    states = [run(job).state for _ in range(settings.EXPORT_ATTEMPTS)]
    end = run(job)

    assert states == [ExportState.QUEUED, ExportState.QUEUED, ExportState.FAILED]
    assert (end.reason_code, end.reason_params, end.attempts) == ("export.store_gave_up", {"attempts": 3}, 3)
    assert (lying(), end.handle) == ({}, "")


def test_stopping_worker_hands_its_export_back(version, settings):
    settings.EXPORT_HEARTBEAT_SECONDS = 0
    job = submit(version)
    shutdown.begin()
    shutdown.ask()

    handed_back = run(job)
    shutdown.begin()
    end = run(job)

    assert (handed_back.state, handed_back.reason_code) == (ExportState.QUEUED, "export.worker_stopped")
    assert (end.state, end.attempts, lying()) == (ExportState.SUCCEEDED, 2, {TARGET: zip_of(version)})


def test_attempt_after_a_crash_throws_away_what_the_one_before_sent():
    version = exportable(package=LARGE)
    job = submit(version)
    transitions.claim(job)
    driver = FolderDriver(project.BUCKETS_ROOT, "exports")
    transitions.note_handle(job, driver.begin(job.key, job.bytes_total))
    driver.append(job.key, job.handle, job.bytes_total, 0, [b"half of it"])
    lapse(job)

    end = run(job)

    assert (end.state, end.attempts) == (ExportState.SUCCEEDED, 2)
    assert lying() == {TARGET: zip_of(version)}
    assert timeline(job) == ["export.submitted", "writing", "export.worker_lost", "succeeded"]


def test_attempt_after_a_crash_recognises_what_the_one_before_finished(version, monkeypatch):
    """Killed between the object and the row: the object that is there is its own, not somebody else's."""
    job = submit(version)
    with monkeypatch.context() as patch:
        patch.setattr(transitions, "succeed", lambda job: False)
        run(job)
    modified = (project.BUCKETS_ROOT / "exports" / TARGET).stat().st_mtime_ns
    lapse(job)

    end = run(job)

    assert (end.state, end.attempts) == (ExportState.SUCCEEDED, 2)
    assert (project.BUCKETS_ROOT / "exports" / TARGET).stat().st_mtime_ns == modified
    assert lying() == {TARGET: zip_of(version)}


# The sweep


def test_sweep_queues_and_rings_a_job_whose_worker_died(rung, version):
    job = submit(version)
    lapse(job, state=ExportState.WRITING, attempts=1)

    assert rung() == [job.pk]
    assert rung() == []
    assert timeline(job) == ["export.submitted", "export.worker_lost"]
    assert run(job).state == ExportState.SUCCEEDED


def test_sweep_gives_up_after_the_last_attempt_and_throws_away_what_was_sent(rung, settings):
    job = submit(exportable(package=LARGE))
    handle = FolderDriver(project.BUCKETS_ROOT, "exports").begin(job.key, job.bytes_total)
    lapse(job, state=ExportState.WRITING, attempts=settings.EXPORT_ATTEMPTS, handle=handle)

    assert rung() == []
    job.refresh_from_db()
    assert (job.state, job.reason_code, job.reason_params) == (
        ExportState.FAILED,
        "export.worker_died",
        {"attempts": 3},
    )
    assert (job.handle, lying()) == ("", {})


def test_sweep_leaves_a_living_worker_alone(rung, version):
    job = claimed(submit(version))

    assert rung() == []
    assert transitions.renew(job)


def test_sweep_rings_a_job_whose_bell_was_lost_once_a_lease(rung, version):
    job = submit(version)
    assert rung() == []
    lapse(job)

    assert rung() == [job.pk]
    assert rung() == []


@pytest.mark.parametrize("state", [ExportState.QUEUED, ExportState.WRITING])
@pytest.mark.parametrize("what", ["version", "bucket"])
def test_sweep_ends_a_job_that_lost_its_purpose(rung, version, state, what):
    job = submit(version)
    lapse(job, state=state, **{what: None})

    assert rung() == []
    job.refresh_from_db()
    assert (job.state, job.reason_code) == (ExportState.FAILED, f"export.{what}_deleted")


def test_sweeping_task_may_be_delivered_twice(version):
    job = submit(version)
    lapse(job, state=ExportState.WRITING, attempts=1)
    sweep_exports_task()
    sweep_exports_task()

    assert timeline(job) == ["export.submitted", "export.worker_lost"]

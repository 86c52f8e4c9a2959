import os
import time
from datetime import timedelta

import pytest
from celery import current_app
from django.conf import settings as project
from django.utils.timezone import now

from importers import transitions
from importers.models import RUNNING, ImportJob, State
from importers.services import RUN_IMPORT, sweep_artifacts, sweep_imports
from importers.tasks import sweep_artifacts as sweep_artifacts_task
from importers.tasks import sweep_imports as sweep_imports_task
from registry import artifacts
from registry.models import ModelVersion, Status
from registry.services import delete_version
from tests.factories import make_member
from tests.importers.jobs import GOOD, put, run, submit, timeline

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture
def swept(monkeypatch, django_capture_on_commit_callbacks):
    """Sweeps once; answers with the jobs that were rung."""

    def sweep():
        rung = []
        monkeypatch.setattr(current_app, "send_task", lambda name, arguments: rung.append((name, *arguments)))
        with django_capture_on_commit_callbacks(execute=True):
            sweep_imports()
        return [job for name, job in rung if name == RUN_IMPORT]

    return sweep


def lapse(job, **values):
    """Make a job look as if its worker fell silent a while ago."""
    ImportJob.objects.filter(pk=job.pk).update(lease_until=now() - timedelta(seconds=1), **values)


@pytest.mark.parametrize("state", RUNNING)
def test_sweep_queues_and_rings_a_job_whose_worker_died(swept, state):
    job = submit(put(GOOD))
    lapse(job, state=state, attempts=1)

    assert swept() == [job.pk]
    assert swept() == []
    assert timeline(job) == ["import.submitted", "import.worker_lost"]
    assert run(job).state == State.SUCCEEDED


def test_sweep_gives_up_after_the_last_attempt(swept, settings):
    job = submit(put(GOOD))
    lapse(job, state=State.FETCHING, attempts=settings.IMPORT_ATTEMPTS)

    assert swept() == []
    job.refresh_from_db()
    assert (job.state, job.reason_code, job.reason_params) == (State.FAILED, "import.worker_died", {"attempts": 3})
    assert job.version.status == Status.FAILED


def test_sweep_leaves_a_living_worker_alone(swept):
    job = submit(put(GOOD))
    transitions.claim(job)

    assert swept() == []
    assert transitions.renew(job)


def test_sweep_rings_a_job_whose_bell_was_lost_once_a_lease(swept):
    job = submit(put(GOOD))
    assert swept() == []
    lapse(job)

    assert swept() == [job.pk]
    assert swept() == []


def test_sweep_rings_a_released_job_when_its_time_has_come(swept, settings):
    settings.IMPORT_RETRY_SECONDS = 60
    job = submit(put(GOOD))
    transitions.claim(job)
    transitions.release(job, "source.unavailable", {})
    early = swept()
    past = now() - timedelta(seconds=1)
    ImportJob.objects.update(not_before=past, lease_until=past)

    assert (early, swept()) == ([], [job.pk])
    assert run(job).state == State.SUCCEEDED


@pytest.mark.parametrize("state", [State.QUEUED, *RUNNING])
def test_sweep_ends_a_job_whose_version_was_deleted(swept, state):
    job = submit(put(GOOD))
    lapse(job, state=state)
    delete_version(ModelVersion.objects.get(), by=make_member("ann", "admin"))

    assert swept() == []
    job.refresh_from_db()
    assert (job.state, job.reason_code) == (State.CANCELLED, "import.version_deleted")


def test_sweep_leaves_ended_jobs_alone(swept):
    failed = run(submit("/packages/nothing/", name="a"))
    done = run(submit(put(GOOD), name="b"))

    assert swept() == []
    assert [run(job).state for job in (failed, done)] == [State.FAILED, State.SUCCEEDED]


def test_sweeping_tasks_may_be_delivered_twice():
    job = submit(put(GOOD))
    lapse(job, state=State.FETCHING, attempts=1)
    for task in (sweep_imports_task, sweep_imports_task, sweep_artifacts_task, sweep_artifacts_task):
        task()

    assert timeline(job) == ["import.submitted", "import.worker_lost"]


def stored():
    folder = project.DATA / "artifacts"
    return {path.name for path in folder.rglob("*") if path.is_file()}


def age(seconds):
    for path in (project.DATA / "artifacts").rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - seconds,) * 2)


def test_artifact_sweep_removes_what_no_version_refers_to(settings):
    job = run(submit(put(GOOD)))
    orphan = artifacts.ingest([b"nobody's"])
    age(settings.ARTIFACT_GRACE_SECONDS + 10)

    sweep_artifacts()

    assert stored() == set(job.version.files.values_list("sha256", flat=True))
    assert not artifacts.exists(orphan.sha256)


def test_artifact_sweep_keeps_what_is_younger_than_the_grace_time():
    young = artifacts.ingest([b"new"])

    sweep_artifacts()

    assert stored() == {young.sha256}


def test_artifact_sweep_keeps_what_a_long_import_has_stored_so_far(settings):
    settings.ARTIFACT_GRACE_SECONDS = 0
    job = submit(put(GOOD))
    transitions.claim(job)
    fetched = artifacts.ingest([b"part of it"])
    ImportJob.objects.update(started_at=now() - timedelta(hours=30))
    age(29 * 3600)
    sweep_artifacts()
    kept = stored()
    ImportJob.objects.update(state=State.FAILED)
    sweep_artifacts()

    assert (kept, stored()) == ({fetched.sha256}, set())

"""Exports into buckets: whole or not at all, once, whatever happens meanwhile."""

import hashlib

import pytest
from django.conf import settings as project
from django.utils.timezone import now

from accounts.models import AuditEvent
from registry import exports_job
from registry import transitions_exports as transitions
from registry.exports import can_be_exported
from registry.findings import message_for
from registry.models import ModelSource, Status
from registry.models_exports import ExportJob, ExportState
from registry.services import delete_version
from registry.services_exports import cancel_export, retry_export
from registry.tasks import run_export
from stores.drivers.folder import FolderDriver
from stores.errors import SourceRefused, SourceUnavailable
from stores.services import delete_bucket
from tests.factories import make_member
from tests.registry.exporting import LARGE, PACKAGE, TARGET, exportable, lying, run, submit, timeline, zip_of

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(params=[PACKAGE, LARGE], ids=["small", "large"])
def version(request):
    """One that is sent in one go, and one that is sent in parts."""
    return exportable(package=request.param)


def meanwhile(monkeypatch, happens):
    """Let something happen to the bucket after the first chunk was made."""
    chunks = exports_job.Archive.chunks

    def interrupted(self):
        for number, chunk in enumerate(chunks(self)):
            yield chunk
            if number == 0:
                happens()

    monkeypatch.setattr(exports_job.Archive, "chunks", interrupted)


def test_export_lies_in_the_bucket_whole_under_its_name(version):
    by = make_member("ann")

    job = run(submit(version, by=by))

    assert lying() == {TARGET: zip_of(version)}
    assert (job.state, job.attempts, job.handle) == (ExportState.SUCCEEDED, 1, "")
    assert job.bytes_done == job.bytes_total == len(zip_of(version))
    assert job.sha256 == hashlib.sha256(zip_of(version)).hexdigest()
    assert timeline(job) == ["export.submitted", "writing", "succeeded"]


def test_export_is_told_in_the_history_of_the_version_and_in_the_trail(version):
    job = run(submit(version, by=make_member("ann")))

    event = version.events.get(code="version.exported")
    trail = AuditEvent.objects.get(code="version.exported")
    assert (event.message, event.actor_name) == (f"Exported to /exports/{TARGET}", "ann")
    assert (trail.actor_name, trail.params["target"], trail.params["sha256"]) == ("ann", job.path, job.sha256)
    assert trail.params["digest"] == version.digest


def test_asking_cancelling_and_asking_again_are_told_in_the_trail(version):
    ann = make_member("ann")
    job = submit(version, by=ann)
    cancel_export(job, by=ann)
    cancel_export(job, by=ann)
    ExportJob.objects.update(state=ExportState.FAILED)
    job.refresh_from_db()
    retry_export(job, by=ann)
    retry_export(job, by=ann)

    trail = AuditEvent.objects.filter(code__startswith="export.").order_by("id")
    assert [event.code for event in trail] == ["export.submitted", "export.cancelled", "export.retried"]
    told = {"name": version.model.name, "version": version.number, "target": job.path}
    assert [(event.actor_name, event.params) for event in trail] == [("ann", told)] * 3


def test_task_delivered_twice_writes_once(version):
    job = submit(version)

    run_export(job.pk)
    run_export(job.pk)

    assert timeline(job) == ["export.submitted", "writing", "succeeded"]
    assert version.events.filter(code="version.exported").count() == 1


def test_task_of_a_job_that_is_gone_does_nothing():
    run_export(0)


@pytest.mark.parametrize("source", [ModelSource.EXEML, ModelSource.SUBSCRIBED])
def test_versions_that_are_never_given_out_are_refused(source):
    with pytest.raises(SourceRefused, match=r"export\.not_given_out"):
        submit(exportable(model_source=source))


def test_version_that_is_not_normal_is_refused():
    version = exportable(status=Status.FAILED)

    assert not can_be_exported(version)
    with pytest.raises(SourceRefused, match=r"export\.not_given_out"):
        submit(version)


REFUSED = {
    "": "rename.invalid",
    "a/b.zip": "rename.invalid",
    "..": "rename.invalid",
    "x" * 252 + ".zip": "source.name_too_long",
}


@pytest.mark.parametrize("name", REFUSED)
def test_name_that_is_none_is_refused(name):
    with pytest.raises(SourceRefused) as refused:
        submit(exportable(), name=name)

    assert refused.value.code == REFUSED[name]
    assert not ExportJob.objects.exists()


def test_name_that_is_taken_is_refused_unless_it_is_to_be_replaced():
    version = exportable()
    run(submit(version))

    with pytest.raises(SourceRefused, match=r"rename\.taken"):
        submit(version)
    other = exportable("other", {"model/config.json": b"[]"})
    job = run(submit(other, replace=True))

    assert (job.state, lying()) == (ExportState.SUCCEEDED, {TARGET: zip_of(other)})


@pytest.mark.parametrize("replace", [False, True])
def test_name_that_differs_in_case_alone_is_refused(replace):
    version = exportable()
    run(submit(version))

    with pytest.raises(SourceRefused, match=r"upload\.case_collision"):
        submit(version, name="Digits-0.0.1.zip", replace=replace)


def test_name_of_a_folder_is_refused():
    version = exportable()
    run(submit(version, prefix="digits/a.zip/"))

    with pytest.raises(SourceRefused, match=r"rename\.taken"):
        submit(version, name="a.zip", replace=True)


def test_temporary_area_of_a_bucket_is_refused():
    with pytest.raises(SourceRefused, match=r"source\.unsafe_name"):
        submit(exportable(), prefix=".modelport-incoming/")


def test_file_that_came_meanwhile_is_not_replaced(version):
    job = submit(version)
    FolderDriver(project.BUCKETS_ROOT, "exports").write(TARGET, [b"theirs"])

    end = run(job)

    assert (end.state, end.reason_code) == (ExportState.FAILED, "source.exists")
    assert lying() == {TARGET: b"theirs"}


def test_file_that_came_while_it_was_written_is_not_replaced(version, monkeypatch):
    job = submit(version)
    driver = FolderDriver(project.BUCKETS_ROOT, "exports")
    meanwhile(monkeypatch, lambda: driver.write(TARGET, [b"theirs"]))

    end = run(job)

    assert (end.state, end.reason_code) == (ExportState.FAILED, "source.exists")
    assert lying() == {TARGET: b"theirs"}


def test_cancelled_export_leaves_nothing(version):
    job = submit(version)

    assert cancel_export(job, by=make_member("ann"))
    end = run(job)

    assert (end.state, lying()) == (ExportState.CANCELLED, {})
    assert timeline(job) == ["export.submitted", "export.cancelled"]
    assert not cancel_export(job, by=None)


def test_export_is_too_late_to_cancel_once_the_object_gets_its_name(version):
    job = submit(version)
    transitions.claim(job)
    assert transitions.place(job, "0" * 64)

    assert not cancel_export(job, by=None)
    assert transitions.succeed(job)


def test_export_of_a_version_that_was_deleted_before_it_began_fails_with_the_reason(version):
    job = submit(version)
    delete_version(version, by=make_member("ann", "admin"))

    end = run(job)

    assert (end.state, end.reason_code, lying()) == (ExportState.FAILED, "export.version_deleted", {})
    assert (end.model_name, end.version_number, end.version) == ("digits", "0.0.1", None)


def test_export_into_a_bucket_that_was_removed_before_it_began_fails_with_the_reason(version):
    job = submit(version)
    delete_bucket(job.bucket, by=make_member("ann", "admin"))

    end = run(job)

    assert (end.state, end.reason_code) == (ExportState.FAILED, "export.bucket_deleted")
    assert end.path == f"/exports/{TARGET}"


def test_bucket_that_does_not_answer_is_tried_again_later(version, monkeypatch):
    def unavailable(*_):
        raise SourceUnavailable("down", code="source.timed_out", endpoint="http://x")

    with monkeypatch.context() as patch:
        patch.setattr(FolderDriver, "stat", unavailable)
        waiting = run(submit(version))
    early = run(waiting)
    ExportJob.objects.update(not_before=now())
    end = run(waiting)

    assert (waiting.state, waiting.reason_code) == (ExportState.QUEUED, "source.timed_out")
    assert (early.state, early.attempts) == (ExportState.QUEUED, 1)
    assert (end.state, end.attempts) == (ExportState.SUCCEEDED, 2)
    assert lying() == {TARGET: zip_of(version)}


def test_bug_is_told_with_its_number(version, monkeypatch):
    monkeypatch.setattr(exports_job, "archive_of", lambda version: 1 / 0)

    end = run(submit(version))

    assert (end.state, end.reason_code, len(end.reason_params["id"])) == (ExportState.FAILED, "export.bug", 12)


def test_failed_export_can_be_retried(version, monkeypatch):
    job = submit(version)
    with monkeypatch.context() as patch:
        patch.setattr(exports_job, "archive_of", lambda version: 1 / 0)
        job = run(job)

    assert retry_export(job, by=make_member("ann"))
    assert not retry_export(job, by=None)
    end = run(job)

    assert (end.state, end.reason_code) == (ExportState.SUCCEEDED, "")
    assert "export.retried" in timeline(job)


def test_failed_export_without_its_version_cannot_be_retried(version):
    job = submit(version)
    delete_version(version, by=make_member("ann", "admin"))

    assert not retry_export(run(job), by=None)


def test_every_reason_has_a_sentence():
    codes = ["not_given_out", "version_deleted", "bucket_deleted", "worker_died", "target_gave_up", "store_gave_up"]

    assert [code for code in codes if message_for(f"export.{code}", {"attempts": 3}) == f"export.{code}"] == []

"""Archives of uploads: a worker unpacks them, may die at it, and stores every member once."""

import io
import json
import zipfile
from datetime import timedelta

import pytest
from celery import current_app
from django.utils.timezone import now

from accounts.models import AuditEvent
from stores import services, services_uploads, tasks, transitions
from stores.drivers.folder import FolderDriver
from stores.errors import SourceUnavailable
from stores.models import Upload, UploadFile, UploadState
from stores.paths import INCOMING

URL = "/storage/packages/uploads/"


def packed(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return buffer.getvalue()


@pytest.fixture
def uploaded(as_developer, bucket):
    """`uploaded({"p.zip": bytes, …})` → an upload that waits for the worker."""

    def upload(contents, **wish):
        files = [[name, len(content)] for name, content in contents.items()]
        answer = as_developer.post(
            URL, json.dumps({"files": files, "unpack": True} | wish), content_type="application/json"
        )
        address = answer.json()["address"]
        for number, content in enumerate(contents.values()):
            as_developer.put(f"{address}{number}/", content, content_type="application/octet-stream")
        as_developer.post(f"{address}finish/")
        return Upload.objects.latest("id")

    return upload


@pytest.fixture
def scratch(settings):
    return lambda: sorted(path.name for path in settings.BUCKETS_ROOT.glob(f"packages/{INCOMING}/*"))


def expire(upload):
    Upload.objects.filter(pk=upload.pk).update(lease_until=now() - timedelta(seconds=1))


def test_archives_are_unpacked_beside_the_files_that_came_with_them(uploaded, keys, scratch):
    upload = uploaded({"one.zip": packed({"m/a": b"aa"}), "note": b"n", "two.zip": packed({"m/b": b"b"})}, folder="d")

    waiting = (upload.state, upload.files_total, len(scratch()))
    tasks.unpack_upload(upload.pk)
    tasks.unpack_upload(upload.pk)

    upload.refresh_from_db()
    assert waiting == (UploadState.UNPACKING, 1, 2)
    assert (upload.state, upload.files_done, upload.files_total, upload.bytes_done) == (UploadState.DONE, 3, 3, 4)
    assert keys() == ["d/m/a", "d/m/b", "d/note"]
    assert scratch() == []
    events = AuditEvent.objects.filter(code="storage.uploaded")
    assert [event.params for event in events] == [{"path": "/packages/d/", "files": 3, "bytes": 4}]


def test_one_bad_archive_means_that_none_is_unpacked(uploaded, keys, scratch):
    upload = uploaded({"a.zip": packed({"a": b"a"}), "b.zip": b"no archive", "note": b"n"})

    tasks.unpack_upload(upload.pk)

    upload.refresh_from_db()
    assert (upload.state, upload.reason_code) == (UploadState.FAILED, "zip.broken")
    assert keys() == ["note"]
    assert scratch() == []


@pytest.mark.parametrize(("other", "code"), [("a", "upload.duplicate"), ("A", "upload.case_collision")])
@pytest.mark.parametrize("conflict", ["skip", "both"])
def test_archives_that_hold_the_same_name_are_refused_together(uploaded, keys, scratch, other, code, conflict):
    upload = uploaded({"one.zip": packed({"a": b"1"}), "two.zip": packed({other: b"2"})}, conflict=conflict)

    tasks.unpack_upload(upload.pk)

    upload.refresh_from_db()
    assert (upload.state, upload.reason_code) == (UploadState.FAILED, code)
    assert keys() == []
    assert scratch() == []


@pytest.mark.parametrize(
    ("conflict", "expected", "skipped"),
    [("skip", {"a": 3, "b": 1}, 1), ("replace", {"a": 1, "b": 1}, 0), ("both", {"a": 3, "a (2)": 1, "b": 1}, 0)],
)
def test_members_follow_the_choice_for_names_that_are_taken(uploaded, bucket, put, conflict, expected, skipped):
    put("a", b"old")
    upload = uploaded({"p.zip": packed({"a": b"1", "b": b"2"})}, conflict=conflict)

    tasks.unpack_upload(upload.pk)

    upload.refresh_from_db()
    assert {entry.key: entry.size for entry in services.driver_for(bucket).walk("")} == expected
    assert upload.skipped == skipped


def test_a_worker_that_died_midway_is_followed_by_another_one(uploaded, put, keys, monkeypatch):
    put("a", b"old")
    upload = uploaded({"p.zip": packed({"a": b"1", "b": b"2", "c": b"3"})}, conflict="both")
    write = FolderDriver.write
    written = []

    def die(*args):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(args)
        return write(*args)

    monkeypatch.setattr(FolderDriver, "write", die)
    with pytest.raises(KeyboardInterrupt):
        tasks.unpack_upload(upload.pk)
    monkeypatch.undo()
    tasks.unpack_upload(upload.pk)
    midway = keys()
    expire(upload)
    tasks.unpack_upload(upload.pk)

    upload.refresh_from_db()
    assert midway == ["a", "a (2)", "b"]
    assert keys() == ["a", "a (2)", "b", "c"]
    assert (upload.state, upload.files_done, upload.attempts) == (UploadState.DONE, 3, 2)


def test_storage_that_does_not_answer_is_tried_again_and_given_up_in_the_end(uploaded, monkeypatch, scratch, keys):
    upload = uploaded({"p.zip": packed({"a": b"1"})})

    def unavailable(*args, **values):
        raise SourceUnavailable("no answer")

    monkeypatch.setattr(FolderDriver, "write", unavailable)
    states = []
    for _ in range(3):
        tasks.unpack_upload(upload.pk)
        tasks.unpack_upload(upload.pk)
        upload.refresh_from_db()
        states.append((upload.state, upload.reason_code, upload.attempts))
        expire(upload)

    assert states == [
        ("unpacking", "source.unavailable", 1),
        ("unpacking", "source.unavailable", 2),
        ("failed", "source.unavailable", 3),
    ]
    assert keys() == []
    assert scratch() == []


def test_the_sweep_rings_what_is_lost_and_gives_up_after_three_attempts(uploaded, monkeypatch):
    upload = uploaded({"p.zip": packed({"a": b"1"})})
    rung = []
    monkeypatch.setattr(current_app, "send_task", lambda *args: rung.append(args))
    services_uploads.sweep_uploads()
    expire(upload)
    with_callbacks = services_uploads.sweep_uploads

    monkeypatch.setattr("stores.services_uploads.transaction.on_commit", lambda call, robust: call())
    with_callbacks()
    Upload.objects.filter(pk=upload.pk).update(attempts=3)
    with_callbacks()

    upload.refresh_from_db()
    assert rung == [("stores.unpack_upload", [upload.pk])]
    assert (upload.state, upload.reason_code) == (UploadState.FAILED, "upload.worker_died")


def test_cancelling_stops_a_worker_at_its_next_step(uploaded, as_developer, monkeypatch, keys, scratch):
    upload = uploaded({"p.zip": packed({name: b"1" for name in "abcd"})})
    monkeypatch.setattr("stores.services_unpacking._BEAT_SECONDS", 0)
    write = FolderDriver.write

    def cancel_after_two(driver, key, chunks):
        if key == "c":
            as_developer.post(f"{upload.get_absolute_url()}cancel/")
        return write(driver, key, chunks)

    monkeypatch.setattr(FolderDriver, "write", cancel_after_two)
    tasks.unpack_upload(upload.pk)

    upload.refresh_from_db()
    assert upload.state == UploadState.CANCELLED
    assert keys() == ["a", "b"]
    assert scratch() == []


def test_a_worker_whose_claim_is_over_changes_nothing(uploaded):
    upload = uploaded({"p.zip": packed({"a": b"1"})})
    transitions.claim(upload)
    stale = Upload.objects.get(pk=upload.pk)
    expire(upload)
    transitions.claim(Upload.objects.get(pk=upload.pk))

    assert transitions.renew(stale) is False
    assert transitions.fail(stale, "zip.broken", {}) is False
    assert transitions.unpacked(stale) is False


def test_members_of_all_archives_together_stay_within_the_limits(uploaded, keys, settings):
    upload = uploaded({"a.zip": packed({"a": b"1", "b": b"1"}), "b.zip": packed({"c": b"1", "d": b"1"})})
    settings.UPLOAD_MAX_FILES = 3

    tasks.unpack_upload(upload.pk)

    upload.refresh_from_db()
    assert (upload.state, upload.reason_code) == (UploadState.FAILED, "upload.too_many_files")
    assert keys() == []


def test_a_large_archive_reports_its_progress(uploaded, as_developer, monkeypatch):
    upload = uploaded({"p.zip": packed({f"f{number:03}": b"x" * number for number in range(600)})})
    seen = []
    renew = transitions.renew

    def watch(row, **counters):
        answer = as_developer.get(upload.get_absolute_url(), HTTP_ACCEPT="application/json").json()
        seen.append((answer["files_done"], answer["files_total"]))
        return renew(row, **counters)

    monkeypatch.setattr(transitions, "renew", watch)
    tasks.unpack_upload(upload.pk)

    done, total = seen[-1]
    assert (0 < done < 600, total) == (True, 600)
    assert UploadFile.objects.filter(upload=upload, done=True).count() == 601

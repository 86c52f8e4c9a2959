"""Uploads into object storage: the same requests, the same outcome."""

import io
import json
import zipfile
from datetime import timedelta
from random import Random

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.secrets import seal
from stores import services, tasks
from stores.drivers import s3_sweeping
from stores.drivers.base import PART_BYTES
from stores.models import Bucket, Upload, UploadFile
from stores.paths import INCOMING, scratch_key
from stores.services_receiving import Interrupted, receive_file

URL = "/storage/remote/uploads/"
LARGE = 2 * PART_BYTES + 5


@pytest.fixture
def bucket(s3, workspace):
    keys = {"access_key": s3.access_key, "secret_key": s3.secret_key, "session_token": ""}
    return Bucket.objects.create(
        workspace=workspace,
        name="remote",
        driver=Bucket.Driver.S3,
        endpoint=s3.endpoint,
        remote_name=s3.make_bucket(),
        prefix="team/",
        region=s3.region,
        credentials=seal(keys),
    )


@pytest.fixture
def remains(s3, bucket):
    """Scratch objects and unfinished parts in the storage."""

    def look():
        client = s3.client()
        objects = client.list_objects_v2(Bucket=bucket.remote_name, Prefix=f"team/{INCOMING}/").get("Contents", [])
        uploads = client.list_multipart_uploads(Bucket=bucket.remote_name).get("Uploads", [])
        return len(objects), len(uploads)

    return look


def begin(client, files, **wish):
    answer = client.post(URL, json.dumps({"files": files} | wish), content_type="application/json")
    assert answer.status_code == 201, answer.content
    return answer.json()["address"]


def send(client, address, number, content, start=0):
    url = f"{address}{number}/?start={start}"
    return client.put(url, content[start:], content_type="application/octet-stream").json()


def content_of(bucket, key):
    with services.driver_for(bucket).open(key) as stream:
        return stream.read()


def packed(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return buffer.getvalue()


def test_small_and_large_files_reach_the_storage_and_a_cut_one_goes_on(as_developer, bucket, remains):
    content = Random(1).randbytes(LARGE)
    address = begin(as_developer, [["small", 5], ["large", LARGE]], folder="d")
    file = UploadFile.objects.select_related("upload__bucket").get(number=1)
    parts = iter([content[: PART_BYTES + 100], b""])

    small = send(as_developer, address, 0, b"small")
    with pytest.raises(Interrupted):
        receive_file(file, start=0, length=LARGE, read=lambda _: next(parts))
    asked = as_developer.get(f"{address}1/").json()
    large = send(as_developer, address, 1, content, start=asked["received"])
    answer = as_developer.post(f"{address}finish/", HTTP_ACCEPT="application/json").json()

    assert small == {"received": 5, "done": True}
    assert asked == {"received": PART_BYTES, "done": False}
    assert large == {"received": LARGE, "done": True}
    assert (answer["state"], answer["files_done"]) == ("done", 2)
    assert content_of(bucket, "d/large") == content
    assert remains() == (0, 0)


def test_a_cancelled_upload_leaves_nothing_unfinished_in_the_storage(as_developer, bucket, remains):
    address = begin(as_developer, [["large", LARGE], ["p.zip", 3]], unpack=True)
    file = UploadFile.objects.select_related("upload__bucket").get(number=0)
    parts = iter([b"x" * PART_BYTES, b""])
    with pytest.raises(Interrupted):
        receive_file(file, start=0, length=LARGE, read=lambda _: next(parts))
    send(as_developer, address, 1, b"zip")
    before = remains()

    as_developer.post(f"{address}cancel/")

    assert before == (1, 1)
    assert remains() == (0, 0)


def test_names_that_are_taken_in_the_storage_are_found(as_developer, bucket):
    for key in ("d/a", "d/sub/b"):
        services.driver_for(bucket).write(key, [b"old"])
    files = [["a", 1], ["sub/b", 1], *([f"n{number:02}", 1] for number in range(30))]
    wish = {"files": files, "folder": "d", "check": True}

    answer = as_developer.post(URL, json.dumps(wish), content_type="application/json").json()

    assert answer["names"] == ["/remote/d/a", "/remote/d/sub/b"]


def test_an_archive_in_the_storage_is_unpacked_there(as_developer, bucket, remains):
    weights = Random(1).randbytes(3_000_000)
    archive = packed({"model/config.json": b"{}", "model/weights.bin": weights})
    address = begin(as_developer, [["p.zip", len(archive)]], unpack=True, folder="d")
    send(as_developer, address, 0, archive)
    as_developer.post(f"{address}finish/")

    tasks.unpack_upload(Upload.objects.get().pk)

    assert Upload.objects.get().state == "done"
    assert content_of(bucket, "d/model/weights.bin") == weights
    assert remains() == (0, 0)


def test_a_form_sends_files_and_archives_into_the_storage(as_developer, bucket, remains):
    services.driver_for(bucket).write("a", [b"old"])
    large = b"x" * (PART_BYTES + 9)
    files = {"a": b"new", "b": b"b", "large": large, "p.zip": packed({"m/c": b"c"})}
    sent = [SimpleUploadedFile(name, content) for name, content in files.items()]

    answer = as_developer.post("/storage/remote/upload/", {"sent": sent, "unpack": "on", "conflict": "replace"})
    upload = Upload.objects.get()
    tasks.unpack_upload(upload.pk)

    assert answer.headers["Location"] == upload.get_absolute_url()
    assert [entry.key for entry in services.driver_for(bucket).walk("")] == ["a", "b", "large", "m/c"]
    assert (content_of(bucket, "a"), content_of(bucket, "large")) == (b"new", large)
    assert remains() == (0, 0)


def test_a_form_takes_a_large_file_whatever_the_limit_is(as_developer, bucket, remains, settings):
    settings.UPLOAD_MAX_BYTES = 10**12
    large = b"x" * (PART_BYTES + 9)

    as_developer.post("/storage/remote/upload/", {"sent": [SimpleUploadedFile("large", large)]})

    assert content_of(bucket, "large") == large
    assert remains() == (0, 0)


def test_what_crashes_left_is_swept_when_uploads_are_forgotten(as_developer, bucket, remains, monkeypatch, settings):
    driver = services.driver_for(bucket)
    driver.write(scratch_key(), [b"x"])
    driver.begin(scratch_key(), LARGE)
    driver.begin("of/somebody", LARGE)
    begin(as_developer, [["a", 1]])
    as_developer.post(f"{Upload.objects.get().get_absolute_url()}cancel/")
    settings.UPLOAD_KEPT_SECONDS = 0

    tasks.sweep_uploads()
    young = remains()
    begin(as_developer, [["a", 1]])
    as_developer.post(f"{Upload.objects.get().get_absolute_url()}cancel/")
    monkeypatch.setattr(s3_sweeping, "_KEPT", timedelta(seconds=-10))
    tasks.sweep_uploads()

    assert young == (1, 2)
    assert remains() == (0, 1)
    assert Upload.objects.count() == 0

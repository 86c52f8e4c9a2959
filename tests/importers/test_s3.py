"""Imports from and into real object storage: what was fetched once is known again, and nothing stays behind."""

import os
from urllib.request import urlopen
from uuid import uuid4

import pytest
from django.urls import reverse

from accounts.secrets import seal
from importers import pipeline
from importers.models import FetchedObject, State
from importers.services import sweep_artifacts
from importers.sources.bucket import BucketFolder
from registry import artifacts
from registry.models import Blob
from registry.services import delete_version
from stores.models import Bucket
from tests.artifact_kinds import Files, client_of, use_object_storage
from tests.factories import make_member, make_workspace
from tests.importers.jobs import GOOD, put, run, submit

pytestmark = [pytest.mark.django_db, pytest.mark.db]
SIZE = sum(map(len, GOOD.values()))


@pytest.fixture(scope="module")
def bucket(s3):
    return s3.make_bucket()


@pytest.fixture(params=["folder", "object storage"])
def store(request, settings, monkeypatch):
    """Where artifacts are kept."""
    if request.param == "folder":
        return Files()
    server, bucket = request.getfixturevalue("s3"), request.getfixturevalue("bucket")
    return use_object_storage(settings, monkeypatch, server, bucket)


@pytest.fixture
def objects(s3, bucket, settings, monkeypatch):
    """Artifacts in object storage."""
    return use_object_storage(settings, monkeypatch, s3, bucket)


class Place:
    """A bucket of the console that lies in object storage below a prefix of its own."""

    def __init__(self, server, bucket, name="cloud", workspace=None):
        self.client, self.bucket, self.prefix = client_of(server), bucket, f"place-{uuid4().hex[:12]}"
        keys = {"access_key": server.access_key, "secret_key": server.secret_key, "session_token": ""}
        self.row = Bucket.objects.create(
            workspace=workspace or make_workspace(),
            name=name,
            driver=Bucket.Driver.S3,
            endpoint=server.endpoint,
            remote_name=bucket,
            prefix=self.prefix,
            region=server.region,
            credentials=seal(keys),
        )

    def put(self, files, folder="digits"):
        for path, content in files.items():
            self.client.put_object(Bucket=self.bucket, Key=f"{self.prefix}/{folder}/{path}", Body=content)
        return f"/{self.row.name}/{folder}/"


@pytest.fixture
def place(s3, bucket):
    return Place(s3, bucket)


@pytest.fixture
def fetched(monkeypatch):
    """The paths whose bytes were fetched, since the test last cleared them."""
    paths, chunks = [], BucketFolder.chunks

    def noting(self, path):
        paths.append(path)
        return chunks(self, path)

    monkeypatch.setattr(BucketFolder, "chunks", noting)
    return paths


def imported(path, number="0.0.1", **values):
    job = run(submit(path, number=number, **values))
    assert (job.state, job.findings if job.state != State.SUCCEEDED else []) == (State.SUCCEEDED, [])
    return job


def imported_again(path, fetched, number="0.0.2"):
    """Import once more; which files were fetched for that."""
    fetched.clear()
    job = imported(path, number)
    assert (job.files_done, job.bytes_done) == (job.files_total, job.bytes_total)
    return job, sorted(fetched)


def known_events(job):
    return [event.params for event in job.version.events.all() if event.code == "file.known"]


def contents(version):
    return {file.path: artifacts.open_artifact(file.sha256).read() for file in version.files.all()}


def test_import_keeps_every_byte_in_object_storage_and_gives_it_out(objects, client):
    large = os.urandom(9_000_000)
    files = GOOD | {"model/data/large.bin": large}
    job = imported(put(files))
    client.force_login(make_member("viewer", "viewer"))

    answer = client.get(reverse("registry:file-download", args=[job.version.uuid, "model/data/large.bin"]))
    with urlopen(answer.headers["Location"], timeout=10) as given:
        content, disposition = given.read(), given.headers["Content-Disposition"]

    assert contents(job.version) == files
    assert objects.blobs() == sorted(job.version.files.values_list("sha256", flat=True))
    assert (answer.status_code, content == large) == (302, True)
    assert disposition == 'attachment; filename="large.bin"'


def test_download_is_streamed_where_no_address_is_given_out(s3, bucket, settings, monkeypatch, client):
    use_object_storage(settings, monkeypatch, s3, bucket, PRESIGNED="0")
    job = imported(put(GOOD))
    client.force_login(make_member("viewer", "viewer"))

    answer = client.get(reverse("registry:file-download", args=[job.version.uuid, "model/model.pkl"]))

    assert b"".join(answer.streaming_content) == GOOD["model/model.pkl"]
    assert answer.headers["Content-Length"] == str(len(GOOD["model/model.pkl"]))


def test_download_of_lost_bytes_says_so(objects, client):
    job = imported(put(GOOD))
    file = job.version.files.get(path="model/model.pkl")
    objects.lose(file.sha256)
    client.force_login(make_member("viewer", "viewer"))

    answer = client.get(reverse("registry:file-download", args=[job.version.uuid, file.path]))

    assert answer.status_code == 503
    assert "The artifact store did not give this file." in answer.content.decode()


def test_deleted_version_leaves_nothing_in_object_storage(objects, settings):
    settings.ARTIFACT_GRACE_SECONDS = -3600
    job = imported(put(GOOD | {"model/data/large.bin": bytes(9_000_000)}))
    sweep_artifacts()
    kept = len(objects.keys())
    delete_version(job.version, by=make_member("ann", "admin"))

    sweep_artifacts()

    assert (kept, objects.keys(), objects.uploads(), Blob.objects.count()) == (3, [], [], 0)


def test_failed_import_leaves_nothing_in_object_storage(objects, settings, monkeypatch):
    settings.ARTIFACT_GRACE_SECONDS = -3600
    monkeypatch.setattr(pipeline, "scan", lambda *arguments: 1 / 0)
    job = run(submit(put(GOOD)))

    sweep_artifacts()

    assert (job.state, objects.keys(), Blob.objects.count()) == (State.FAILED, [], 0)


def test_import_from_object_storage_ends_with_every_byte(store, place):
    job = imported(place.put(GOOD))

    assert contents(job.version) == GOOD
    assert known_events(job) == []


def test_second_import_of_the_same_package_fetches_nothing(store, place, fetched):
    path = place.put(GOOD)
    imported(path)

    job, again = imported_again(path, fetched)

    assert again == []
    assert known_events(job) == [{"count": 2, "bytes": SIZE}]
    assert contents(job.version) == GOOD


def test_only_the_file_that_changed_is_fetched(store, place, fetched):
    path = place.put(GOOD | {"model/data/a.txt": b"one"})
    imported(path)
    place.put({"model/data/a.txt": b"two"})

    job, again = imported_again(path, fetched)

    assert again == ["model/data/a.txt"]
    assert known_events(job) == [{"count": 2, "bytes": SIZE}]
    assert contents(job.version) == GOOD | {"model/data/a.txt": b"two"}


def test_everything_is_fetched_without_trust(store, place, fetched, settings):
    settings.TRUST_FINGERPRINTS = False
    path = place.put(GOOD)
    imported(path)

    job, again = imported_again(path, fetched)

    assert again == sorted(GOOD)
    assert known_events(job) == []


def test_known_file_whose_bytes_are_gone_is_fetched_again(store, place, fetched):
    path = place.put(GOOD)
    first = imported(path)
    store.lose(first.version.files.get(path="model/model.pkl").sha256)

    job, again = imported_again(path, fetched)

    assert again == ["model/model.pkl"]
    assert contents(job.version) == GOOD


@pytest.mark.parametrize("field", ["prefix", "endpoint"])
def test_bucket_that_is_set_to_another_place_is_not_known_any_more(store, place, fetched, field):
    path = place.put(GOOD)
    imported(path)
    if field == "prefix":
        place.prefix = place.row.prefix = f"{place.prefix}-2"
        place.put(GOOD)
    else:
        place.row.endpoint = place.row.endpoint.replace("127.0.0.1", "localhost")
    place.row.save(update_fields=[field])

    _, again = imported_again(path, fetched)

    assert again == sorted(GOOD)


def test_buckets_know_nothing_of_each_other(store, s3, bucket, fetched):
    ours, theirs = Place(s3, bucket, "ours"), Place(s3, bucket, "theirs")
    imported(ours.put(GOOD))

    _, again = imported_again(theirs.put(GOOD), fetched)

    assert again == sorted(GOOD)
    assert len(store.blobs()) == 2


def test_known_bytes_are_safe_from_a_sweep_while_the_import_runs(store, place, fetched, settings, monkeypatch):
    settings.ARTIFACT_GRACE_SECONDS = 0
    path = place.put(GOOD)
    delete_version(imported(path).version, by=make_member("ann", "admin"))
    scan = pipeline.scan

    def swept_before(*arguments):
        sweep_artifacts()
        return scan(*arguments)

    monkeypatch.setattr(pipeline, "scan", swept_before)

    job, again = imported_again(path, fetched)

    assert again == []
    assert contents(job.version) == GOOD


def test_import_that_failed_after_fetching_knows_what_it_has_fetched(store, place, fetched, monkeypatch):
    path = place.put(GOOD)
    job = submit(path)
    with monkeypatch.context() as broken:
        broken.setattr(pipeline, "scan", lambda *arguments: 1 / 0)
        run(job)
    fetched.clear()

    imported(path, "0.0.2")

    assert fetched == []


def test_folder_bucket_is_always_fetched(fetched):
    imported(put(GOOD))

    _, again = imported_again("/packages/digits/", fetched)

    assert again == sorted(GOOD)
    assert FetchedObject.objects.count() == 0


def test_looking_up_what_is_known_costs_few_queries(place, fetched, django_assert_max_num_queries):
    many = {f"model/data/{number}.txt": b"%d" % number for number in range(40)}
    path = place.put(GOOD | many)
    imported(path)
    job = submit(path, number="0.0.2")

    with django_assert_max_num_queries(45):
        ended = run(job)

    assert known_events(ended) == [{"count": 42, "bytes": SIZE + sum(map(len, many.values()))}]

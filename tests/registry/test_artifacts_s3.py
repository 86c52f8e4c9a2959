"""What only object storage does: rows instead of times, addresses to download from, and races of imports and sweeps."""

import threading
from datetime import timedelta
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from django.db import connection, transaction
from django.utils.timezone import now

from console.health import parts_down
from registry import artifacts, artifacts_blobs
from registry.artifacts_base import key_of
from registry.artifacts_place import Place
from registry.artifacts_upload import PART
from registry.errors import ArtifactStoreUnavailable
from registry.models import Blob, StoredFile
from tests import seaweedfs
from tests.artifact_kinds import use_object_storage
from tests.factories import make_version

pytestmark = [pytest.mark.django_db, pytest.mark.db]
LATER = timedelta(hours=1)


@pytest.fixture(scope="module")
def bucket(s3):
    return s3.make_bucket()


@pytest.fixture
def store(s3, bucket, settings, monkeypatch):
    return use_object_storage(settings, monkeypatch, s3, bucket)


def refer(stored):
    return StoredFile.objects.create(version=make_version(), path="model/a", size=stored.size, sha256=stored.sha256)


def sweep():
    """A sweep for which everything that lies in the store is old; what rows say is judged as ever."""
    return artifacts.sweep(keep_since=now() + LATER)


def settled(content=b"old"):
    """Bytes that somebody wanted long ago."""
    stored = artifacts.ingest([content])
    artifacts.settle([stored])
    return stored


def before(monkeypatch, owner, name, action):
    """Do something once, right before a step."""
    step, done = getattr(owner, name), []

    def stepped(*arguments, **options):
        if not done:
            done.append(True)
            action()
        return step(*arguments, **options)

    monkeypatch.setattr(owner, name, stepped)


def wanted_later(stored):
    """As an import marks it whose job began after the sweep's `keep_since`."""
    Blob.objects.filter(sha256=stored.sha256).update(wanted_at=now() + 2 * LATER)


def test_settled_bytes_have_a_row_and_swept_ones_none(store):
    stored = settled()
    rows = list(Blob.objects.values_list("sha256", "doomed_at"))

    assert sweep() == 1
    assert (rows, Blob.objects.count(), store.keys()) == ([(stored.sha256, None)], 0, [])


def test_sweep_keeps_what_was_wanted_since_though_the_object_is_old(store):
    stored = settled()
    wanted_later(stored)

    assert sweep() == 0
    assert store.blobs() == [stored.sha256]


def test_sweep_ends_stale_uploads_and_keeps_others(store):
    key = {"Bucket": store.bucket, "Key": store.prefix + "tmp/half"}
    upload = store.client.create_multipart_upload(**key)["UploadId"]
    store.client.upload_part(**key, UploadId=upload, PartNumber=1, Body=b"x")
    artifacts.sweep(keep_since=now() - LATER)
    young = len(store.uploads())

    sweep()

    assert (young, store.uploads()) == (1, [])


def test_sweep_forgets_rows_whose_bytes_are_gone_but_no_wanted_ones(store):
    gone, wanted = settled(b"gone"), settled(b"wanted")
    used = settled(b"used")
    refer(used)
    wanted_later(wanted)
    for stored in (gone, wanted, used):
        store.lose(stored.sha256)

    sweep()

    assert set(Blob.objects.values_list("sha256", flat=True)) == {wanted.sha256, used.sha256}


def test_import_that_marks_while_a_sweep_judges_wins(store, monkeypatch):
    stored = settled()
    before(monkeypatch, artifacts_blobs, "_doom", lambda: wanted_later(stored))

    assert sweep() == 0
    assert store.blobs() == [stored.sha256]
    artifacts.hold([stored])


def test_version_that_comes_between_the_two_looks_of_a_sweep_keeps_its_bytes(store, monkeypatch):
    stored = settled()
    before(monkeypatch, artifacts_blobs, "_doom", lambda: refer(stored))

    assert sweep() == 0
    assert store.blobs() == [stored.sha256]
    assert Blob.objects.get().doomed_at is None


def test_import_that_settles_while_a_sweep_deletes_tries_again_later_and_then_succeeds(store, monkeypatch):
    stored = settled()
    outcomes = []

    def import_meanwhile():
        artifacts.ingest([b"old"])
        outcomes.append(artifacts.unsettled([stored]))

    before(monkeypatch, artifacts_blobs, "bury", import_meanwhile)

    sweep()

    assert outcomes == [{stored.sha256}]
    artifacts.settle([artifacts.ingest([b"old"])])
    assert store.blobs() == [stored.sha256]


def test_bytes_swept_between_ingest_and_settle_are_missed(store):
    stored = artifacts.ingest([b"old"])
    sweep()

    with pytest.raises(ArtifactStoreUnavailable):
        artifacts.settle([stored])


def test_bytes_swept_between_settle_and_hand_over_are_missed(store):
    stored = settled()
    sweep()

    with pytest.raises(ArtifactStoreUnavailable):
        artifacts.hold([stored])
    assert Blob.objects.count() == 0


def test_sweep_that_died_holds_bytes_back_only_for_a_while(store):
    stored = settled()
    artifacts_blobs.doom([stored.sha256], now() + LATER)
    at_once = artifacts.unsettled([stored]), sweep()
    Blob.objects.update(doomed_at=now() - artifacts_blobs.STALE - timedelta(seconds=1))

    assert at_once == ({stored.sha256}, 0)
    artifacts.settle([stored])
    assert Blob.objects.get().doomed_at is None


def test_later_sweep_finishes_what_a_dead_one_began(store):
    stored = settled()
    artifacts_blobs.doom([stored.sha256], now() + LATER)
    Blob.objects.update(doomed_at=now() - artifacts_blobs.STALE - timedelta(seconds=1))

    assert sweep() == 1
    assert (store.keys(), Blob.objects.count()) == ([], 0)


def test_sweep_that_was_held_up_deletes_nothing_any_more(store, monkeypatch):
    stored = settled()
    monkeypatch.setattr(artifacts_blobs, "DELETE_WITHIN", timedelta(0))

    assert sweep() == 0
    assert store.blobs() == [stored.sha256]


class Beside(threading.Thread):
    """Work in a thread with a database connection of its own; `end` waits for it and raises what it raised."""

    def __init__(self, work):
        super().__init__()
        self.work, self.error = work, None
        self.start()

    def run(self):
        try:
            self.work()
        except BaseException as error:
            self.error = error
        finally:
            connection.close()

    def end(self):
        self.join()
        if self.error:
            raise self.error


def import_and_delete(version, name, contents):
    """Refer to bytes as an import does, look whether they are there, and delete the version; whether it came so far."""
    stored = [artifacts.ingest([content]) for content in contents]
    files = [
        StoredFile(version=version, path=f"{name}/{number}", size=each.size, sha256=each.sha256)
        for number, each in enumerate(stored)
    ]
    try:
        artifacts.settle(stored)
        with transaction.atomic():
            artifacts.hold(stored)
            StoredFile.objects.bulk_create(files)
    except ArtifactStoreUnavailable:
        return False
    assert artifacts.missing(stored) == set()
    StoredFile.objects.filter(path__startswith=f"{name}/").delete()
    return True


@pytest.mark.django_db(transaction=True)
def test_imports_and_sweeps_at_once_never_lose_bytes_that_are_referred_to(store):
    version, contents = make_version(), [b"shared %d" % number for number in range(6)]
    ended, succeeded = threading.Event(), []

    def imports(name):
        succeeded.extend(import_and_delete(version, name, contents) for _ in range(6))

    def sweeps():
        while not ended.is_set():
            sweep()
            ended.wait(0.05)

    sweeper, workers = Beside(sweeps), [Beside(lambda name=name: imports(name)) for name in ("a", "b")]
    for worker in workers:
        worker.end()
    ended.set()
    sweeper.end()
    sweep()

    assert len(succeeded) == 12
    assert (store.keys(), Blob.objects.count()) == ([], 0)


def test_broken_reading_goes_on_where_it_stopped(store):
    content = bytes(range(256)) * 20_000
    stored = artifacts.ingest([content])
    file = artifacts.open_artifact(stored.sha256)
    start = file.read(1000)
    file.raw._body.close()

    rest = file.read()

    assert start + rest == content


def test_reading_from_end_to_end_is_one_request(store, monkeypatch):
    asked = []
    get = Place.get
    monkeypatch.setattr(Place, "get", lambda *arguments: (asked.append(arguments[2]), get(*arguments))[1])
    stored = artifacts.ingest([bytes(3 * PART)])

    with artifacts.open_artifact(stored.sha256) as file:
        while file.read(64 * 1024):
            pass

    assert asked == [0]


def test_jump_forward_asks_for_the_rest_alone(store, monkeypatch):
    asked = []
    get = Place.get
    monkeypatch.setattr(Place, "get", lambda *arguments: (asked.append(arguments[2]), get(*arguments))[1])
    stored = artifacts.ingest([bytes(2 * PART)])

    with artifacts.open_artifact(stored.sha256) as file:
        file.read(10)
        file.seek(2 * PART - 5)
        assert file.read() == bytes(5)

    assert asked == [0, 2 * PART - 5]


@pytest.mark.parametrize("name", ["model.pkl", '数据 1?#%".html', "a;b\\c.bin"])
def test_download_address_gives_the_bytes_as_an_attachment_of_that_name(store, name):
    stored = artifacts.ingest([b"<script>alert(1)</script>"])

    with urlopen(artifacts.download_url(stored.sha256, name), timeout=10) as answer:
        content = answer.read()

    assert content == b"<script>alert(1)</script>"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Type"] == "application/octet-stream"


def test_download_address_cannot_be_changed_to_another_object(store):
    ours, theirs = artifacts.ingest([b"ours"]), artifacts.ingest([b"theirs"])
    url = artifacts.download_url(ours.sha256, "a").replace(key_of(ours.sha256), key_of(theirs.sha256))

    with pytest.raises(HTTPError, match="403"):
        urlopen(url, timeout=10)


def test_store_without_addresses_gives_none(s3, bucket, settings, monkeypatch):
    use_object_storage(settings, monkeypatch, s3, bucket, PRESIGNED="0")

    assert artifacts.download_url(artifacts.ingest([b"x"]).sha256, "a") is None


def test_store_that_takes_bytes_is_ready(store):
    assert "artifact store" not in parts_down()
    assert store.keys() == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [("SECRET_KEY", "wrong"), ("ENDPOINT", "http://127.0.0.1:1")],
)
def test_store_that_does_not_take_bytes_is_unavailable_and_not_ready(
    s3, bucket, settings, monkeypatch, variable, value
):
    store = use_object_storage(settings, monkeypatch, s3, bucket, **{variable: value})

    with pytest.raises(ArtifactStoreUnavailable):
        artifacts.ingest([b"x"])
    assert parts_down()["artifact store"] == "ArtifactStoreUnavailable"
    assert store.keys() == []


def test_store_that_may_only_be_read_is_not_ready(s3, bucket, settings, monkeypatch):
    reader = {"ACCESS_KEY": seaweedfs.READER_KEY, "SECRET_KEY": seaweedfs.READER_SECRET}
    store = use_object_storage(settings, monkeypatch, s3, bucket, **reader)

    assert parts_down()["artifact store"] == "ArtifactStoreUnavailable"
    assert store.keys() == []

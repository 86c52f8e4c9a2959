"""What holds for artifacts wherever they are kept: each test runs on a folder and on real object storage."""

import errno
import hashlib
import io
import threading
import tracemalloc
from datetime import timedelta

import pytest
from django.utils.timezone import now

from registry import artifacts
from registry.artifacts import Stored
from registry.artifacts_upload import PART
from registry.errors import ArtifactStoreUnavailable, ArtifactTooLarge
from registry.models import StoredFile
from tests.artifact_kinds import Files, use_object_storage
from tests.factories import make_version

LATER = timedelta(hours=1)
MEBIBYTE = 1024 * 1024
LARGE = 2 * PART + 12_345


@pytest.fixture(scope="module")
def bucket(s3):
    return s3.make_bucket()


@pytest.fixture(params=["folder", "object storage"])
def store(request, settings, monkeypatch):
    if request.param == "folder":
        return Files()
    server, bucket = request.getfixturevalue("s3"), request.getfixturevalue("bucket")
    return use_object_storage(settings, monkeypatch, server, bucket)


def pieces(size, seed=0):
    """Some bytes that repeat nowhere, in pieces of one mebibyte."""
    for start in range(0, size, MEBIBYTE):
        block = hashlib.sha256(f"{seed}.{start}".encode()).digest() * (MEBIBYTE // 32)
        yield block[: size - start]


def refer(stored):
    StoredFile.objects.create(version=make_version(), path="model/a", size=stored.size, sha256=stored.sha256)


def test_ingest_keeps_the_bytes_under_their_sha256(store):
    stored = artifacts.ingest([b"one ", b"two"])

    assert stored == Stored(hashlib.sha256(b"one two").hexdigest(), 7)
    assert store.blobs() == [stored.sha256]
    assert store.temporary() == []
    with artifacts.open_artifact(stored.sha256) as file:
        assert file.read() == b"one two"


def test_ingest_keeps_an_empty_file(store):
    stored = artifacts.ingest([])

    assert stored == Stored(hashlib.sha256(b"").hexdigest(), 0)
    assert artifacts.exists(stored.sha256) is True
    assert artifacts.open_artifact(stored.sha256).read() == b""


@pytest.mark.parametrize("size", [PART - 1, PART, PART + 1, LARGE])
def test_ingest_keeps_large_files(store, size):
    content = b"".join(pieces(size))

    stored = artifacts.ingest(pieces(size))

    assert stored == Stored(hashlib.sha256(content).hexdigest(), size)
    assert store.blobs() == [stored.sha256]
    assert store.temporary() == []
    with artifacts.open_artifact(stored.sha256) as file:
        assert file.read() == content


@pytest.mark.parametrize("size", [4, LARGE])
def test_ingest_of_known_bytes_writes_nothing(store, size):
    stored = artifacts.ingest(pieces(size))
    before = store.changed(stored.sha256)

    again = artifacts.ingest(pieces(size))

    assert again == stored
    assert store.changed(stored.sha256) == before
    assert store.temporary() == []


@pytest.mark.parametrize("size", [4, LARGE])
def test_ingest_replaces_a_blob_that_is_not_whole(store, size):
    stored = artifacts.ingest(pieces(size))
    store.spoil(stored.sha256, b"ha")

    artifacts.ingest(pieces(size))

    assert artifacts.open_artifact(stored.sha256).read() == b"".join(pieces(size))


@pytest.mark.parametrize("size", [6, LARGE])
def test_ingest_past_its_limit_keeps_nothing(store, size):
    with pytest.raises(ArtifactTooLarge):
        artifacts.ingest(pieces(size), limit=size - 1)

    assert store.blobs() == []
    assert store.temporary() == []


@pytest.mark.parametrize("size", [6, LARGE])
def test_ingest_passes_the_errors_of_the_source_through(store, size):
    def broken():
        yield from pieces(size)
        raise OSError(errno.ENOSPC, "the source's own")

    with pytest.raises(OSError, match="the source's own"):
        artifacts.ingest(broken())

    assert store.blobs() == []
    assert store.temporary() == []


def test_ingest_needs_little_memory_for_large_files(store):
    chunk = bytes(MEBIBYTE)
    artifacts.ingest([b"whatever is made once is made now"])
    tracemalloc.start()

    artifacts.ingest(chunk for _ in range(100))

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < (2 if isinstance(store, Files) else 40) * MEBIBYTE


def test_ingest_of_the_same_bytes_by_many_keeps_one_blob(store):
    results = []
    threads = [threading.Thread(target=lambda: results.append(artifacts.ingest([b"x" * 100_000]))) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 8
    assert store.blobs() == [results[0].sha256]
    assert store.temporary() == []


@pytest.mark.django_db
def test_settle_takes_what_was_ingested(store):
    many = [artifacts.ingest([b"%d" % number]) for number in range(60)]

    artifacts.settle(many)
    artifacts.hold(many)

    assert artifacts.missing(many) == set()


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 60])
def test_settle_refuses_bytes_that_are_gone(store, count):
    stored = [artifacts.ingest([b"%d" % number]) for number in range(count)]
    store.lose(stored[0].sha256)

    assert artifacts.missing(stored) == {stored[0].sha256}
    with pytest.raises(ArtifactStoreUnavailable):
        artifacts.settle(stored)


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 60])
def test_settle_refuses_bytes_that_are_not_whole(store, count):
    stored = [artifacts.ingest([b"number %d" % number]) for number in range(count)]
    store.spoil(stored[0].sha256, b"ha")

    with pytest.raises(ArtifactStoreUnavailable):
        artifacts.settle(stored)


def test_open_artifact_of_missing_bytes_is_unavailable(store):
    with pytest.raises(ArtifactStoreUnavailable):
        artifacts.open_artifact("0" * 64)


def test_open_artifact_gives_a_file_that_can_seek(store):
    content = b"".join(pieces(LARGE))
    stored = artifacts.ingest(pieces(LARGE))

    with artifacts.open_artifact(stored.sha256) as file:
        assert file.seek(-10, io.SEEK_END) == LARGE - 10
        assert file.read() == content[-10:]
        assert file.read(1) == b""
        for position in (5, 3_000_000, 2_999_000, 17_000_000, 0):
            assert file.seek(position) == position
            assert file.read(1000) == content[position : position + 1000]
        assert file.tell() == 1000


@pytest.mark.parametrize("name", ["", "..", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_only_a_sha256_is_a_name(store, name):
    assert artifacts.exists(name) is False
    with pytest.raises(ValueError, match="not a SHA-256"):
        artifacts.open_artifact(name)


def test_check_store_leaves_nothing_behind(store):
    artifacts.check_store()

    assert store.blobs() == []
    assert store.temporary() == []


@pytest.mark.django_db
@pytest.mark.db
def test_sweep_removes_what_no_version_refers_to(store):
    used, _ = artifacts.ingest([b"used"]), artifacts.ingest([b"unused"])
    refer(used)
    store.put("tmp/abandoned", b"half")

    removed = artifacts.sweep(keep_since=now() + LATER)

    assert removed == 2
    assert store.blobs() == [used.sha256]
    assert store.temporary() == []


@pytest.mark.django_db
def test_sweep_keeps_what_an_import_may_still_want(store):
    stored = artifacts.ingest([b"just arrived"])
    store.put("tmp/being-written", b"half")

    assert artifacts.sweep(keep_since=now() - LATER) == 0
    assert store.blobs() == [stored.sha256]
    assert len(store.temporary()) == 1


@pytest.mark.django_db
def test_sweep_leaves_foreign_files_alone(store):
    stored = artifacts.ingest([b"x"])
    store.put(f"{stored.sha256[:2]}/notes.txt", b"mine")

    assert artifacts.sweep(keep_since=now() + LATER) == 1
    assert store.blobs() == ["notes.txt"]


@pytest.mark.django_db
def test_sweep_of_an_empty_store_removes_nothing(store):
    assert artifacts.sweep(keep_since=now()) == 0


@pytest.mark.django_db
def test_swept_bytes_can_be_brought_again(store):
    stored = artifacts.ingest([b"again"])
    artifacts.settle([stored])
    artifacts.sweep(keep_since=now() + LATER)
    gone = store.blobs()

    artifacts.settle([artifacts.ingest([b"again"])])

    assert (gone, store.blobs()) == ([], [stored.sha256])

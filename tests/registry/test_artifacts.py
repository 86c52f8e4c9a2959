import errno
import hashlib
import os
import threading
import tracemalloc
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils.timezone import now

from registry import artifacts
from registry.artifacts import Stored
from registry.errors import ArtifactStoreFull, ArtifactStoreUnavailable, ArtifactTooLarge
from registry.models import StoredFile
from tests.factories import make_version

LATER = timedelta(hours=1)


def root():
    return settings.DATA / "artifacts"


def blobs():
    return sorted(path.name for path in root().glob("??/*"))


def temporary():
    return sorted(path.name for path in (root() / "tmp").iterdir())


def blob(stored):
    return root() / stored.sha256[:2] / stored.sha256


def make_old(path):
    os.utime(path, (1_000_000, 1_000_000))


def refer(stored):
    StoredFile.objects.create(version=make_version(), path="model/a", size=stored.size, sha256=stored.sha256)


def test_ingest_keeps_the_bytes_under_their_sha256():
    stored = artifacts.ingest([b"one ", b"two"])

    assert stored == Stored(hashlib.sha256(b"one two").hexdigest(), 7)
    assert blobs() == [stored.sha256]
    assert temporary() == []
    with artifacts.open_artifact(stored.sha256) as file:
        assert file.read() == b"one two"


def test_ingest_keeps_an_empty_file():
    stored = artifacts.ingest([])

    assert stored == Stored(hashlib.sha256(b"").hexdigest(), 0)
    assert artifacts.exists(stored.sha256) is True


def test_ingest_of_known_bytes_marks_them_as_wanted_and_writes_nothing():
    stored = artifacts.ingest([b"same"])
    make_old(blob(stored))
    inode = blob(stored).stat().st_ino

    again = artifacts.ingest([b"sa", b"me"])

    assert again == stored
    assert blob(stored).stat().st_ino == inode
    assert blob(stored).stat().st_mtime > 1_000_000
    assert temporary() == []


def test_ingest_replaces_a_blob_that_is_not_whole():
    stored = artifacts.ingest([b"whole"])
    blob(stored).chmod(0o600)
    blob(stored).write_bytes(b"ha")

    artifacts.ingest([b"whole"])

    assert blob(stored).read_bytes() == b"whole"


def test_ingest_past_its_limit_keeps_nothing():
    with pytest.raises(ArtifactTooLarge):
        artifacts.ingest([b"12345", b"6"], limit=5)

    assert blobs() == []
    assert temporary() == []


def test_ingest_passes_the_errors_of_the_source_through():
    def broken():
        yield b"start"
        raise OSError(errno.ENOSPC, "the source's own")

    with pytest.raises(OSError, match="the source's own"):
        artifacts.ingest(broken())

    assert temporary() == []


def test_ingest_on_a_full_disk_says_so(monkeypatch):
    def full(descriptor, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)

    with pytest.raises(ArtifactStoreFull):
        artifacts.ingest([b"x"])

    assert temporary() == []


def test_ingest_into_a_store_that_cannot_be_a_folder_is_unavailable():
    root().parent.mkdir(parents=True, exist_ok=True)
    root().write_text("in the way")

    with pytest.raises(ArtifactStoreUnavailable):
        artifacts.ingest([b"x"])

    root().unlink()


def test_ingest_needs_no_memory_for_large_files():
    chunk = bytes(1024 * 1024)
    tracemalloc.start()

    artifacts.ingest(chunk for _ in range(200))

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * 1024 * 1024


def test_ingest_of_the_same_bytes_by_many_keeps_one_blob():
    results = []
    threads = [threading.Thread(target=lambda: results.append(artifacts.ingest([b"x" * 100_000]))) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 8
    assert blobs() == [results[0].sha256]
    assert temporary() == []


def test_settle_refuses_bytes_that_are_gone():
    stored = artifacts.ingest([b"x"])
    blob(stored).unlink()

    with pytest.raises(ArtifactStoreUnavailable):
        artifacts.settle([stored])


def test_open_artifact_of_missing_bytes_is_unavailable():
    with pytest.raises(ArtifactStoreUnavailable):
        artifacts.open_artifact("0" * 64)


@pytest.mark.parametrize("name", ["", "..", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_only_a_sha256_is_a_name(name):
    assert artifacts.exists(name) is False
    with pytest.raises(ValueError, match="not a SHA-256"):
        artifacts.open_artifact(name)


def test_check_store_leaves_nothing_behind():
    artifacts.check_store()

    assert temporary() == []


@pytest.mark.django_db
def test_sweep_removes_what_no_version_refers_to():
    used, unused = artifacts.ingest([b"used"]), artifacts.ingest([b"unused"])
    refer(used)
    abandoned = root() / "tmp" / "abandoned"
    abandoned.write_bytes(b"half")

    removed = artifacts.sweep(keep_since=now() + LATER)

    assert removed == 2
    assert artifacts.exists(used.sha256) is True
    assert artifacts.exists(unused.sha256) is False
    assert temporary() == []


@pytest.mark.django_db
def test_sweep_keeps_what_an_import_may_still_want():
    stored = artifacts.ingest([b"just arrived"])
    (root() / "tmp" / "being-written").write_bytes(b"half")

    assert artifacts.sweep(keep_since=now() - LATER) == 0
    assert artifacts.exists(stored.sha256) is True
    assert temporary() == ["being-written"]


@pytest.mark.django_db
def test_sweep_puts_back_what_was_marked_while_it_was_judged(monkeypatch):
    stored = artifacts.ingest([b"old but wanted again"])
    make_old(blob(stored))
    take_out = artifacts._take_out

    def marked_before(sha256, since):
        artifacts.ingest([b"old but wanted again"])
        return take_out(sha256, since)

    monkeypatch.setattr(artifacts, "_take_out", marked_before)

    assert artifacts.sweep(keep_since=now() - LATER) == 0
    assert artifacts.exists(stored.sha256) is True


@pytest.mark.django_db
def test_sweep_restores_what_a_dead_sweep_had_taken_out():
    stored = artifacts.ingest([b"used"])
    refer(stored)
    make_old(blob(stored))
    blob(stored).rename(root() / "tmp" / f"{stored.sha256}.swept")

    assert artifacts.sweep(keep_since=now() - LATER) == 0
    assert artifacts.exists(stored.sha256) is True


@pytest.mark.django_db
def test_sweep_leaves_foreign_files_alone():
    stored = artifacts.ingest([b"x"])
    foreign = blob(stored).with_name("notes.txt")
    foreign.write_text("mine")

    assert artifacts.sweep(keep_since=now() + LATER) == 1
    assert foreign.read_text() == "mine"


@pytest.mark.django_db
def test_sweep_of_an_empty_store_removes_nothing():
    assert artifacts.sweep(keep_since=now()) == 0

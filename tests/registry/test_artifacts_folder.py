"""What only a folder of artifacts does: files that are moved and touched, and a disk that is full."""

import errno
import os
from datetime import timedelta

import pytest
from django.utils.timezone import now

from registry import artifacts
from registry.artifacts_folder import FolderStore
from registry.errors import ArtifactStoreFull, ArtifactStoreUnavailable
from registry.models import StoredFile
from tests.artifact_kinds import Files
from tests.factories import make_version

LATER = timedelta(hours=1)


@pytest.fixture
def store():
    return Files()


def test_ingest_of_known_bytes_marks_them_as_wanted(store):
    stored = artifacts.ingest([b"same"])
    store.make_old(stored.sha256)

    artifacts.ingest([b"sa", b"me"])

    assert store.path(stored.sha256).stat().st_mtime > 1_000_000


def test_ingest_on_a_full_disk_says_so(monkeypatch, store):
    def full(descriptor, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)

    with pytest.raises(ArtifactStoreFull):
        artifacts.ingest([b"x"])

    assert store.temporary() == []


def test_ingest_into_a_store_that_cannot_be_a_folder_is_unavailable(store):
    store.root.parent.mkdir(parents=True, exist_ok=True)
    store.root.write_text("in the way")

    with pytest.raises(ArtifactStoreUnavailable):
        artifacts.ingest([b"x"])

    store.root.unlink()


def test_folder_offers_no_address():
    assert artifacts.download_url(artifacts.ingest([b"x"]).sha256, "a") is None


@pytest.mark.django_db
def test_sweep_puts_back_what_was_marked_while_it_was_judged(monkeypatch, store):
    stored = artifacts.ingest([b"old but wanted again"])
    store.make_old(stored.sha256)
    take_out = FolderStore._take_out

    def marked_before(self, sha256, since):
        artifacts.ingest([b"old but wanted again"])
        return take_out(self, sha256, since)

    monkeypatch.setattr(FolderStore, "_take_out", marked_before)

    assert artifacts.sweep(keep_since=now() - LATER) == 0
    assert artifacts.exists(stored.sha256) is True


@pytest.mark.django_db
def test_sweep_restores_what_a_dead_sweep_had_taken_out(store):
    stored = artifacts.ingest([b"used"])
    StoredFile.objects.create(version=make_version(), path="model/a", size=stored.size, sha256=stored.sha256)
    store.make_old(stored.sha256)
    store.path(stored.sha256).rename(store.root / "tmp" / f"{stored.sha256}.swept")

    assert artifacts.sweep(keep_since=now() - LATER) == 0
    assert artifacts.exists(stored.sha256) is True

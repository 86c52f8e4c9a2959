"""The artifact store: bytes kept once under their SHA-256, never changed, in a folder or in object storage."""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from django.core.files.storage import FileSystemStorage, storages

from registry.artifacts_base import SHA256, ArtifactStore, Stored
from registry.artifacts_folder import FolderStore
from registry.artifacts_s3 import ObjectStore
from registry.errors import ArtifactStoreUnavailable

__all__ = [
    "Stored",
    "check_store",
    "download_url",
    "exists",
    "hold",
    "ingest",
    "local_path",
    "missing",
    "open_artifact",
    "settle",
    "sweep",
    "unsettled",
    "want",
]

PROBE = "artifacts-probe"
Apart = Callable[[Callable[[], set[str]]], set[str]]


def call(work: Callable[[], set[str]]) -> set[str]:
    return work()


def ingest(chunks: Iterable[bytes], *, limit: int | None = None) -> Stored:
    """Keep the bytes, hashed while they are written; bytes that are kept already are not written again.

    Raises ArtifactTooLarge past `limit` and ArtifactStoreUnavailable (or ArtifactStoreFull) when the store fails;
    what `chunks` raises passes through. Nothing half written stays. Durable after `settle`. Uses no database.
    """
    return _store().ingest(chunks, limit)


def settle(stored: Iterable[Stored], *, apart: Apart = call) -> None:
    """Make ingested bytes safe from a power cut and from a sweep; call before rows refer to them.

    Raises ArtifactStoreUnavailable when some are not there any more: fetching them again heals it. `apart` does the
    part that uses the network, but no database, in its own way.
    """
    _refuse(unsettled(stored, apart=apart))


def unsettled(stored: Iterable[Stored], *, apart: Apart = call) -> set[str]:
    """Settle bytes; the SHA-256 of those that are not in the store whole, or that a sweep is removing."""
    wanted = set(stored)
    lost = _store().want(wanted)
    return lost | apart(lambda: missing(wanted)) if wanted else lost


def want(stored: Iterable[Stored]) -> None:
    """Mark bytes so that no sweep takes them, as soon as they are ingested. Uses no network.

    Raises ArtifactStoreUnavailable when a sweep is removing some: fetching them again heals it.
    """
    _refuse(_store().want(set(stored)))


def missing(stored: Iterable[Stored]) -> set[str]:
    """The SHA-256 of bytes that are not in the store whole; the others are durable then. Uses no database."""
    return _store().confirm(set(stored))


def hold(stored: Iterable[Stored]) -> None:
    """Keep settled bytes from a sweep until this transaction ends, which refers to them. Uses no network.

    Raises ArtifactStoreUnavailable when a sweep was faster: fetching them again heals it.
    """
    _refuse(_store().hold(set(stored)))


def open_artifact(sha256: str) -> BinaryIO:
    """The bytes as a stream that can seek; read from end to end it is one request."""
    return _store().open(sha256)


def local_path(sha256: str) -> Path | None:
    """Where the bytes lie on this host, only to be read or linked to; None where the store is no folder."""
    store = _store()
    return store.path(sha256) if isinstance(store, FolderStore) else None


def exists(sha256: str) -> bool:
    return SHA256.fullmatch(sha256) is not None and _store().exists(sha256)


def download_url(sha256: str, filename: str) -> str | None:
    """A short-lived address at which a browser gets the bytes as `filename`; None where the store offers none."""
    return _store().download_url(sha256, filename)


def check_store() -> None:
    """Raise ArtifactStoreUnavailable unless the store takes a file now; asks with little patience where it may."""
    _store(PROBE if PROBE in storages.backends else "artifacts").check()


def sweep(*, keep_since: datetime) -> int:
    """Remove what no version refers to and nobody wanted since `keep_since`; returns how many files went.

    Safe beside imports: what they mark as wanted stays, and bytes are judged once more after they were taken out of
    their reach.
    """
    return _store().sweep(keep_since)


def _store(name: str = "artifacts") -> ArtifactStore:
    storage = storages[name]
    if isinstance(storage, FileSystemStorage):
        return FolderStore(Path(storage.location))
    return ObjectStore.of(storage)


def _refuse(lost: set[str]) -> None:
    if lost:
        raise ArtifactStoreUnavailable(f"{len(lost)} artifacts are not in the store, such as {min(lost)}")

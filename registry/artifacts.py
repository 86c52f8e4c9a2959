"""The artifact store: bytes kept once under their SHA-256, never changed."""

import errno
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, cast
from uuid import uuid4

from django.core.files.storage import FileSystemStorage, storages

from registry.errors import ArtifactStoreFull, ArtifactStoreUnavailable, ArtifactTooLarge
from registry.models import StoredFile

NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
SHA256 = re.compile(r"[0-9a-f]{64}")
ASIDE = ".swept"
BATCH = 500


@dataclass(frozen=True)
class Stored:
    sha256: str
    size: int


def ingest(chunks: Iterable[bytes], *, limit: int | None = None) -> Stored:
    """Keep the bytes, hashed while they are written; bytes that are kept already are only marked as wanted.

    Raises ArtifactTooLarge past `limit` and ArtifactStoreUnavailable (or ArtifactStoreFull) when the store fails;
    what `chunks` raises passes through. Nothing half written stays. Durable after `settle`.
    """
    temporary = _temporary_folder() / uuid4().hex
    with _store_errors():
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
    try:
        stored = _write(descriptor, chunks, limit)
        with _store_errors():
            if not _touch(stored):
                os.fsync(descriptor)
                _place(temporary, stored.sha256)
    finally:
        os.close(descriptor)
        temporary.unlink(missing_ok=True)
    return stored


def settle(stored: Iterable[Stored]) -> None:
    """Make ingested bytes safe from a power cut and from a sweep; call right before rows refer to them.

    Raises ArtifactStoreUnavailable when some are not there any more: fetching them again heals it.
    """
    folders = {_root()}
    with _store_errors():
        for each in stored:
            if not _touch(each):
                raise ArtifactStoreUnavailable(f"artifact {each.sha256} is not in the store")
            folders.add(_path(each.sha256).parent)
        for folder in folders:
            _fsync_folder(folder)


def open_artifact(sha256: str) -> BinaryIO:
    with _store_errors():
        return _path(sha256).open("rb")


def exists(sha256: str) -> bool:
    return SHA256.fullmatch(sha256) is not None and _path(sha256).is_file()


def check_store() -> None:
    """Raise ArtifactStoreUnavailable unless the store takes a file now."""
    with _store_errors():
        probe = _temporary_folder() / uuid4().hex
        probe.write_bytes(b"?")
        probe.unlink()


def sweep(*, keep_since: datetime) -> int:
    """Remove what no version refers to and nobody wanted since `keep_since`; returns how many files went.

    Safe beside imports: `ingest` and `settle` mark what they find as wanted, and a blob is judged once more after
    it was taken out of their reach.
    """
    since = keep_since.timestamp()
    with _store_errors():
        removed = _sweep_temporary(since)
        for folder in sorted(_root().glob("[0-9a-f][0-9a-f]")):
            old = [entry.name for entry in os.scandir(folder) if _is_old_blob(entry, since)]
            for start in range(0, len(old), BATCH):
                removed += _remove_unused(old[start : start + BATCH], since)
    return removed


def _write(descriptor: int, chunks: Iterable[bytes], limit: int | None) -> Stored:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        size += len(chunk)
        if limit is not None and size > limit:
            raise ArtifactTooLarge(limit)
        digest.update(chunk)
        with _store_errors():
            rest = memoryview(chunk)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
    return Stored(digest.hexdigest(), size)


def _touch(stored: Stored) -> bool:
    """Mark a kept blob as wanted now; False when it is not there or not whole."""
    path = _path(stored.sha256)
    try:
        os.utime(path)
        return path.stat().st_size == stored.size
    except FileNotFoundError:
        return False


def _place(temporary: Path, sha256: str) -> None:
    path = _path(sha256)
    try:
        temporary.replace(path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(path)


def _is_old_blob(entry: os.DirEntry[str], since: float) -> bool:
    with suppress(FileNotFoundError):
        return SHA256.fullmatch(entry.name) is not None and entry.stat(follow_symlinks=False).st_mtime < since
    return False


def _remove_unused(candidates: list[str], since: float) -> int:
    used = set(StoredFile.objects.filter(sha256__in=candidates).values_list("sha256", flat=True))
    return sum(_take_out(sha256, since) for sha256 in candidates if sha256 not in used)


def _take_out(sha256: str, since: float) -> bool:
    """Remove a blob unless an import marked it meanwhile: out of its place first, so that none can mark it unseen."""
    aside = _temporary_folder() / (sha256 + ASIDE)
    with suppress(FileNotFoundError):
        _path(sha256).rename(aside)
        if aside.stat().st_mtime < since:
            aside.unlink()
            return True
        aside.replace(_path(sha256))
    return False


def _sweep_temporary(since: float) -> int:
    removed = 0
    for path in _temporary_folder().iterdir():
        with suppress(FileNotFoundError):
            if path.name.endswith(ASIDE):  # A sweep died between two steps; the blob is judged again in its place.
                path.replace(_path(path.name.removesuffix(ASIDE)))
            elif path.stat().st_mtime < since:
                path.unlink()
                removed += 1
    return removed


def _root() -> Path:
    return Path(cast(FileSystemStorage, storages["artifacts"]).location)


def _temporary_folder() -> Path:
    """On the store's own filesystem, so that a rename ends every write."""
    folder = _root() / "tmp"
    with _store_errors():
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _path(sha256: str) -> Path:
    if SHA256.fullmatch(sha256) is None:
        raise ValueError(f"not a SHA-256: {sha256[:80]!r}")
    return _root() / sha256[:2] / sha256


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _store_errors() -> Iterator[None]:
    """Tell the store's failures from those of the source that is read at the same time."""
    try:
        yield
    except OSError as error:
        kind = ArtifactStoreFull if error.errno in NO_ROOM else ArtifactStoreUnavailable
        raise kind(str(error)) from error

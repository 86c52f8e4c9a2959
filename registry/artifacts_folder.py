"""Artifacts in a folder: a blob's time of change says when it was last wanted."""

import errno
import hashlib
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from registry.artifacts_base import BATCH, SHA256, Stored, key_of
from registry.errors import ArtifactStoreFull, ArtifactStoreUnavailable, ArtifactTooLarge
from registry.models import StoredFile

NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
ASIDE = ".swept"


@dataclass(frozen=True)
class FolderStore:
    """Blobs at `<aa>/<sha256>` below `root`, and what is being written in `tmp`, on the same filesystem."""

    root: Path

    def ingest(self, chunks: Iterable[bytes], limit: int | None) -> Stored:
        temporary = self._temporary() / uuid4().hex
        with _store_errors():
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
        try:
            stored = _write(descriptor, chunks, limit)
            with _store_errors():
                if not self._touch(stored):
                    os.fsync(descriptor)
                    _place(temporary, self.path(stored.sha256))
        finally:
            os.close(descriptor)
            temporary.unlink(missing_ok=True)
        return stored

    def want(self, stored: Collection[Stored]) -> set[str]:
        with _store_errors():
            return {each.sha256 for each in stored if not self._touch(each)}

    def hold(self, stored: Collection[Stored]) -> set[str]:
        return self.want(stored)

    def confirm(self, stored: Collection[Stored]) -> set[str]:
        folders = {self.root} | {self.path(each.sha256).parent for each in stored}
        with _store_errors():
            lost = {each.sha256 for each in stored if not self._is_whole(each)}
            for folder in folders:
                with suppress(FileNotFoundError):
                    _fsync_folder(folder)
        return lost

    def open(self, sha256: str) -> BinaryIO:
        with _store_errors():
            return self.path(sha256).open("rb")

    def exists(self, sha256: str) -> bool:
        return self.path(sha256).is_file()

    def download_url(self, sha256: str, filename: str) -> str | None:
        return None

    def check(self) -> None:
        with _store_errors():
            probe = self._temporary() / uuid4().hex
            probe.write_bytes(b"?")
            probe.unlink()

    def sweep(self, keep_since: datetime) -> int:
        since = keep_since.timestamp()
        with _store_errors():
            removed = self._sweep_temporary(since)
            for folder in sorted(self.root.glob("[0-9a-f][0-9a-f]")):
                old = [entry.name for entry in os.scandir(folder) if _is_old_blob(entry, since)]
                for start in range(0, len(old), BATCH):
                    removed += self._remove_unused(old[start : start + BATCH], since)
        return removed

    def path(self, sha256: str) -> Path:
        return self.root / key_of(sha256)

    def _touch(self, stored: Stored) -> bool:
        """Mark a kept blob as wanted now; False when it is not there or not whole."""
        try:
            os.utime(self.path(stored.sha256))
        except FileNotFoundError:
            return False
        return self._is_whole(stored)

    def _is_whole(self, stored: Stored) -> bool:
        try:
            return self.path(stored.sha256).stat().st_size == stored.size
        except FileNotFoundError:
            return False

    def _remove_unused(self, candidates: list[str], since: float) -> int:
        used = set(StoredFile.objects.filter(sha256__in=candidates).values_list("sha256", flat=True))
        return sum(self._take_out(sha256, since) for sha256 in candidates if sha256 not in used)

    def _take_out(self, sha256: str, since: float) -> bool:
        """Remove a blob unless an import marked it meanwhile: out of its place first, so none marks it unseen."""
        aside = self._temporary() / (sha256 + ASIDE)
        with suppress(FileNotFoundError):
            self.path(sha256).rename(aside)
            if aside.stat().st_mtime < since:
                aside.unlink()
                return True
            aside.replace(self.path(sha256))
        return False

    def _sweep_temporary(self, since: float) -> int:
        removed = 0
        for path in self._temporary().iterdir():
            with suppress(FileNotFoundError):
                if path.name.endswith(ASIDE):  # A sweep died between two steps; the blob is judged again in its place.
                    path.replace(self.path(path.name.removesuffix(ASIDE)))
                elif path.stat().st_mtime < since:
                    path.unlink()
                    removed += 1
        return removed

    def _temporary(self) -> Path:
        """On the store's own filesystem, so that a rename ends every write."""
        folder = self.root / "tmp"
        with _store_errors():
            folder.mkdir(parents=True, exist_ok=True)
        return folder


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


def _place(temporary: Path, path: Path) -> None:
    try:
        temporary.replace(path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(path)


def _is_old_blob(entry: os.DirEntry[str], since: float) -> bool:
    with suppress(FileNotFoundError):
        return SHA256.fullmatch(entry.name) is not None and entry.stat(follow_symlinks=False).st_mtime < since
    return False


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

"""Files of a folder bucket: errors in our words, and a stream that notices when its file changes."""

import errno
import io
import os
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from stores.drivers.base import LINK, SPECIAL_FILE, Entry
from stores.errors import SourceRefused, SourceUnavailable

_REFUSALS = {
    errno.ENOENT: "source.missing",
    errno.ENOTDIR: "source.missing",
    errno.ELOOP: "source.link",
    errno.EISDIR: "source.is_folder",
    errno.EACCES: "source.forbidden",
    errno.EPERM: "source.forbidden",
    errno.EROFS: "source.forbidden",
    errno.ENAMETOOLONG: "source.name_too_long",
}
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK}
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_NAME_BYTES = 255
_LAST_SECOND = 253_402_300_799
_INCOMING_SECONDS = 24 * 3600
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def refusals(path: str) -> Iterator[None]:
    """Turn what the system says about `path` into SourceRefused or SourceUnavailable."""
    try:
        yield
    except OSError as error:
        code = _REFUSALS.get(error.errno or 0)
        if code:
            raise SourceRefused(code, path=path, limit=_NAME_BYTES) from error
        if error.errno in _NO_SPACE:
            raise SourceUnavailable(str(error), code="source.no_space") from error
        raise SourceUnavailable(str(error)) from error


def etag_of(status: os.stat_result) -> str:
    return f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"


def entry_of(key: str, status: os.stat_result, refusal: str = "") -> Entry:
    """The entry of a file that is not a folder; links and special files carry their refusal."""
    if not refusal and stat.S_ISLNK(status.st_mode):
        refusal = LINK
    if not refusal and not stat.S_ISREG(status.st_mode):
        refusal = SPECIAL_FILE
    modified = datetime.fromtimestamp(min(max(status.st_mtime, 0), _LAST_SECOND), UTC)
    return Entry(key, status.st_size, modified, etag_of(status), refusal)


def make_folder(parent: int, name: str) -> None:
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=parent)
        os.fsync(parent)


def rename(folder: int, name: str, to_folder: int, to: str) -> None:
    """Move a file; raises FileExistsError when the new name is taken, also by what comes in the same instant."""
    try:
        os.link(name, to, src_dir_fd=folder, dst_dir_fd=to_folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _rename_without_links(folder, name, to_folder, to)
    else:
        os.unlink(name, dir_fd=folder)
    os.fsync(to_folder)
    os.fsync(folder)


def _rename_without_links(folder: int, name: str, to_folder: int, to: str) -> None:
    """For file systems that know no hard links."""
    try:
        os.stat(to, dir_fd=to_folder, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(name, to, src_dir_fd=folder, dst_dir_fd=to_folder)
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), to)


def write_file(folder: int, name: str, chunks: Iterable[bytes]) -> None:
    with os.fdopen(os.open(name, _CREATE, 0o666, dir_fd=folder), "wb", buffering=0) as file:
        for chunk in chunks:
            rest = memoryview(chunk)
            while rest:
                rest = rest[file.write(rest) :]
        os.fsync(file.fileno())


def write_at(file: int, path: str, start: int, chunks: Iterable[bytes], *, limit: int) -> int:
    """Write from `start` on, refusing what goes beyond `limit`; how long the file is then.

    What `chunks` raises passes through; the bytes that came before it are safe.
    """
    end = start
    try:
        for chunk in chunks:
            if end + len(chunk) > limit:
                raise SourceRefused("upload.wrong_size", path=path)
            with refusals(path):
                end = _write_all(file, end, chunk)
    finally:
        with refusals(path):
            os.fsync(file)
    return end


def _write_all(file: int, position: int, chunk: bytes) -> int:
    rest = memoryview(chunk)
    while rest:
        written = os.pwrite(file, rest, position)
        position, rest = position + written, rest[written:]
    return position


def sweep(folder: int) -> None:
    """Remove what a crash left behind long ago."""
    oldest = time.time() - _INCOMING_SECONDS
    with os.scandir(folder) as found:
        for entry in found:
            with suppress(OSError):
                if entry.stat(follow_symlinks=False).st_mtime < oldest:
                    _remove(folder, entry)


def _remove(folder: int, entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.name, ignore_errors=True, dir_fd=folder)
    else:
        os.unlink(entry.name, dir_fd=folder)


class CheckedFile(io.RawIOBase):
    """Part of an open file; reading its last byte refuses when the file changed since it was opened."""

    def __init__(self, descriptor: int, path: str) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._path = path
        status = os.fstat(descriptor)
        self._etag = etag_of(status)
        self._left = status.st_size

    def limit(self, start: int, length: int | None) -> None:
        """Read from `start` on, and `length` bytes at most."""
        os.lseek(self._descriptor, start, os.SEEK_SET)
        rest = max(self._left - start, 0)
        self._left = rest if length is None else min(length, rest)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        view = memoryview(buffer)[: self._left]
        with refusals(self._path):
            count = os.readv(self._descriptor, [view]) if view else 0
        self._left -= count
        if count == 0 or self._left == 0:
            self._check_unchanged()
        return count

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()

    def _check_unchanged(self) -> None:
        if etag_of(os.fstat(self._descriptor)) != self._etag or self._left:
            raise SourceRefused("source.object_changed", path=self._path)

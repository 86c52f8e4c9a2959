"""Objects that reach a folder bucket over several requests: each grows in the temporary area under its handle."""

import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from stores.drivers.base import Entry
from stores.drivers.files import refusals, sweep, write_at
from stores.drivers.folder_place import FolderPlace
from stores.errors import SourceRefused
from stores.paths import INCOMING

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class _Gone(SourceRefused):
    """Nothing grows under this handle."""


class FolderReceiver(FolderPlace):
    """The contract is that of `Receiver`; what nobody goes on with is swept after a day."""

    def begin(self, key: str, size: int) -> str:
        self._check_object(key)
        handle = secrets.token_hex(16)
        with refusals(self._path(key)), self._folder(f"{INCOMING}/", make=True) as incoming:
            sweep(incoming)
            os.close(os.open(_growing(handle), _NEW, 0o666, dir_fd=incoming))
        return handle

    def received(self, key: str, handle: str) -> int:
        with self._grown(key, handle) as (_, file):
            return os.fstat(file).st_size

    def append(self, key: str, handle: str, size: int, start: int, chunks: Iterable[bytes]) -> int:
        path = self._path(key)
        with self._grown(key, handle) as (_, file):
            if start > os.fstat(file).st_size:
                raise SourceRefused("upload.interrupted")
            with refusals(path):
                os.ftruncate(file, start)
            return write_at(file, path, start, chunks, limit=size)

    def finish(self, key: str, handle: str, size: int) -> Entry:
        self._check_object(key)
        with self._grown(key, handle) as (incoming, file), refusals(self._path(key)):
            if os.fstat(file).st_size != size:
                raise SourceRefused("upload.wrong_size", path=self._path(key))
            return self._place(incoming, _growing(handle), key)

    def abandon(self, key: str, handle: str) -> None:
        with suppress(_Gone), self._grown(key, handle) as (incoming, _), refusals(self._path(key)):
            os.unlink(_growing(handle), dir_fd=incoming)

    def sweep(self) -> None:
        with refusals(self._path("")), self._folder(f"{INCOMING}/", make=True) as incoming:
            sweep(incoming)

    @contextmanager
    def _grown(self, key: str, handle: str) -> Iterator[tuple[int, int]]:
        """Descriptors of the temporary area and of the file that grows in it."""
        path = self._path(key)
        if re.fullmatch(r"[0-9a-f]{32}", handle) is None:
            raise _Gone("upload.gone", path=path)
        with self._folder(f"{INCOMING}/", make=True) as incoming:
            file = _open(incoming, handle, path)
            try:
                yield incoming, file
            finally:
                os.close(file)


def _open(incoming: int, handle: str, path: str) -> int:
    with refusals(path):
        try:
            file = os.open(_growing(handle), _OLD, dir_fd=incoming)
        except FileNotFoundError as error:
            raise _Gone("upload.gone", path=path) from error
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise _Gone("upload.gone", path=path)
    return file


def _growing(handle: str) -> str:
    return f"{handle}.part"

"""A bucket that is a folder on this machine. Symbolic links are never followed, special files never opened."""

import heapq
import io
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO, cast

from stores.drivers.base import Entry, Page
from stores.drivers.files import CheckedFile, entry_of, refusals, rename, sweep, write_file
from stores.drivers.folder_receiving import FolderReceiver
from stores.errors import SourceRefused
from stores.paths import INCOMING, MAX_KEY_BYTES, check_key, check_prefix, is_safe_name, name_of, parent_of

_WALK_BATCH = 10_000
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Found = tuple[str, os.DirEntry[str]]


class FolderDriver(FolderReceiver):
    """One bucket below the folder that holds them all; the contract is that of `Driver`."""

    def list_folder(self, prefix: str, *, after: str = "", limit: int = 100, search: str = "") -> Page:
        self._check(check_prefix(prefix))
        with refusals(self._path(prefix)), self._folder(prefix) as folder:
            page, following = self._page(folder, prefix, after, limit, search)
        folders = tuple(item for item in page if isinstance(item, str))
        return Page(folders, tuple(item for item in page if isinstance(item, Entry)), following)

    def walk(self, prefix: str) -> Iterator[Entry]:
        self._check(check_prefix(prefix))
        pending: list[Entry | str | tuple[str, str]] = [prefix]
        while pending:
            item = pending.pop()
            if isinstance(item, Entry):
                yield item
            else:
                pending.extend(reversed(self._walk_step(item)))

    def stat(self, key: str) -> Entry:
        self._check_object(key)
        with refusals(self._path(key)), self._folder(parent_of(key)) as folder:
            return self._regular(key, os.stat(name_of(key), dir_fd=folder, follow_symlinks=False))

    def open(
        self, key: str, *, start: int = 0, length: int | None = None, expected: Entry | None = None
    ) -> AbstractContextManager[BinaryIO]:
        self._check_object(key)
        path = self._path(key)
        with refusals(path), self._folder(parent_of(key)) as folder:
            self._regular(key, os.stat(name_of(key), dir_fd=folder, follow_symlinks=False))
            descriptor = os.open(name_of(key), _READ, dir_fd=folder)
        file = CheckedFile(descriptor, path)
        try:
            entry = self._regular(key, os.fstat(descriptor))
            if expected is not None and (entry.size, entry.etag) != (expected.size, expected.etag):
                raise SourceRefused("source.object_changed", path=path)
            file.limit(start, length)
        except BaseException:
            file.close()
            raise
        return cast(BinaryIO, io.BufferedReader(file))

    def write(self, key: str, chunks: Iterable[bytes]) -> Entry:
        self._check_object(key)
        with refusals(self._path(key)), self._folder(f"{INCOMING}/", make=True) as incoming:
            sweep(incoming)
            temporary = secrets.token_hex(16)
            try:
                write_file(incoming, temporary, chunks)
                return self._place(incoming, temporary, key)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=incoming)
                raise

    def move(self, key: str, to: str) -> None:
        self._check_object(key)
        self._check(check_key(to))
        with refusals(self._path(key)), self._folder(parent_of(key)) as source:
            self._regular(key, os.stat(name_of(key), dir_fd=source, follow_symlinks=False))
            with self._folder(parent_of(to), make=True) as target:
                try:
                    rename(source, name_of(key), target, name_of(to))
                except FileExistsError as error:
                    raise SourceRefused("source.exists", path=self._path(to)) from error

    def make_folder(self, prefix: str) -> None:
        self._check(check_prefix(prefix))
        with refusals(self._path(prefix)), self._folder(prefix, make=True):
            pass

    def check(self) -> None:
        self.list_folder("", limit=1)

    def delete(self, key: str) -> None:
        self._check_object(key)
        with refusals(self._path(key)), self._folder(parent_of(key)) as folder:
            if stat.S_ISDIR(os.stat(name_of(key), dir_fd=folder, follow_symlinks=False).st_mode):
                raise SourceRefused("source.is_folder", path=self._path(key))
            os.unlink(name_of(key), dir_fd=folder)

    def delete_folder(self, prefix: str) -> None:
        """The folder vanishes at once; what it held is removed after that."""
        self._check(check_prefix(prefix))
        if not prefix:
            raise SourceRefused("source.unsafe_name", path=self._path(prefix))
        temporary = secrets.token_hex(16)
        with refusals(self._path(prefix)), self._folder(f"{INCOMING}/", make=True) as incoming:
            with self._folder(prefix), self._folder(parent_of(prefix)) as parent:
                os.rename(name_of(prefix), temporary, src_dir_fd=parent, dst_dir_fd=incoming)
            shutil.rmtree(temporary, ignore_errors=True, dir_fd=incoming)

    def create(self, *, adopt: bool = False) -> None:
        """Make the folder of the bucket; one that is there already must be empty unless it is to be adopted."""
        with refusals(self._path("")):
            os.close(self._root(make=True))
        if not adopt and next(self.walk(""), None):
            raise SourceRefused("bucket.folder_taken", bucket=self._name)

    def remove(self) -> None:
        """Remove the folder of the bucket; refuses while an object lies in it."""
        root = self._buckets / self._name
        if not os.path.lexists(root):
            return
        with refusals(self._path("")):
            shutil.rmtree(root / INCOMING, ignore_errors=True)
            if next(self.walk(""), None):
                raise SourceRefused("bucket.not_empty", bucket=self._name)
            for folder, _, _ in os.walk(root, topdown=False):
                Path(folder).rmdir()

    def _page(
        self, folder: int, prefix: str, after: str, limit: int, search: str = ""
    ) -> tuple[list[Entry | str], str]:
        """At most `limit` things below a folder, in key order, and where the next page starts."""
        wanted = search.casefold()
        with os.scandir(folder) as scan:
            found = (item for item in map(_found, scan) if prefix or item[1].name != INCOMING)
            fitting = (item for item in found if item[0] > after and wanted in item[0].casefold())
            names = heapq.nsmallest(limit + 1, fitting, key=itemgetter(0))
            page = [self._item(prefix, *item) for item in names[:limit]]
        return [item for item in page if item is not None], names[limit - 1][0] if len(names) > limit else ""

    def _item(self, prefix: str, name: str, found: os.DirEntry[str]) -> Entry | str | None:
        """One listed thing: a folder's prefix or an object; None when it vanished meanwhile."""
        key = prefix + name
        refusal = "" if is_safe_name(name.removesuffix("/")) and name.startswith(found.name) else "source.unsafe_name"
        if len(key.encode()) > MAX_KEY_BYTES:
            refusal = "source.name_too_long"
        if name.endswith("/") and not refusal:
            return key
        try:
            return entry_of(key, found.stat(follow_symlinks=False), refusal)
        except FileNotFoundError:
            return None

    def _walk_step(self, step: str | tuple[str, str]) -> list[Entry | str | tuple[str, str]]:
        """What one batch of a folder holds: objects, folders still to be opened, and the rest of the folder."""
        prefix, after = step if isinstance(step, tuple) else (step, "")
        with refusals(self._path(prefix)), self._folder(prefix) as folder:
            page, following = self._page(folder, prefix, after, _WALK_BATCH)
        return [*page, (prefix, following)] if following else [*page]


def _found(entry: os.DirEntry[str]) -> Found:
    """A name as keys are ordered: folders end in `/`; bytes that are not UTF-8 are written out."""
    name = os.fsencode(entry.name).decode("utf-8", "backslashreplace")
    return (f"{name}/" if entry.is_dir(follow_symlinks=False) else name, entry)

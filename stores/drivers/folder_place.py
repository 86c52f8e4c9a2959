"""The way into a folder bucket: one part of a path at a time, so that no link can lead elsewhere."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stores.drivers.base import LINK, Entry
from stores.drivers.files import entry_of, make_folder
from stores.errors import SourceRefused, SourceUnavailable
from stores.paths import INCOMING, check_key, is_scratch, name_of, parent_of, shown

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class FolderPlace:
    """One bucket below the folder that holds them all."""

    def __init__(self, buckets: Path, name: str) -> None:
        self._buckets = buckets
        self._name = name

    def _path(self, key: str) -> str:
        return shown(f"/{self._name}/{key}")

    def _check(self, key: str) -> None:
        if key.split("/", 1)[0] == INCOMING:
            raise SourceRefused("source.unsafe_name", path=self._path(key))

    def _check_object(self, key: str) -> None:
        """Let pass what may name an object: every safe key outside the temporary area, and scratch keys in it."""
        check_key(key)
        if not is_scratch(key):
            self._check(key)

    @contextmanager
    def _folder(self, prefix: str, *, make: bool = False) -> Iterator[int]:
        """A descriptor of the folder at `prefix`."""
        current = self._root(make)
        try:
            for part in prefix.split("/")[:-1]:
                if make:
                    make_folder(current, part)
                following = self._descend(current, part, prefix)
                os.close(current)
                current = following
            yield current
        finally:
            os.close(current)

    def _root(self, make: bool) -> int:
        root = self._buckets / self._name
        if make:
            root.mkdir(parents=True, exist_ok=True)
        try:
            return os.open(root, _FOLDER)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise SourceRefused("source.bucket_gone", bucket=self._name) from error

    def _descend(self, folder: int, part: str, prefix: str) -> int:
        try:
            return os.open(part, _FOLDER, dir_fd=folder)
        except NotADirectoryError as error:
            mode = os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode
            code = LINK if stat.S_ISLNK(mode) else "source.not_a_folder"
            raise SourceRefused(code, path=self._path(prefix[:-1])) from error

    def _regular(self, key: str, status: os.stat_result) -> Entry:
        if stat.S_ISDIR(status.st_mode):
            raise SourceRefused("source.is_folder", path=self._path(key))
        entry = entry_of(key, status)
        if entry.refusal:
            raise SourceRefused(entry.refusal, path=self._path(key))
        return entry

    def _place(self, incoming: int, temporary: str, key: str) -> Entry:
        """Give a finished file its name, making the folders on the way."""
        name = name_of(key)
        try:
            with self._folder(parent_of(key), make=True) as folder:
                os.rename(temporary, name, src_dir_fd=incoming, dst_dir_fd=folder)
                os.fsync(folder)
                return self._regular(key, os.stat(name, dir_fd=folder, follow_symlinks=False))
        except FileNotFoundError as error:
            raise SourceUnavailable("the folder was removed while an object was written to it") from error

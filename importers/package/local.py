"""A package on the local disk: a folder, or a zip archive that is read where it lies."""

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from importers.package.layout import BESIDE_FACTOR
from importers.package.notes import Notes, size_text
from importers.package.report import FileEntry, Limits
from registry.findings import Where
from stores.archive import count_members, member_path
from stores.errors import SourceRefused

# The other methods of a zip cannot be unpacked in bounded steps.
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, OSError, ValueError, OverflowError)
_MAC = "__MACOSX/"
_ENCRYPTED = 0x1
_CHUNK = 1024 * 1024


class UnreadablePath(Exception):
    """There is nothing at the path that could be a package."""


@dataclass
class LocalPackage:
    """What a check needs of a folder or archive; `notes` gathers what only shows while its files are listed."""

    folder_name: str
    files: Iterator[FileEntry]
    open: Callable[[str], BinaryIO]
    notes: Notes = field(default_factory=Notes)
    is_archive: bool = False
    scannable: bool = True

    def read(self, path: str, limit: int) -> bytes:
        """The first bytes of a file; SourceRefused when it cannot be read."""
        try:
            with self.open(path) as stream:
                return stream.read(limit)
        except _BROKEN as error:
            raise SourceRefused("layout.unreadable", path=path) from error

    def refusal(self, path: str) -> SourceRefused | None:
        """Why the file cannot be read; an archive's is read to its end, where its checksum tells."""
        try:
            with self.open(path) as stream:
                while self.is_archive and stream.read(_CHUNK):
                    pass
        except SourceRefused as refused:
            return refused
        except _BROKEN:
            return SourceRefused("layout.unreadable", path=path)
        return None


@contextmanager
def open_local(path: Path, limits: Limits) -> Iterator[LocalPackage]:
    """A folder or a zip archive as a package; UnreadablePath when it is neither."""
    try:
        is_folder = path.is_dir()
        with os.scandir(path) if is_folder else path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        raise UnreadablePath(str(error)) from error
    if is_folder:
        yield _folder(path, limits)
        return
    with path.open("rb") as stream:
        yield _archive(stream, limits)


# --- folders


def _folder(root: Path, limits: Limits) -> LocalPackage:
    notes = Notes()
    most = BESIDE_FACTOR * limits.files + 1

    def open_file(path: str) -> BinaryIO:
        descriptor = os.open(root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        return os.fdopen(descriptor, "rb")

    return LocalPackage(root.resolve().name, _walk(root, most, notes), open_file, notes)


def _walk(root: Path, most: int, notes: Notes) -> Iterator[FileEntry]:
    """Every file below the folder without following links, at most so many of one folder."""
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(root / folder) as scan:
                found = sorted(islice(scan, most), key=lambda item: item.name)
        except OSError:
            notes.error("layout.unreadable", Where(folder), path=folder)
            continue
        for item in found:
            path = f"{folder}{item.name}"
            if item.is_dir(follow_symlinks=False):
                waiting.append(path + "/")
            else:
                yield _entry(path, item)


def _entry(path: str, item: os.DirEntry[str]) -> FileEntry:
    status = item.stat(follow_symlinks=False)
    return FileEntry(path, status.st_size, link=not stat.S_ISREG(status.st_mode))


# --- archives


def _archive(stream: BinaryIO, limits: Limits) -> LocalPackage:
    size = stream.seek(0, os.SEEK_END)
    most = BESIDE_FACTOR * limits.files
    try:
        if count_members(stream, size, most) > most:
            return _refused("layout.too_many_files", limit=limits.files)
        archive = zipfile.ZipFile(stream)
    except _BROKEN as error:
        raise UnreadablePath(str(error)) from error
    members = [info for info in archive.infolist() if not info.orig_filename.endswith("/")]
    total = sum(info.file_size for info in members)
    if total > limits.expansion * size:
        return _refused("layout.expansion", ratio=limits.expansion, size=size_text(total))
    return _members(archive, members)


def _refused(code: str, **params: Any) -> LocalPackage:
    """An archive that is not looked into."""
    package = LocalPackage("", iter(()), _nothing, scannable=False)
    package.notes.error(code, **params)
    return package


def _nothing(path: str) -> BinaryIO:
    raise FileNotFoundError(path)


def _members(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> LocalPackage:
    names = [member_path(info) for info in members]
    top = _single_top(names)
    by_path: dict[str, zipfile.ZipInfo] = {}
    for name, info in zip(names, members, strict=True):
        by_path.setdefault(name.removeprefix(top), info)

    def open_member(path: str) -> BinaryIO:
        info = by_path[path]
        if info.flag_bits & _ENCRYPTED:
            raise SourceRefused("layout.encrypted", path=path)
        if info.compress_type not in _METHODS:
            raise NotImplementedError(path)
        return archive.open(info)  # type: ignore[return-value]

    files = (_member_entry(name.removeprefix(top), info) for name, info in zip(names, members, strict=True))
    return LocalPackage(top.rstrip("/"), files, open_member, is_archive=True)


def _member_entry(path: str, info: zipfile.ZipInfo) -> FileEntry:
    mode = stat.S_IFMT(info.external_attr >> 16)
    return FileEntry(path, info.file_size, link=mode not in {0, stat.S_IFREG})


def _single_top(names: list[str]) -> str:
    """The one folder everything lies in, when people packed the package's folder itself; else nothing."""
    own = [name for name in names if not name.startswith(_MAC)]
    tops = {name.partition("/")[0] for name in own}
    if len(tops) != 1 or any("/" not in name for name in own) or tops <= {"model", "", ".", ".."}:
        return ""
    return tops.pop() + "/"

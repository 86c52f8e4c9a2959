"""Reads ZIP archives that strangers made: everything about them is checked before a byte is unpacked."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from django.template.defaultfilters import filesizeformat

from stores.errors import SourceRefused
from stores.paths import is_safe_name, shown

_CHUNK = 1024 * 1024
# The others are rare, and their decoders let an archive choose how much memory they take.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_DIRECTORY_BYTES = 64 * 1024 * 1024
_ENCRYPTED, _UTF8 = 0x1, 0x800
_END, _END_64, _LOCATOR_64, _MEMBER = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x01\x02"
_END_BYTES, _END_64_BYTES, _LOCATOR_BYTES, _MEMBER_BYTES, _COMMENT_BYTES = 22, 56, 20, 46, 65_535
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, ValueError, OverflowError)


@dataclass(frozen=True)
class ArchiveLimits:
    files: int
    bytes: int
    expansion: int


@dataclass(frozen=True)
class Member:
    """One file of an archive: where it goes below the chosen folder, and how to read it."""

    path: str
    size: int
    archive: zipfile.ZipFile
    info: zipfile.ZipInfo

    def chunks(self) -> Iterator[bytes]:
        """The unpacked bytes, never more than `size`; refuses when they do not match their checksum."""
        try:
            with self.archive.open(self.info) as stream:
                while chunk := stream.read(_CHUNK):
                    yield chunk
        except (*_BROKEN, OSError) as error:
            raise SourceRefused("zip.broken", path=shown(self.path)) from error


def read_archive(file: IO[bytes], *, name: str, limits: ArchiveLimits) -> list[Member]:
    """The files of an archive, checked and read through once; raises SourceRefused for the whole of it."""
    members = list_archive(file, name=name, limits=limits)
    for member in members:
        for _ in member.chunks():
            pass
    return members


def list_archive(file: IO[bytes], *, name: str, limits: ArchiveLimits) -> list[Member]:
    """The files of an archive by what its directory says of them; enough when it was read through before."""
    try:
        size = file.seek(0, 2)
        if count_members(file, size, limits.files) > limits.files:
            raise SourceRefused("zip.too_many_files", path=shown(name), limit=limits.files)
        archive = zipfile.ZipFile(file)
    except _BROKEN as error:
        raise SourceRefused("zip.broken", path=shown(name)) from error
    members = [_member(archive, info) for info in archive.infolist() if not _is_folder(info)]
    _check_sizes(members, size, name, limits)
    return members


def count_members(file: IO[bytes], size: int, limit: int) -> int:
    """Headers in the directory of an archive, counted without keeping one; stops above `limit`."""
    position, end = _directory(file, size)
    if end - position > _DIRECTORY_BYTES:
        return limit + 1
    count = 0
    while position + _MEMBER_BYTES <= end and count <= limit:
        file.seek(position)
        header = file.read(_MEMBER_BYTES)
        if header[:4] != _MEMBER:
            raise zipfile.BadZipFile("no header where one should be")
        position += _MEMBER_BYTES + sum(struct.unpack_from("<3H", header, 28))
        count += 1
    return count


def _directory(file: IO[bytes], size: int) -> tuple[int, int]:
    """Where the directory of an archive starts and ends, found as zipfile finds it."""
    tail_start = max(size - _END_BYTES - _COMMENT_BYTES, 0)
    file.seek(tail_start)
    tail = file.read()
    found = tail.rfind(_END)
    if found < 0:
        raise zipfile.BadZipFile("no end record")
    end = tail_start + found
    length = struct.unpack_from("<I", tail, found + 12)[0]
    locator = end - _LOCATOR_BYTES
    if locator >= _END_64_BYTES:
        file.seek(locator - _END_64_BYTES)
        record = file.read(_END_64_BYTES + _LOCATOR_BYTES)
        if record[:4] == _END_64 and record[_END_64_BYTES : _END_64_BYTES + 4] == _LOCATOR_64:
            end, length = locator - _END_64_BYTES, struct.unpack_from("<Q", record, 40)[0]
    if length > end:
        raise zipfile.BadZipFile("the directory is larger than the archive")
    return end - length, end


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    path = member_path(info)
    mode = info.external_attr >> 16
    if not all(is_safe_name(part) for part in path.split("/")):
        raise SourceRefused("source.unsafe_name", path=shown(path))
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise SourceRefused("zip.link", path=shown(path))
    if info.flag_bits & _ENCRYPTED:
        raise SourceRefused("zip.encrypted", path=shown(path))
    if info.compress_type not in _METHODS:
        raise SourceRefused("zip.method", path=shown(path))
    return Member(path, info.file_size, archive, info)


def member_path(info: zipfile.ZipInfo) -> str:
    """The name of a member; without the mark for UTF-8 it may be UTF-8 all the same, or the GB 18030 of Windows."""
    if info.flag_bits & _UTF8 or info.orig_filename.isascii():
        return info.orig_filename
    raw = info.orig_filename.encode("cp437")
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.orig_filename


def _is_folder(info: zipfile.ZipInfo) -> bool:
    """True for an entry that only names a folder; one with content or an unsafe name is treated as a file."""
    path = info.orig_filename
    return path.endswith("/") and info.file_size == 0 and all(is_safe_name(part) for part in path[:-1].split("/"))


def _check_sizes(members: list[Member], size: int, name: str, limits: ArchiveLimits) -> None:
    total = sum(member.size for member in members)
    if not members:
        raise SourceRefused("zip.empty", path=shown(name))
    if total > limits.bytes:
        raise SourceRefused("zip.too_large", path=shown(name), limit=filesizeformat(limits.bytes))
    if total > limits.expansion * size:
        raise SourceRefused("zip.expansion", path=shown(name), limit=limits.expansion)

"""What lies in zip and tar archives, read from their own tables with nothing unpacked to disk."""

import posixpath
import struct
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from importers.package.evidence import Evidence
from importers.package.streams import Budget, Data, MemorySource, ScanStop, Span, Stream
from importers.package.unpacking import Packed, Slice

END = b"PK\x05\x06"
END_SIZE = 22
END_SEARCH = END_SIZE + 0xFFFF
LARGE_LOCATOR = b"PK\x06\x07"
LOCAL = b"PK\x03\x04"
ENTRY = b"PK\x01\x02"
# An entry whose sizes were not known at first is followed by them: at most 24 bytes.
DESCRIPTOR = 24
METHODS = {8: "deflate", 12: "bz2"}
TAR_ERRORS = (tarfile.TarError, ValueError, OverflowError, EOFError, OSError, LookupError, struct.error)


@dataclass(frozen=True)
class Member:
    """A file in an archive."""

    name: str
    data: Data


@dataclass(frozen=True)
class _Entry:
    name: bytes
    flags: int
    method: int
    packed: int
    size: int
    attributes: int
    offset: int


@dataclass(frozen=True)
class _Directory:
    position: int
    size: int
    offset: int


def is_unsafe(name: str) -> bool:
    """Whether unpacking this name could write outside the folder."""
    parts = name.split("/")
    hidden = any(ord(char) < 32 or ord(char) == 127 for char in name)
    return hidden or "\\" in name or name.startswith("/") or ".." in parts or name[1:2] == ":"


def find_directory(span: Span) -> _Directory | None:
    """The table of a zip, when the content ends with one."""
    start = max(0, span.size - END_SEARCH)
    tail = span.at(start, END_SEARCH)
    found = tail.rfind(END)
    if found < 0 or len(tail) - found < END_SIZE:
        return None
    size, offset, comment = struct.unpack_from("<IIH", tail, found + 12)
    if found + END_SIZE + comment != len(tail):
        return None
    position = start + found
    if span.at(position - 20, 4) == LARGE_LOCATOR:
        # Written also where the small fields would do, as by torch.
        return _large_directory(span, position)
    return _Directory(position - size, size, offset) if position >= size else None


def _large_directory(span: Span, end: int) -> _Directory | None:
    position = end - 20 - 56
    record = span.at(position, 56) if position >= 0 else b""
    if not record.startswith(b"PK\x06\x06"):
        return None
    size, offset = struct.unpack_from("<QQ", record, 40)
    return _Directory(position - size, size, offset) if position >= size else None


def zip_members(span: Span, budget: Budget, evidence: Evidence, member: str) -> Iterator[Member]:
    """Every file of a zip; a broken one gives what its local headers still tell."""
    directory = find_directory(span)
    if directory is None:
        evidence.add("scan.truncated", member)
        yield from _members_by_local_headers(span, budget)
        return
    entries = list(_entries(span, directory, budget))
    if directory.position != directory.offset:
        evidence.add("scan.archive_hides", member)
    yield from _checked_members(span, directory, entries, evidence, member, budget)


def _entries(span: Span, directory: _Directory, budget: Budget) -> Iterator[_Entry]:
    stream = span.part(directory.position, directory.size).open()
    while stream.peek(1):
        head = stream.read(46)
        if not head.startswith(ENTRY):
            raise ScanStop("scan.damaged")
        budget.entry()
        flags, method = struct.unpack_from("<HH", head, 8)
        packed, size, name, extra, comment = struct.unpack_from("<IIHHH", head, 20)
        attributes, offset = struct.unpack_from("<II", head, 38)
        name_bytes, extra_bytes = stream.read(name), stream.read(extra)
        stream.skip(comment)
        size, packed, offset = _large_sizes(extra_bytes, size, packed, offset)
        yield _Entry(name_bytes, flags, method, packed, size, attributes, offset)


def _large_sizes(extra: bytes, *small: int) -> tuple[int, int, int]:
    """Sizes and offset, where the extra field carries those that do not fit into 32 bits."""
    values, at = list(small), 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            numbers = iter(struct.unpack_from(f"<{min(length, len(extra) - at - 4) // 8}Q", extra, at + 4))
            values = [next(numbers, value) if value == 0xFFFFFFFF else value for value in values]
        at += 4 + length
    return values[0], values[1], values[2]


def _checked_members(
    span: Span, directory: _Directory, entries: list[_Entry], evidence: Evidence, member: str, budget: Budget
) -> Iterator[Member]:
    shift = directory.position - directory.offset
    places = []
    names: set[bytes] = set()
    for entry in entries:
        name = _shown(entry)
        if is_unsafe(name) or entry.attributes >> 28 == 0xA:
            evidence.add("scan.archive_escapes", member, name[:160])
        start = _data_start(span, entry, shift)
        if start is None or entry.name in names:
            evidence.add("scan.archive_hides", member, name[:160])
            continue
        names.add(entry.name)
        places.append((entry.offset + shift, start + entry.packed))
        yield from _member(span, start, entry, evidence, member, budget)
    if _has_gaps(sorted(places), directory.position):
        evidence.add("scan.archive_hides", member)


def _shown(entry: _Entry) -> str:
    return entry.name.decode("utf-8" if entry.flags & 0x800 else "cp437", "replace")


def _data_start(span: Span, entry: _Entry, shift: int) -> int | None:
    """Where the entry's bytes begin; nothing when its local header tells another story than the table."""
    position = entry.offset + shift
    if position < 0:
        return None
    head = span.at(position, 30)
    if len(head) < 30 or not head.startswith(LOCAL):
        return None
    name, extra = struct.unpack_from("<HH", head, 26)
    same = span.at(position + 30, name) == entry.name and struct.unpack_from("<H", head, 8)[0] == entry.method
    return position + 30 + name + extra if same else None


def _has_gaps(places: list[tuple[int, int]], end: int) -> bool:
    """Whether bytes lie between entries that no entry owns, or that two own."""
    edges = [(0, 0), *places, (end, end)]
    return any(not 0 <= later[0] - earlier[1] <= DESCRIPTOR for earlier, later in pairwise(edges)) or (
        bool(places) and places[0][0] != 0
    )


def _member(span: Span, start: int, entry: _Entry, evidence: Evidence, member: str, budget: Budget) -> Iterator[Member]:
    name = _shown(entry)
    if start + entry.packed > span.size:
        evidence.add("scan.truncated", f"{member}/{name}")
    if entry.flags & 0x41:
        evidence.add("scan.encrypted", f"{member}/{name}")
    elif entry.method == 0 and entry.packed != entry.size:
        evidence.add("scan.archive_hides", member, name[:160])
    elif entry.method == 0:
        yield Member(name, span.part(start, entry.packed))
    elif entry.method in METHODS:
        yield Member(name, Packed(span.part(start, entry.packed), METHODS[entry.method], budget))
    else:
        evidence.add("scan.unsupported", f"{member}/{name}")


def _members_by_local_headers(span: Span, budget: Budget) -> Iterator[Member]:
    """What can still be read of a zip that lost its table."""
    position = 0
    while (head := span.at(position, 30)).startswith(LOCAL) and len(head) == 30:
        budget.entry()
        flags, method = struct.unpack_from("<HH", head, 6)
        packed, size, name, extra = struct.unpack_from("<IIHH", head, 18)
        names = span.at(position + 30, name).decode("utf-8", "replace")
        _, packed, _ = _large_sizes(span.at(position + 30 + name, extra), size, packed, 0)
        start = position + 30 + name + extra
        if start > span.size or flags & 1 or method not in (0, *METHODS):
            return
        unsized = flags & 8 and not packed
        part = span.rest(start) if unsized else span.part(start, packed)
        yield Member(names, part if method == 0 else Packed(part, METHODS[method], budget))
        if unsized:
            return
        position = start + packed


class _ForTar:
    """What tarfile reads from: a stream, as a file."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        data = self._stream.peek(size)
        self._stream.skip(len(data))
        return data


def tar_members(data: Data, budget: Budget, evidence: Evidence, member: str) -> Iterator[Member]:
    """Every file of a tar."""
    try:
        with tarfile.open(fileobj=_ForTar(data.open()), mode="r|") as archive:  # type: ignore[call-overload]
            for info in archive:
                budget.entry()
                if is_unsafe(info.name) or _leads_outside(info):
                    evidence.add("scan.archive_escapes", member, info.name[:160])
                if info.isreg():
                    yield from _tar_member(data, archive, info, budget, evidence, member)
            end = archive.offset
    except TAR_ERRORS as error:
        raise ScanStop("scan.damaged") from error
    rest = data.rest(end)
    if rest.open().drain() >= 0:
        yield Member("", rest)


def _leads_outside(info: tarfile.TarInfo) -> bool:
    if info.isdev():
        return True
    if not (info.issym() or info.islnk()):
        return False
    base = posixpath.dirname(info.name) if info.issym() else ""
    target = posixpath.normpath(posixpath.join(base, info.linkname))
    return info.linkname.startswith("/") or target.split("/")[0] == ".." or "\\" in target


def _tar_member(
    data: Data, archive: tarfile.TarFile, info: tarfile.TarInfo, budget: Budget, evidence: Evidence, member: str
) -> Iterator[Member]:
    name = info.name
    if info.issparse():
        evidence.add("scan.unsupported", f"{member}/{name}")
    elif isinstance(data, Span):
        yield Member(name, data.part(info.offset_data, info.size))
    elif info.size > budget.limits.held_bytes:
        yield Member(name, Slice(data, info.offset_data, info.size))
    else:
        file = archive.extractfile(info)
        content = file.read() if file else b""
        yield Member(name, Span(MemorySource(content), 0, len(content)))

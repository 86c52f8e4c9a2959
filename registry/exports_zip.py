"""Stored ZIP archives that are made while they are read, and how long they will be."""

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

# ZIP knows no earlier time; with one time and one order for all, equal content gives equal bytes.
AT = (1980, 1, 1, 0, 0, 0)
REGULAR_FILE = 0o100644 << 16
UNIX = 3
# Bytes of the records of the format, without names (APPNOTE 4.3).
_HEADER, _HEADER_64 = 30, 20
_SIZES_AFTER, _SIZES_AFTER_64 = 16, 24
_LISTED, _LISTED_64 = 46, 4
_END, _END_64 = 22, 56 + 20


@dataclass(frozen=True)
class Member:
    """One file of an archive; `content` gives its bytes, exactly `size` of them or an exception."""

    name: str
    size: int
    content: Callable[[], Iterable[bytes]]

    @property
    def large(self) -> bool:
        return self.size >= zipfile.ZIP64_LIMIT


def zip_chunks(members: Sequence[Member]) -> Iterator[bytes]:
    """The archive, neither in memory nor in a file; sizes follow their content, as nobody knows a CRC before."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for member in members:
            entry = zipfile.ZipInfo(member.name, AT)
            entry.external_attr, entry.create_system = REGULAR_FILE, UNIX
            with archive.open(entry, "w", force_zip64=member.large) as file:
                for chunk in member.content():
                    file.write(chunk)
                    yield sink.taken()
    yield sink.taken()


def zip_size(members: Sequence[Member]) -> int:
    """How many bytes `zip_chunks` gives, before any of them is read."""
    position = listed = 0
    for member in members:
        name = len(member.name.encode())
        wide = [member.size, member.size] if member.size > zipfile.ZIP64_LIMIT else []
        wide += [position] if position > zipfile.ZIP64_LIMIT else []
        listed += _LISTED + name + (_LISTED_64 + 8 * len(wide) if wide else 0)
        before = _HEADER + name + (_HEADER_64 if member.large else 0)
        position += before + member.size + (_SIZES_AFTER_64 if member.large else _SIZES_AFTER)
    many = len(members) > zipfile.ZIP_FILECOUNT_LIMIT
    wide_end = many or max(position, listed) > zipfile.ZIP64_LIMIT
    return position + listed + _END + (_END_64 if wide_end else 0)


class _Sink(io.RawIOBase):
    """What the archive wrote since it was last asked; cannot seek, so that sizes follow their content."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)

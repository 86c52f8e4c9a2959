"""Compressed content seen unpacked, and parts of it, without ever holding it whole."""

import bz2
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from importers.package.streams import CHUNK, MEBIBYTE, Budget, Data, ScanStop, Stream

LZMA_MEMORY = 128 * MEBIBYTE


class _Inflater:
    """zlib's decompressor with the surface of those of bz2 and lzma."""

    def __init__(self, window: int) -> None:
        self._machine = zlib.decompressobj(window)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._machine.decompress(self._machine.unconsumed_tail + data, max_length)

    @property
    def eof(self) -> bool:
        return self._machine.eof

    @property
    def needs_input(self) -> bool:
        return not self._machine.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._machine.unused_data


DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    "deflate": lambda: _Inflater(-15),
    "zlib": lambda: _Inflater(15),
    "gzip": lambda: _Inflater(31),
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, LZMA_MEMORY),
    "lzma": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, LZMA_MEMORY),
}
# Formats whose tools read several members one after another as one content.
CONTINUES = {"gzip": b"\x1f\x8b", "bz2": b"BZh", "xz": b"\xfd7zXZ\x00", "zlib": b"\x78"}


@dataclass(frozen=True)
class Packed:
    """Compressed content, seen unpacked. Whoever reads it to its end leaves in `ends` what follows there."""

    inner: Data
    codec: str
    budget: Budget
    ends: list[int | None] = field(default_factory=list, compare=False)

    def open(self) -> "PackedStream":
        return PackedStream(self)

    def rest(self, position: int) -> Data:
        return Tail(self, position)


@dataclass(frozen=True)
class Tail:
    """The end of content that can only be read forward."""

    data: Packed
    position: int

    def open(self) -> Stream:
        stream = self.data.open()
        stream.skip(self.position)
        stream.start_here()
        return stream

    def rest(self, position: int) -> Data:
        return Tail(self.data, self.position + position)


@dataclass(frozen=True)
class Slice:
    """A middle part of content that can only be read forward."""

    data: Data
    start: int
    size: int

    def open(self) -> Stream:
        return _SliceStream(self)

    def rest(self, position: int) -> Data:
        return Slice(self.data, self.start + position, max(0, self.size - position))


class _SliceStream(Stream):
    def __init__(self, part: Slice) -> None:
        super().__init__()
        self._whole = part.data.open()
        self._whole.skip(part.start)
        self._left = part.size

    def _more(self) -> bytes:
        data = self._whole.some()[: self._left] if self._left else b""
        if self._left and not data:
            raise ScanStop("scan.truncated")
        self._left -= len(data)
        return data


class PackedStream(Stream):
    """Unpacks forward; its end is noted as the place in the packed content where something else follows, or None."""

    def __init__(self, data: Packed) -> None:
        super().__init__()
        self._codec, self._budget = data.codec, data.budget
        self._inner = data.inner.open()
        self._machine = DECOMPRESSORS[data.codec]()
        self._produced = 0
        self._ends = data.ends
        self._ended = False

    def start_here(self) -> None:
        """Count positions from here."""
        self._before = -self._at

    def _more(self) -> bytes:
        try:
            return self._unpack()
        except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
            raise ScanStop("scan.damaged") from error

    def _unpack(self) -> bytes:
        while not self._ended:
            if self._machine.eof:
                self._next_member()
                continue
            fresh = self._inner.some() if self._machine.needs_input else b""
            if self._machine.needs_input and not fresh:
                raise ScanStop("scan.truncated")
            data: bytes = self._machine.decompress(fresh, CHUNK)
            if data:
                self._produced += len(data)
                self._budget.unpacked(len(data), produced=self._produced, consumed=self._inner.position)
                return data
        return b""

    def _next_member(self) -> None:
        unused = self._machine.unused_data
        ahead = unused + self._inner.peek(max(0, 8 - len(unused)))
        marker = CONTINUES.get(self._codec)
        if marker and ahead.startswith(marker):
            self._budget.entry()
            self._machine = DECOMPRESSORS[self._codec]()
            self._inner.unread(unused)
            return
        self._ended = True
        self._ends.append(self._inner.position - len(unused) if ahead else None)

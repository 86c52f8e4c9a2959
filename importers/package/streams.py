"""Bounded byte streams: what lies in a file or in memory, read forward within limits."""

import os
import re
from dataclasses import dataclass
from typing import Protocol

CHUNK = 256 * 1024
MEBIBYTE = 1024 * 1024


class ScanStop(Exception):
    """The scan cannot go on here; `code` is the reason's message code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class ScanLimits:
    """How far a scan goes. Times in seconds, sizes in bytes; `expansion` counts only above `expansion_floor`."""

    timeout_seconds: float = 600
    memory_bytes: int = 1024 * MEBIBYTE
    unpacked_bytes: int = 20 * 1024 * MEBIBYTE
    entries: int = 20_000
    depth: int = 8
    expansion: int = 100
    expansion_floor: int = 256 * MEBIBYTE
    held_bytes: int = 128 * MEBIBYTE


class Budget:
    """What one file may still cost; shared by all layers found in it."""

    def __init__(self, limits: ScanLimits) -> None:
        self.limits = limits
        self._unpacked = 0
        self._entries = 0

    def unpacked(self, size: int, *, produced: int, consumed: int) -> None:
        """Count unpacked bytes; `produced` of `consumed` is the state of the stream they came from."""
        self._unpacked += size
        bulging = produced > self.limits.expansion_floor and produced > self.limits.expansion * consumed
        if bulging or self._unpacked > self.limits.unpacked_bytes:
            raise ScanStop("scan.archive_bomb")

    def entry(self, count: int = 1) -> None:
        self._entries += count
        if self._entries > self.limits.entries:
            raise ScanStop("scan.archive_bomb")


class Stream:
    """Reads forward. `_more` gives the next bytes, nothing at the end, and raises when the source broke off."""

    def __init__(self) -> None:
        self._buffer = b""
        self._at = 0
        self._before = 0
        self._broken = ScanStop("scan.truncated")
        self._over = self._fell = False

    def _more(self) -> bytes:
        raise NotImplementedError

    @property
    def position(self) -> int:
        return self._before + self._at

    def _fill(self, wanted: int) -> None:
        """Have `wanted` bytes in the buffer, or all there are."""
        rest = self._buffer[self._at :]
        self._before += self._at
        parts, size = [rest], len(rest)
        while size < wanted and not self._over:
            more = self._more_or_end()
            parts.append(more)
            size += len(more)
        self._buffer, self._at = b"".join(parts), 0

    def _more_or_end(self) -> bytes:
        """More bytes; a source that broke off ends here, so that what came before is still seen."""
        try:
            more = self._more()
        except ScanStop as stop:
            more, self._broken, self._fell = b"", stop, True
        self._over = not more
        return more

    def peek(self, size: int) -> bytes:
        """The next bytes, at most `size`, without moving."""
        if self._at + size > len(self._buffer):
            self._fill(size)
        return self._buffer[self._at : self._at + size]

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes."""
        end = self._at + size
        if end > len(self._buffer):
            self._fill(size)
            end = size
            if end > len(self._buffer):
                raise self._broken
        data = self._buffer[self._at : end]
        self._at = end
        return data

    def some(self) -> bytes:
        """Whatever comes next, nothing at the end."""
        if self._at == len(self._buffer):
            self._fill(1)
            if self._fell and not self._buffer:
                raise self._broken
        data = self._buffer[self._at :]
        self._at = len(self._buffer)
        return data

    def line(self, limit: int) -> bytes:
        """The next line without its end."""
        size = 256
        while True:
            seen = self.peek(size)
            found = seen.find(b"\n")
            if found >= 0:
                self._at += found + 1
                return seen[:found]
            if len(seen) < size:
                raise self._broken
            if size > limit:
                raise ScanStop("scan.too_complex")
            size *= 4

    def run(self, pattern: re.Pattern[bytes]) -> bytes:
        """What matches here and is in the buffer already; moves behind it."""
        match = pattern.match(self._buffer, self._at)
        if match is None:
            return b""
        self._at = match.end()
        return match[0]

    def skip(self, size: int) -> None:
        """Pass over exactly `size` bytes."""
        while size > 0:
            here = min(size, len(self._buffer) - self._at)
            self._at += here
            size -= here
            if size > 0:
                size -= self._leap(size)
                if size > 0 and not self.peek(1):
                    raise self._broken

    def _leap(self, size: int) -> int:
        """Pass over bytes that are not in the buffer, where that is cheaper than reading them."""
        return 0

    def drain(self) -> int:
        """Read to the end; gives the position of the last byte that is not zero, and -1 when all are."""
        last = -1
        while data := self.some():
            filled = len(data.rstrip(b"\0"))
            last = self.position - len(data) + filled - 1 if filled else last
        return last

    def unread(self, data: bytes) -> None:
        """Put the bytes read last back in front."""
        self._before += self._at - len(data)
        self._buffer, self._at = data + self._buffer[self._at :], 0

    def at_end(self) -> bool:
        """Whether all was read; raises when the source broke off here."""
        if self.peek(1):
            return False
        if self._fell:
            raise self._broken
        return True


class Source(Protocol):
    """Bytes that can be read at any place."""

    def at(self, position: int, size: int) -> bytes: ...


@dataclass(frozen=True)
class FileSource:
    """An open file."""

    descriptor: int

    def at(self, position: int, size: int) -> bytes:
        return os.pread(self.descriptor, size, position)


@dataclass(frozen=True)
class MemorySource:
    """Bytes held in memory."""

    content: bytes

    def at(self, position: int, size: int) -> bytes:
        return self.content[position : position + size]


class Data(Protocol):
    """Content that can be opened again and again from its first byte."""

    def open(self) -> Stream: ...

    def rest(self, position: int) -> "Data":
        """The same content from `position` on."""


@dataclass(frozen=True)
class Span:
    """A part of a source that can be read at any place."""

    source: Source
    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start

    def at(self, position: int, size: int) -> bytes:
        """Bytes at a place of the span, fewer or none where it ends before."""
        return (
            self.source.at(self.start + position, min(size, self.size - position)) if 0 <= position < self.size else b""
        )

    def part(self, start: int, size: int) -> "Span":
        """A smaller span; what would lie outside was broken off."""
        if size < 0 or not 0 <= start <= self.size:
            raise ScanStop("scan.damaged")
        return Span(self.source, self.start + start, min(self.start + start + size, self.end))

    def rest(self, position: int) -> "Span":
        return Span(self.source, min(self.start + position, self.end), self.end)

    def open(self) -> Stream:
        return _SpanStream(self)


class _SpanStream(Stream):
    def __init__(self, span: Span) -> None:
        super().__init__()
        self._span = span
        self._next = 0

    def _more(self) -> bytes:
        data = self._span.at(self._next, CHUNK)
        self._next += len(data)
        return data

    def _leap(self, size: int) -> int:
        step = min(size, self._span.size - self._next)
        self._before += self._at + step
        self._buffer, self._at = b"", 0
        self._next += step
        return step

"""Bodies of requests: where they end, and where their bytes go."""

from __future__ import annotations

import re

from .http_head import HttpError
from .multipart import FormError, FormReader

_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t -~]*)?")
_LONGEST_CHUNK_LINE = 256
_LONGEST_TRAILERS = 8 * 1024
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*")


class Body:
    """Takes the bytes of one body: a form is read as it arrives, everything else is kept. Raises HttpError."""

    def __init__(self, limit: int, form: FormReader | None) -> None:
        self.form = form
        self._limit = limit
        self._size = 0
        self._pieces: list[bytes] = []

    def take(self, data: bytes) -> None:
        """The next bytes."""
        self._size += len(data)
        if self._size > self._limit:
            raise too_large(self._limit)
        if self.form is None:
            self._pieces.append(data)
            return
        try:
            self.form.feed(data)
        except FormError as error:
            raise HttpError(400, str(error)) from None

    def content(self) -> bytes:
        """All that was kept."""
        return b"".join(self._pieces)


def too_large(limit: int) -> HttpError:
    """The refusal of a body beyond the limit."""
    return HttpError(413, f"The body is larger than {limit} bytes")


class LengthFraming:
    """A body of a known length."""

    def __init__(self, length: int) -> None:
        self._left = length

    def read(self, buffer: bytearray, body: Body) -> bool:
        """Move what belongs to the body from the buffer; True at its end."""
        size = min(self._left, len(buffer))
        if size:
            body.take(bytes(buffer[:size]))
            del buffer[:size]
            self._left -= size
        return self._left == 0


class ChunkedFraming:
    """A body in chunks."""

    def __init__(self) -> None:
        self._left = 0
        self._in_chunk = False
        self._in_trailers = False
        self._trailers = 0

    def read(self, buffer: bytearray, body: Body) -> bool:
        """Move what belongs to the body from the buffer; True at its end. Raises HttpError."""
        while True:
            if self._in_trailers:
                return self._read_trailers(buffer)
            moved = self._read_data(buffer, body) if self._in_chunk else self._read_size(buffer)
            if not moved:
                return False

    def _read_size(self, buffer: bytearray) -> bool:
        line = _line(buffer, _LONGEST_CHUNK_LINE, 400)
        if line is None:
            return False
        match = _CHUNK.fullmatch(line)
        if match is None:
            raise HttpError(400, "The size of a chunk is malformed")
        self._left = int(match.group(1), 16)
        self._in_chunk = self._left > 0
        self._in_trailers = self._left == 0
        return True

    def _read_data(self, buffer: bytearray, body: Body) -> bool:
        size = min(self._left, len(buffer))
        if size:
            body.take(bytes(buffer[:size]))
            del buffer[:size]
            self._left -= size
        if self._left or len(buffer) < 2:
            if buffer and not self._left and buffer[:1] != b"\r":
                raise HttpError(400, "A chunk is longer than its size")
            return False
        if buffer[:2] != b"\r\n":
            raise HttpError(400, "A chunk is longer than its size")
        del buffer[:2]
        self._in_chunk = False
        return True

    def _read_trailers(self, buffer: bytearray) -> bool:
        """Trailers are read to their end and count for nothing."""
        while True:
            line = _line(buffer, _LONGEST_TRAILERS - self._trailers, 431)
            if line is None:
                return False
            if not line:
                return True
            if not _TRAILER.fullmatch(line):
                raise HttpError(400, "A trailer is malformed")
            self._trailers += len(line) + 2


def _line(buffer: bytearray, longest: int, status: int) -> bytes | None:
    """Take a line off the buffer; None while its end is not there."""
    at = buffer.find(b"\r\n")
    if at > longest or (at < 0 and len(buffer) > longest):
        raise HttpError(status, "A line of the chunked body is too long")
    if at < 0:
        if b"\n" in buffer:
            raise HttpError(400, "The chunked body holds a bare line break")
        return None
    line = bytes(buffer[:at])
    del buffer[: at + 2]
    return line

"""The bytes of an object as a stream that goes on after a cut and takes nothing for whole that is not."""

import base64
import hashlib
import io
import re
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from django.conf import settings
from urllib3.exceptions import HTTPError

from stores.drivers.base import PART_BYTES
from stores.errors import SourceUnavailable

_PIECE = 256 * 1024
_LEAST_BYTES_PER_SECOND = 256
_PLAIN_MD5 = r"[0-9a-f]{32}"


class Sum(Protocol):
    """A checksum that grows."""

    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


_SUMS: tuple[tuple[str, Callable[[], Sum]], ...] = (
    ("ChecksumCRC32", _Crc32),
    ("ChecksumSHA256", hashlib.sha256),
    ("ChecksumSHA1", lambda: hashlib.sha1(usedforsecurity=False)),
)


@dataclass(frozen=True)
class Opened:
    """An answer of GetObject: its bytes from `start` on, and what the object as a whole is."""

    raw: Any
    start: int
    length: int
    total: int
    etag: str


def opened(answer: Mapping[str, Any], start: int) -> Opened:
    """Read what an answer says of itself; raises SourceUnavailable when it is not about the bytes from `start` on."""
    length, total = answer.get("ContentLength"), answer.get("ContentLength")
    if found := re.fullmatch(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})", answer.get("ContentRange", "")):
        first, last, total = map(int, found.groups())
        right = first == start and last - first + 1 == length
    else:
        right = start == 0 and length is not None
    raw = answer["Body"].__enter__()
    if not right or length is None or total is None:
        raw.close()
        raise SourceUnavailable("another range than the one asked for")
    return Opened(raw, start, length, total, str(answer.get("ETag", "")).strip('"'))


def checksum_of(answer: Mapping[str, Any]) -> tuple[Sum, str] | None:
    """How to check an object that is read whole, and what must come out; None where the storage keeps nothing.

    The tag of an object is the MD5 of its bytes unless it came in parts or is encrypted with a key of its own.
    """
    if answer.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT":
        for name, make in _SUMS:
            if (value := answer.get(name)) and "-" not in value:
                return make(), base64.b64decode(value).hex()
    etag = str(answer.get("ETag", "")).strip('"')
    own_key = answer.get("SSECustomerAlgorithm") or answer.get("ServerSideEncryption", "AES256") != "AES256"
    if re.fullmatch(_PLAIN_MD5, etag) and not own_key:
        return hashlib.md5(usedforsecurity=False), etag
    return None


class ObjectStream(io.RawIOBase):
    """Reads from an answer up to `stop`; what breaks off is asked for again from there, `again(start, stop, etag)`.

    A stream that comes to a halt or drips breaks off too. Giving up raises SourceUnavailable; each PART_BYTES that
    arrive give the same number of attempts anew.
    """

    def __init__(
        self,
        first: Opened,
        stop: int,
        again: Callable[[int, int, str], Opened],
        check: tuple[Sum, str] | None = None,
    ) -> None:
        super().__init__()
        self._raw, self._etag = first.raw, first.etag
        self._position, self._stop = first.start, stop
        self._again = again
        self._check = check
        self._failures, self._since_failure = 0, 0
        self._waited, self._arrived = 0.0, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        wanted = min(len(buffer), self._stop - self._position, _PIECE)
        if wanted <= 0:
            self._check_sum()
            return 0
        while not (data := self._receive(wanted)):
            self._go_on()
        buffer[: len(data)] = data
        self._position += len(data)
        self._since_failure += len(data)
        if self._check:
            self._check[0].update(data)
            if self._position == self._stop:
                self._check_sum()
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()

    def _receive(self, wanted: int) -> bytes:
        """Some bytes; none when the answer ended, broke off or is too slow."""
        begun = time.monotonic()
        try:
            data: bytes = self._raw.read1(wanted)
        except (HTTPError, OSError):
            return b""
        self._waited += time.monotonic() - begun
        self._arrived += len(data)
        if self._waited > 2 * settings.S3_READ_SECONDS:
            if self._arrived < self._waited * _LEAST_BYTES_PER_SECOND:
                return b""
            self._waited, self._arrived = 0.0, 0
        return data

    def _go_on(self) -> None:
        """Ask for the rest, a bounded number of times without progress."""
        self._raw.close()
        self._failures = 1 if self._since_failure >= PART_BYTES else self._failures + 1
        self._since_failure, self._waited, self._arrived = 0, 0.0, 0
        if self._failures >= settings.S3_ATTEMPTS or not self._etag:
            raise SourceUnavailable("the stream of an object broke off")
        time.sleep(0.1 * 2**self._failures)
        self._raw = self._again(self._position, self._stop, self._etag).raw

    def _check_sum(self) -> None:
        if self._check and self._check[0].hexdigest() != self._check[1]:
            raise SourceUnavailable("other bytes than the checksum says", code="source.damaged")

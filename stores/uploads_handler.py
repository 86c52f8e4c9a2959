"""Takes the files of a form straight into the bucket: each grows under a scratch key and never on this machine."""

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from stores.drivers.base import PART_BYTES, BucketDriver
from stores.errors import SourceRefused, SourceUnavailable
from stores.paths import scratch_key

# How large a file is nobody says before its end: parts stay as small as the buffer, and storages take so many.
_MOST_BYTES = 10_000 * PART_BYTES


class SentFile(UploadedFile):  # type: ignore[type-arg]
    """A file of a form that lies in the bucket under a scratch key."""

    def __init__(self, name: str, size: int, key: str) -> None:
        super().__init__(None, name, size=size)
        self.key = key

    def close(self) -> None:
        return None


class BucketUploadHandler(FileUploadHandler):
    """What it received is thrown away by `discard`, unless somebody kept it."""

    chunk_size = 1024 * 1024

    def __init__(self, driver: BucketDriver) -> None:
        super().__init__()
        self._driver = driver
        self._scratch: list[str] = []
        self._key, self._handle = "", ""
        self._buffer = bytearray()
        self._sent = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._key, self._handle = scratch_key(), ""
        self._buffer = bytearray()
        self._sent = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._buffer += raw_data
        while len(self._buffer) > PART_BYTES:
            self._send(bytes(self._buffer[:PART_BYTES]), min(settings.UPLOAD_MAX_BYTES, _MOST_BYTES))
            del self._buffer[:PART_BYTES]

    def file_complete(self, file_size: int) -> SentFile:
        rest = bytes(self._buffer)
        self._scratch.append(self._key)
        if self._handle:
            self._send(rest, file_size)
            self._driver.finish(self._key, self._handle, file_size)
            self._handle = ""
        else:
            self._driver.write(self._key, [rest])
        self._buffer = bytearray()
        return SentFile(self.file_name or "", file_size, self._key)

    def discard(self, *, keep: frozenset[str] = frozenset()) -> None:
        """Remove what was received; what the bucket keeps from us now is swept there later."""
        with suppress(SourceRefused, SourceUnavailable):
            if self._handle:
                self._driver.abandon(self._key, self._handle)
        for key in self._scratch:
            if key not in keep:
                with suppress(SourceRefused, SourceUnavailable):
                    self._driver.delete(key)

    def _send(self, data: bytes, size: int) -> None:
        if not self._handle:
            self._handle = self._driver.begin(self._key, size)
        self._sent = self._driver.append(self._key, self._handle, size, self._sent, [data])

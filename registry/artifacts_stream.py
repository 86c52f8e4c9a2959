"""Reading an object of the artifact store as a file: one request from end to end, another after a jump."""

import io
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, cast

from botocore.exceptions import BotoCoreError

from registry.artifacts_place import Place
from registry.errors import ArtifactStoreUnavailable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from botocore.response import StreamingBody

BUFFER = 1024 * 1024
# Reading this much on costs less than asking anew.
NEAR = 1024 * 1024
ATTEMPTS = 3


def open_object(place: Place, name: str) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(ObjectStream(place, name), BUFFER))


class ObjectStream(io.RawIOBase):
    """Asks again from where it stands when the connection breaks; the bytes of an object never change."""

    def __init__(self, place: Place, name: str) -> None:
        super().__init__()
        self._place, self._name = place, name
        self._position = self._body_at = 0
        self._body: StreamingBody | None = None
        self._body, self.size = place.get(name, 0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self.size - self._position)
        if wanted <= 0:
            return 0
        data = self._read(wanted)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        self._drop()
        super().close()

    def _read(self, size: int) -> bytes:
        """At least one byte from the present position."""
        reason: Exception | None = None
        for _ in range(ATTEMPTS):
            try:
                body = self._body_here()
                if data := body.read(size):
                    self._body_at += len(data)
                    return data
            except (BotoCoreError, OSError) as error:
                reason = error
            self._drop()
        raise ArtifactStoreUnavailable(f"{self._name} ends early: {reason}") from reason

    def _body_here(self) -> "StreamingBody":
        """The stream at the present position: a short way is read and thrown away, for a long one is asked again."""
        if self._body is not None and 0 < self._position - self._body_at <= NEAR:
            self._body_at += len(self._body.read(self._position - self._body_at))
        if self._body is None or self._body_at != self._position:
            self._drop()
            self._body, _ = self._place.get(self._name, self._position)
            self._body_at = self._position
        return self._body

    def _drop(self) -> None:
        if self._body is not None:
            with suppress(BotoCoreError, OSError):
                self._body.close()
            self._body = None

"""A seekable file over range reads, for archives and stored files that lie elsewhere."""

import errno
import io
import os
from collections import OrderedDict
from collections.abc import Callable

from stores.errors import SourceUnavailable

_KEPT_BLOCKS = 16
_AHEAD_BLOCKS = 8


class RangedFile(io.RawIOBase):
    """Read-only; `read(start, length)` gives exactly those bytes and is asked for whole blocks, of which few are kept.

    Reading on from where the last read ended asks for ever more blocks at once, so that a whole file takes few reads.
    """

    def __init__(self, read: Callable[[int, int], bytes], size: int, *, block: int = 1024 * 1024) -> None:
        super().__init__()
        self._read = read
        self._size = size
        self._block = block
        self._position = 0
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._next, self._ahead = -1, 1

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, "before the start of the file")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """Fills the buffer unless the file ends in it."""
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view) and self._position < self._size:
            index, offset = divmod(self._position, self._block)
            piece = memoryview(self._block_at(index))[offset : offset + len(view) - done]
            view[done : done + len(piece)] = piece
            done += len(piece)
            self._position += len(piece)
        return done

    def close(self) -> None:
        self._kept.clear()
        super().close()

    def _block_at(self, index: int) -> bytes:
        if index not in self._kept:
            self._fetch(index)
        self._kept.move_to_end(index)
        return self._kept[index]

    def _fetch(self, index: int) -> None:
        self._ahead = min(self._ahead * 2, _AHEAD_BLOCKS) if index == self._next else 1
        start = index * self._block
        length = min(self._ahead * self._block, self._size - start)
        found = self._read(start, length)
        if len(found) != length:
            raise SourceUnavailable("a range came back with another length")
        for offset in range(0, length, self._block):
            self._kept[(start + offset) // self._block] = found[offset : offset + self._block]
        self._next = index + self._ahead
        while len(self._kept) > _KEPT_BLOCKS:
            self._kept.popitem(last=False)

"""What every bucket driver offers."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol


@dataclass(frozen=True)
class Entry:
    """One object: its key without a leading slash, bytes, time of change, and a tag that changes with its content."""

    key: str
    size: int
    modified: datetime
    etag: str


@dataclass(frozen=True)
class Page:
    """Part of one folder in name order; `after` opens the next part and is empty at the end."""

    folders: tuple[str, ...]
    entries: tuple[Entry, ...]
    after: str = ""


class Driver(Protocol):
    """Reads and writes one bucket. Prefixes end in `/` or are empty.

    Every method raises SourceRefused (a stable code: missing, forbidden, changed, unsafe name …) for what cannot
    succeed and SourceUnavailable for what may succeed later.
    """

    def list_folder(self, prefix: str, *, after: str = "", limit: int = 100, search: str = "") -> Page:
        """Folders and objects directly below `prefix` whose name contains `search`, in memory bounded by `limit`."""
        ...

    def walk(self, prefix: str) -> Iterator[Entry]:
        """Every object below `prefix`, in key order, however deep."""
        ...

    def stat(self, key: str) -> Entry: ...

    def open(
        self, key: str, *, start: int = 0, length: int | None = None, expected: Entry | None = None
    ) -> AbstractContextManager[BinaryIO]:
        """A stream of the object's bytes; refuses with `object_changed` when it is not the `expected` one any more."""
        ...

    def write(self, key: str, chunks: Iterable[bytes]) -> Entry:
        """Store an object whole or not at all, replacing one of the same key."""
        ...

    def delete(self, key: str) -> None: ...

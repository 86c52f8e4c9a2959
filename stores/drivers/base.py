"""What every bucket driver offers."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

LINK = "source.link"
SPECIAL_FILE = "source.special_file"
# What one request to object storage carries: up to so much `write` sends at once, which costs less than receiving.
PART_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class Entry:
    """One object: its key without a leading slash, bytes, time of change, and a tag that changes with its content.

    `refusal` is empty, or the code of the reason why the object is listed but never opened (a link, a special file,
    a name that is not safe, encryption); the key is then only for showing. `fingerprint` stands for these very bytes
    wherever the same bucket shows it again for the key; it is empty where a place cannot promise that.
    """

    key: str
    size: int
    modified: datetime
    etag: str
    refusal: str = ""
    fingerprint: str = ""

    @property
    def link(self) -> bool:
        return self.refusal == LINK


@dataclass(frozen=True)
class Page:
    """Part of one folder in key order; `after` opens the next part and is empty at the end."""

    folders: tuple[str, ...]
    entries: tuple[Entry, ...]
    after: str = ""


class Driver(Protocol):
    """Reads and writes one bucket. Prefixes end in `/` or are empty; folders in answers are whole prefixes.

    Every method raises SourceRefused (a stable code: missing, forbidden, changed, unsafe name …) for what cannot
    succeed and SourceUnavailable for what may succeed later.
    """

    def list_folder(self, prefix: str, *, after: str = "", limit: int = 100, search: str = "") -> Page:
        """Folders and objects directly below `prefix` whose name contains `search`, in memory bounded by `limit`.

        `after` is what the page before gave, opaque to everybody else; upper and lower case are the same to `search`.
        """
        ...

    def walk(self, prefix: str) -> Iterator[Entry]:
        """Every object below `prefix`, however deep; refused ones too, each with its `refusal`.

        The order is that of keys, unless an endpoint lists folder by folder (SeaweedFS puts `a/b` before `a-b`).
        """
        ...

    def stat(self, key: str) -> Entry: ...

    def open(
        self, key: str, *, start: int = 0, length: int | None = None, expected: Entry | None = None
    ) -> AbstractContextManager[BinaryIO]:
        """A stream of the object's bytes; refuses with `object_changed` when it is not the `expected` one any more.

        The end of the stream refuses in the same way when the object changed while it was read. Refusals for the
        object as a whole come from this call, not from entering its context; closing the stream leaves the context.
        """
        ...

    def write(self, key: str, chunks: Iterable[bytes]) -> Entry:
        """Store an object whole or not at all, replacing one of the same key."""
        ...

    def move(self, key: str, to: str) -> None:
        """Give an object another key, which no object has; refuses with `source.exists` when one has it."""
        ...

    def make_folder(self, prefix: str) -> None:
        """Make an empty folder that listings show; nothing happens when it is there already."""
        ...

    def delete(self, key: str) -> None: ...

    def delete_folder(self, prefix: str) -> None:
        """Remove everything below `prefix`, which is not empty."""
        ...

    def check(self) -> None:
        """Ask the place whether it is there, is the right one and may be listed; raises the reason when not."""
        ...


class Receiver(Protocol):
    """The part of a driver that takes one object over several requests; nobody sees it before it is finished.

    A handle is what `begin` gave: opaque text of at most 1,000 characters that outlives the process. Methods may be
    called from different processes, one at a time for a handle. An unknown handle is refused with `upload.gone`.
    """

    def begin(self, key: str, size: int) -> str:
        """Start to receive `size` bytes for `key` in the bucket's temporary area; the handle."""
        ...

    def received(self, key: str, handle: str) -> int:
        """How many bytes from the start are safely kept: where to go on."""
        ...

    def append(self, key: str, handle: str, size: int, start: int, chunks: Iterable[bytes]) -> int:
        """Keep bytes from `start` on (which is what `received` said); answers what is kept then.

        When `chunks` raises, what arrived is kept as far as the place can (object storage: whole parts of PART_BYTES),
        and the exception passes through. Bytes beyond `size` are refused, and so is a start that would leave a gap.
        """
        ...

    def finish(self, key: str, handle: str, size: int) -> Entry:
        """Give the whole object its key, replacing one of the same key; refuses when bytes are missing."""
        ...

    def abandon(self, key: str, handle: str) -> None:
        """Throw away what was received; nothing happens when it is gone already."""
        ...

    def sweep(self) -> None:
        """Remove from the temporary area what crashes left there long ago."""
        ...


class BucketDriver(Driver, Receiver, Protocol):
    """One bucket, read, written and received into; what every driver class is."""

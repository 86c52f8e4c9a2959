"""The file by which the gateway knows what to do: written from the database, replaced as a whole."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from serving.queries_routes import routes_of
from serving.routing import BrokenSnapshot, document_of, encode, serial_and_document

# The supervisor writes every half second.
STALE_SECONDS = 5.0


def path_of_snapshot() -> Path:
    """Where the routes of this host are."""
    path: Path = settings.DATA / "run" / "routes"
    return path


def write_snapshot() -> None:
    """Bring the file up to date with the database; only what has changed is written.

    That the database answered is noted beside it each time. Raises what the database raises, and leaves the file then.
    """
    document = document_of(routes_of(settings.HOST_NAME))
    path = path_of_snapshot()
    serial, present = _present(path)
    if document != present:
        _replace(path, encode(document, serial + 1))
    _note_of(path).touch(mode=0o600)


def age() -> float | None:
    """How many seconds ago the snapshot was last known to agree with the database; None where there is none."""
    path = path_of_snapshot()
    try:
        path.stat()
        return max(0.0, time.time() - _note_of(path).stat().st_mtime)
    except OSError:
        return None


@dataclass(frozen=True)
class SnapshotState:
    """What a page says of the routes in force."""

    age: float | None

    @property
    def missing(self) -> bool:
        return self.age is None

    @property
    def stale(self) -> bool:
        return self.age is not None and self.age > STALE_SECONDS

    @property
    def seconds(self) -> int:
        return int(self.age or 0)


def snapshot_state() -> SnapshotState:
    """For the partial `serving/_gateway.html`."""
    return SnapshotState(age())


def _note_of(path: Path) -> Path:
    return path.with_suffix(".checked")


def _present(path: Path) -> tuple[int, bytes]:
    """The serial number and document of the file; one that is broken counts on from the time, which is ahead of it."""
    try:
        return serial_and_document(path.read_bytes())
    except FileNotFoundError:
        return 0, b""
    except (BrokenSnapshot, OSError):
        return int(time.time()), b""


def _replace(path: Path, data: bytes) -> None:
    """Write beside and rename, so that nobody ever reads half of it, even after the machine has lost its power."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    half = path.with_suffix(f".{os.getpid()}.new")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)

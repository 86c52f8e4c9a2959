"""What every kind of artifact store offers."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

SHA256 = re.compile(r"[0-9a-f]{64}")
BATCH = 500


@dataclass(frozen=True)
class Stored:
    sha256: str
    size: int


class ArtifactStore(Protocol):
    """Keeps bytes under their SHA-256.

    Every method raises ArtifactStoreUnavailable (or ArtifactStoreFull) when the store fails. `want`, `hold`
    and `sweep` use the database; the others do not and may run in any thread.
    """

    def ingest(self, chunks: Iterable[bytes], limit: int | None) -> Stored: ...

    def want(self, stored: Collection[Stored]) -> set[str]:
        """Mark bytes so that no sweep takes them; the SHA-256 of those that cannot be marked. Uses no network."""
        ...

    def hold(self, stored: Collection[Stored]) -> set[str]:
        """Mark settled bytes again, in the transaction that refers to them; the SHA-256 of those a sweep took."""
        ...

    def confirm(self, stored: Collection[Stored]) -> set[str]:
        """Make marked bytes safe from a power cut; the SHA-256 of those that are not there whole."""
        ...

    def open(self, sha256: str) -> BinaryIO: ...

    def exists(self, sha256: str) -> bool: ...

    def download_url(self, sha256: str, filename: str) -> str | None: ...

    def check(self) -> None: ...

    def sweep(self, keep_since: datetime) -> int: ...


def key_of(sha256: str) -> str:
    """Where the bytes lie below the store's root; ValueError for what is no SHA-256."""
    if SHA256.fullmatch(sha256) is None:
        raise ValueError(f"not a SHA-256: {sha256[:80]!r}")
    return f"{sha256[:2]}/{sha256}"

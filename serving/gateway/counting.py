"""Calls, failures and durations by service, version and minute; each second what was counted goes into a file."""

import json
import os
import time
from pathlib import Path
from typing import Any

from serving.latencies import bucket_of

SUFFIX = ".json"


class Counts:
    """What was counted since the last file was written; belongs to the event loop."""

    def __init__(self) -> None:
        self._minutes: dict[tuple[str, str, int], list[Any]] = {}
        self._tokens: dict[str, int] = {}

    def add(self, service: str, version: str, seconds: float, *, failed: bool) -> None:
        """One call that has ended now."""
        key = (service, version, int(time.time()) // 60)
        row = self._minutes.get(key)
        if row is None:
            row = self._minutes[key] = [0, 0, {}]
        row[0] += 1
        row[1] += failed
        bucket = bucket_of(seconds)
        row[2][bucket] = row[2].get(bucket, 0) + 1

    def used(self, digest: str) -> None:
        """A token opened a service now."""
        self._tokens[digest] = int(time.time())

    def take(self) -> bytes | None:
        """What was counted, as the bytes of a file; None when there is nothing."""
        if not self._minutes and not self._tokens:
            return None
        minutes = [[service, version, minute * 60, *row] for (service, version, minute), row in self._minutes.items()]
        document = json.dumps({"minutes": minutes, "tokens": self._tokens}, separators=(",", ":")).encode()
        self._minutes, self._tokens = {}, {}
        return document

    def put_back(self, document: bytes) -> None:
        """Take a file's bytes as not handed over."""
        found = json.loads(document)
        for service, version, second, calls, failures, latencies in found["minutes"]:
            row = self._minutes.setdefault((service, version, second // 60), [0, 0, {}])
            row[0] += calls
            row[1] += failures
            for bucket, count in latencies.items():
                row[2][int(bucket)] = row[2].get(int(bucket), 0) + count
        self._tokens = found["tokens"] | self._tokens


def hand_over(folder: Path, service: str, version: str, seconds: float, *, failed: bool) -> None:
    """One call that another process than the gateway has made, as a file of its own. Raises OSError."""
    counts = Counts()
    counts.add(service, version, seconds, failed=failed)
    document = counts.take()
    if document is not None:
        Spool(folder).write(document)


def counts_as_failed(status: int) -> bool:
    """An error of the model or of the way to it; that it refuses what it was asked is an answer."""
    return status >= 500 or status == 429


class Spool:
    """A folder of files, each of which is taken once by who counts on; their names are in the order they were made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0

    def clean(self) -> None:
        """Remove what another gateway had begun to write when it was killed."""
        for half in self._folder.glob(f".*{SUFFIX}"):
            half.unlink(missing_ok=True)

    def write(self, document: bytes) -> None:
        """Add a file, which is there as a whole or not at all. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._number += 1
        name = f"{time.time_ns():020d}-{os.getpid()}-{self._number}{SUFFIX}"
        half = self._folder / f".{name}"
        try:
            half.write_bytes(document)
            half.rename(self._folder / name)
        finally:
            half.unlink(missing_ok=True)

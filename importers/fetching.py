"""Bringing the bytes of a package into the artifact store, as few of them as possible."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings

from importers.heartbeat import Heartbeat
from importers.known import known, remember
from importers.package.check import PackageReport
from importers.sources.base import Folder
from registry import artifacts
from registry.artifacts import Stored
from registry.errors import ArtifactTooLarge
from stores.errors import SourceRefused

Bytes = Mapping[str, Stored]  # by path below the chosen folder


@dataclass(frozen=True)
class Fetched:
    """The bytes of a package. Those of `known` are settled already and were not fetched again."""

    stored: Bytes
    known: Bytes

    @property
    def known_bytes(self) -> int:
        return sum(each.size for each in self.known.values())


def fetch(folder: Folder, report: PackageReport, heartbeat: Heartbeat) -> Fetched:
    """Stream the files of the package into the artifact store, a few at a time: each waits for the disk by itself.

    Files that were fetched before, unchanged, and are still in the store are counted as done at once.
    """
    sizes = {report.source_path(file.path): file.size for file in report.files}
    heartbeat.start(files=len(sizes), size=sum(sizes.values()))
    there = _still_there(known(folder, sizes), heartbeat)
    heartbeat.known(files=len(there), size=sum(each.size for each in there.values()))

    def fetch_one(path: str) -> tuple[str, Stored]:
        stored = _ingest(heartbeat.counted(folder.chunks(path)), path, sizes[path])
        heartbeat.file_done()
        return path, stored

    def keep(fetched: Sequence[tuple[str, Stored]]) -> None:
        artifacts.want(stored for _, stored in fetched)
        remember(folder, dict(fetched))

    wanted = [path for path in sizes if path not in there]
    fetched = heartbeat.during_each(fetch_one, wanted, threads=settings.IMPORT_FETCHERS, done=keep)
    heartbeat.finish()
    return Fetched({**there, **dict(fetched)}, there)


def settle(fetched: Fetched, kept: Bytes, heartbeat: Heartbeat) -> None:
    """Make sure of what was fetched; what was known was made sure of before."""
    settled = set(fetched.known.values())
    artifacts.settle((each for each in kept.values() if each not in settled), apart=heartbeat.during)


def _still_there(found: dict[str, Stored], heartbeat: Heartbeat) -> dict[str, Stored]:
    lost = artifacts.unsettled(found.values(), apart=heartbeat.during)
    return {path: stored for path, stored in found.items() if stored.sha256 not in lost}


def _ingest(chunks: Iterator[bytes], path: str, size: int) -> Stored:
    try:
        stored = artifacts.ingest(chunks, limit=size)
    except ArtifactTooLarge as error:
        raise SourceRefused("source.object_changed", path=path) from error
    if stored.size != size:
        raise SourceRefused("source.object_changed", path=path)
    return stored

"""Artifacts in object storage, which Django's storage of that name reaches: no times of change there, so rows say
which bytes are wanted (see artifacts_blobs)."""

import os
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import chain, islice
from typing import Any, BinaryIO
from uuid import uuid4

from django.utils.timezone import now

from registry import artifacts_blobs as blobs
from registry.artifacts_base import SHA256, Stored, key_of
from registry.artifacts_place import Listed, Place
from registry.artifacts_stream import open_object
from registry.artifacts_upload import Parts, upload
from registry.errors import ArtifactStoreUnavailable

TEMPORARY = "tmp/"
THREADS = 8
# So many objects are asked for one by one; a page of a listing costs about as much as that many questions.
FEW = 50


@dataclass(frozen=True)
class ObjectStore:
    """Blobs at `<aa>/<sha256>` below the storage's location; what is large arrives under `tmp/` first."""

    place: Place
    url_seconds: int | None  # None: no address is given out

    @classmethod
    def of(cls, storage: Any) -> "ObjectStore":
        """The store of a `storages.backends.s3.S3Storage`. Its client is made once for a process and shared."""
        return _object_store(storage, os.getpid())

    def ingest(self, chunks: Iterable[bytes], limit: int | None) -> Stored:
        parts = Parts(chunks, limit)
        rest = iter(parts)
        head = list(islice(rest, 2))
        if len(head) == 2:
            return self._ingest_large(parts, _joined(head, rest))
        stored = parts.stored()
        if not self._has(stored):
            self.place.put(key_of(stored.sha256), head[0] if head else b"")
        return stored

    def want(self, stored: Collection[Stored]) -> set[str]:
        return blobs.want({each.sha256 for each in stored}, create=True)

    def hold(self, stored: Collection[Stored]) -> set[str]:
        return blobs.want({each.sha256 for each in stored}, create=False)

    def confirm(self, stored: Collection[Stored]) -> set[str]:
        unseen = {key_of(each.sha256): each for each in stored}
        if len(unseen) > FEW:
            pages = self.place.pages(after=min(unseen)[:-1])
            for listed in chain.from_iterable(islice(pages, len(unseen) // FEW)):
                if listed.name in unseen and unseen[listed.name].size == listed.size:
                    del unseen[listed.name]
        with ThreadPoolExecutor(THREADS, thread_name_prefix="artifact") as pool:
            there = pool.map(self._has, unseen.values())
            return {each.sha256 for each, is_there in zip(unseen.values(), there, strict=True) if not is_there}

    def open(self, sha256: str) -> BinaryIO:
        return open_object(self.place, key_of(sha256))

    def exists(self, sha256: str) -> bool:
        return self.place.size(key_of(sha256)) is not None

    def download_url(self, sha256: str, filename: str) -> str | None:
        if self.url_seconds is None:
            return None
        if not self.exists(sha256):
            raise ArtifactStoreUnavailable(f"artifact {sha256} is not in the store")
        return self.place.signed_url(key_of(sha256), filename, self.url_seconds)

    def check(self) -> None:
        name = TEMPORARY + uuid4().hex
        self.place.put(name, b"?")
        self.place.delete(name)

    def sweep(self, keep_since: datetime) -> int:
        removed = 0
        for page in self.place.pages():
            old = [listed for listed in page if listed.modified < keep_since]
            removed += self._remove_temporary([listed.name for listed in old if listed.name.startswith(TEMPORARY)])
            removed += self._remove_unused([name for listed in old if (name := _sha256_of(listed))], keep_since)
        for name, upload_id, began in self.place.unfinished():
            if name.startswith(TEMPORARY) and began < keep_since:
                self.place.abort(name, upload_id)
        blobs.forget(keep_since)
        return removed

    def _ingest_large(self, parts: Parts, pieces: Iterable[bytearray]) -> Stored:
        temporary = TEMPORARY + uuid4().hex
        upload(self.place, temporary, pieces)
        try:
            stored = parts.stored()
            if not self._has(stored):
                self.place.copy(temporary, key_of(stored.sha256))
                if not self._has(stored):
                    raise ArtifactStoreUnavailable(f"artifact {stored.sha256} did not arrive whole")
        finally:
            with suppress(ArtifactStoreUnavailable):
                self.place.delete(temporary)
        return stored

    def _has(self, stored: Stored) -> bool:
        return self.place.size(key_of(stored.sha256)) == stored.size

    def _remove_temporary(self, names: list[str]) -> int:
        for name in names:
            self.place.delete(name)
        return len(names)

    def _remove_unused(self, candidates: list[str], since: datetime) -> int:
        removed = 0
        for batch in blobs.batches(candidates):
            doomed, moment = blobs.doom(batch, since)
            deleted = self._delete(doomed, until=moment + blobs.DELETE_WITHIN)
            blobs.bury(deleted, moment)
            removed += len(deleted)
        return removed

    def _delete(self, doomed: Collection[str], *, until: datetime) -> list[str]:
        """What was deleted in time; one by one, because not every server takes a list of names."""

        def delete(sha256: str) -> bool:
            in_time = now() < until
            if in_time:
                self.place.delete(key_of(sha256))
            return in_time

        with ThreadPoolExecutor(THREADS, thread_name_prefix="artifact") as pool:
            return [sha256 for sha256, gone in zip(doomed, pool.map(delete, doomed), strict=True) if gone]


def _joined(head: list[bytearray], rest: Iterator[bytearray]) -> Iterator[bytearray]:
    """One after the other, keeping none."""
    while head:
        yield head.pop(0)
    yield from rest


@lru_cache(maxsize=4)
def _object_store(storage: Any, process: int) -> ObjectStore:
    root = f"{storage.location.strip('/')}/".removeprefix("/")
    place = Place(storage.connection.meta.client, storage.bucket_name, root, storage.transfer_config)
    return ObjectStore(place, storage.querystring_expire if storage.querystring_auth else None)


def _sha256_of(listed: Listed) -> str:
    """The SHA-256 under which a blob lies; empty for anything else."""
    sha256 = listed.name.rpartition("/")[2]
    return sha256 if SHA256.fullmatch(sha256) and listed.name == key_of(sha256) else ""

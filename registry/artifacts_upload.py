"""Sending bytes to object storage while they are read: cut into parts, hashed, and never more than a few in memory."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, cast

from registry.artifacts_base import Stored
from registry.artifacts_place import KIND, Place, checksum, store_errors
from registry.errors import ArtifactStoreUnavailable, ArtifactTooLarge

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART = 8 * 1024 * 1024
IN_FLIGHT = 2
# Over all uploads of this process, so that several large files need no more memory than a few.
SLOTS = BoundedSemaphore(3)


class Parts:
    """Chunks as parts of PART bytes, the last one shorter; what passed is hashed and counted."""

    def __init__(self, chunks: Iterable[bytes], limit: int | None) -> None:
        self._chunks, self._limit = chunks, limit
        self._digest, self._size = hashlib.sha256(), 0

    def __iter__(self) -> Iterator[bytearray]:
        part = bytearray()
        for chunk in self._chunks:
            self._count(chunk)
            rest = memoryview(chunk)
            while rest:
                taken = rest[: PART - len(part)]
                part += taken
                rest = rest[len(taken) :]
                if len(part) == PART:
                    yield part
                    part = bytearray()
        if part:
            yield part

    def stored(self) -> Stored:
        """What passed so far."""
        return Stored(self._digest.hexdigest(), self._size)

    def _count(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._limit is not None and self._size > self._limit:
            raise ArtifactTooLarge(self._limit)
        self._digest.update(chunk)


def upload(place: Place, name: str, parts: Iterable[bytearray]) -> None:
    """Store the parts as one object, sent while the next are read; nothing stays when anything fails."""
    with store_errors():
        upload_id = place.client.create_multipart_upload(
            Bucket=place.bucket, Key=place.root + name, ContentType=KIND, ChecksumAlgorithm="SHA256"
        )["UploadId"]
    try:
        sent = _send(place, name, upload_id, parts)
        with store_errors():
            place.client.complete_multipart_upload(
                Bucket=place.bucket, Key=place.root + name, UploadId=upload_id, MultipartUpload={"Parts": sent}
            )
    except BaseException:
        with suppress(ArtifactStoreUnavailable):
            place.abort(name, upload_id)
        raise


def _send(place: Place, name: str, upload_id: str, parts: Iterable[bytearray]) -> list["CompletedPartTypeDef"]:
    def send(number: int, part: bytearray) -> "CompletedPartTypeDef":
        check = checksum(part)
        with store_errors():
            answer = place.client.upload_part(
                Bucket=place.bucket,
                Key=place.root + name,
                UploadId=upload_id,
                PartNumber=number,
                Body=cast(bytes, part),
                ChecksumSHA256=check,
            )
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": check}

    sent: list[CompletedPartTypeDef] = []
    waiting: deque[Future[CompletedPartTypeDef]] = deque()
    with ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="artifact") as pool:
        for number, part in enumerate(parts, start=1):
            if len(waiting) == IN_FLIGHT:
                sent.append(waiting.popleft().result())
            SLOTS.acquire()
            waiting.append(pool.submit(send, number, part))
            waiting[-1].add_done_callback(lambda _: SLOTS.release())
        sent += [each.result() for each in waiting]
    return sent

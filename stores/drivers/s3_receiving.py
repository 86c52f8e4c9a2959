"""Objects that reach object storage in parts, which nobody sees before the last of them is there."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from botocore.exceptions import ClientError

from stores.drivers.base import PART_BYTES, Entry
from stores.drivers.s3_access import answered_at, entry_of
from stores.drivers.s3_errors import code_of, refusals, status_of
from stores.drivers.s3_sweeping import S3Sweeper
from stores.errors import SourceRefused

_MOST_PARTS = 10_000
_MEBIBYTE = 1024 * 1024
# Size of the parts, and what the storage calls the upload.
_HANDLE = r"(\d{1,12})\.([!-~]{1,900})"
_NO_UPLOAD = {"NoSuchUpload", "NoSuchKey", "InvalidRequest", "InvalidArgument"}

Part = Mapping[str, Any]


class S3Receiver(S3Sweeper):
    """The contract is that of `Receiver`: a multipart upload under the very key, of parts that are all of one size.

    Receiving takes three requests and one for each part; an object of at most PART_BYTES is cheaper with `write`.
    """

    def begin(self, key: str, size: int) -> str:
        return f"{_part_size(size)}.{self._begin(key)}"

    def received(self, key: str, handle: str) -> int:
        part_size, upload = self._parsed(key, handle)
        return sum(part["Size"] for part in _contiguous(self._parts(key, upload), part_size))

    def append(self, key: str, handle: str, size: int, start: int, chunks: Iterable[bytes]) -> int:
        part_size, upload = self._parsed(key, handle)
        if start % part_size and start != size:
            raise SourceRefused("upload.interrupted")
        number = start // part_size + 1
        kept = start

        def send(data: bytes) -> None:
            nonlocal kept, number
            self._send(key, upload, number, data)
            kept, number = kept + len(data), number + 1

        send_beside(send, self._whole_parts(key, chunks, part_size, size - start))
        return kept

    def finish(self, key: str, handle: str, size: int) -> Entry:
        part_size, upload = self._parsed(key, handle)
        parts = self._parts(key, upload)
        if sum(part["Size"] for part in _contiguous(parts, part_size)) != size:
            raise self._refusal("upload.wrong_size", key)
        if size == 0:
            entry = self._put(key, b"")
            self.abandon(key, handle)
            return entry
        return self._complete(key, upload, parts, size)

    def abandon(self, key: str, handle: str) -> None:
        with suppress(SourceRefused):
            self._abort(key, self._parsed(key, handle)[1])

    def _parsed(self, key: str, handle: str) -> tuple[int, str]:
        """The size of the parts and the storage's name of an upload."""
        self._check_object(key)
        found = re.fullmatch(_HANDLE, handle)
        if found is None or int(found[1]) < PART_BYTES:
            raise self._refusal("upload.gone", key)
        return int(found[1]), found[2]

    def _begin(self, key: str) -> str:
        whole = self._check_object(key)
        with refusals(self._place, key):
            return self._client.create_multipart_upload(Bucket=self._place.bucket, Key=whole)["UploadId"]

    def _whole_parts(self, key: str, chunks: Iterable[bytes], part_size: int, announced: int) -> Iterator[bytes]:
        """Whole parts, and the last one when it ends where the object ends; the rest is not kept."""
        for data in in_parts(chunks, part_size):
            announced -= len(data)
            if announced < 0:
                raise self._refusal("upload.wrong_size", key)
            if len(data) == part_size or announced == 0:
                yield data

    def _send(self, key: str, upload: str, number: int, data: bytes) -> Part:
        """Store one part; answers as a listing of parts would show it."""
        with refusals(self._place, key), self._gone_without_upload(key):
            answer = self._client.upload_part(
                Bucket=self._place.bucket,
                Key=self._whole(key),
                UploadId=upload,
                PartNumber=number,
                Body=data,
                ContentMD5=md5_of(data),
            )
            return {"PartNumber": number, "ETag": answer["ETag"], "Size": len(data)}

    def _parts(self, key: str, upload: str) -> list[Part]:
        """What was sent. Some servers list a part that was sent twice as two: nobody knows which of them counts."""
        pages = self._client.get_paginator("list_parts")
        found: dict[int, Part] = {}
        with refusals(self._place, key), self._gone_without_upload(key):
            for page in pages.paginate(Bucket=self._place.bucket, Key=self._whole(key), UploadId=upload):
                for part in page.get("Parts", []):
                    if found.setdefault(part["PartNumber"], part)["ETag"] != part["ETag"]:
                        raise self._refusal("upload.gone", key)
        return [found[number] for number in sorted(found)]

    def _complete(self, key: str, upload: str, parts: list[Part], size: int) -> Entry:
        """Make the object of its parts; an answer that got lost on the way is looked up."""
        numbered = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in parts]
        try:
            with refusals(self._place, key):
                answer = self._client.complete_multipart_upload(
                    Bucket=self._place.bucket,
                    Key=self._whole(key),
                    UploadId=upload,
                    MultipartUpload={"Parts": numbered},  # type: ignore[typeddict-item]
                )
                return entry_of(key, size, answered_at(answer), answer["ETag"])
        except SourceRefused as refused:
            entry = self._placed(key, _tag_of(parts)) if refused.code == "upload.gone" else None
            if entry is None:
                raise
            return entry

    def _placed(self, key: str, tag: str) -> Entry | None:
        """The object under a key if it has this tag."""
        try:
            entry = self.stat(key)
        except SourceRefused:
            return None
        return entry if entry.etag == tag else None

    def _put(self, key: str, data: bytes) -> Entry:
        """Store an object in one request."""
        with refusals(self._place, key):
            answer = self._client.put_object(
                Bucket=self._place.bucket, Key=self._whole(key), Body=data, ContentMD5=md5_of(data)
            )
            return entry_of(key, len(data), answered_at(answer), answer["ETag"])

    def _abort(self, key: str, upload: str) -> None:
        with refusals(self._place, key), self._gone_without_upload(key):
            self._client.abort_multipart_upload(Bucket=self._place.bucket, Key=self._whole(key), UploadId=upload)

    @contextmanager
    def _gone_without_upload(self, key: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            if status_of(error) in (400, 404) and code_of(error) in _NO_UPLOAD:
                raise self._refusal("upload.gone", key) from error
            raise


def in_parts(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in parts of one size, but for the last; one part at a time is in memory."""
    buffer = bytearray()
    for chunk in chunks:
        rest = memoryview(chunk)
        while rest:
            taken = rest[: size - len(buffer)]
            buffer += taken
            rest = rest[len(taken) :]
            if len(buffer) == size:
                yield bytes(buffer)
                buffer.clear()
    if buffer:
        yield bytes(buffer)


def send_beside(send: Callable[[bytes], None], parts: Iterable[bytes]) -> None:
    """Send each part in a helper thread while the next one arrives; what came before `parts` raises is sent."""
    with ThreadPoolExecutor(max_workers=1) as helper:
        sent: Future[None] | None = None
        for part in parts:
            if sent:
                sent.result()
            sent = helper.submit(send, part)
        if sent:
            sent.result()


def md5_of(data: bytes) -> str:
    return b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _part_size(size: int) -> int:
    """So large that an object of `size` bytes does not have more parts than the storage takes."""
    least = -(-size // _MOST_PARTS)
    return max(PART_BYTES, -(-least // _MEBIBYTE) * _MEBIBYTE)


def _contiguous(parts: Iterable[Part], part_size: int) -> Iterator[Part]:
    """The parts from the first on, up to a gap or the last one, which may be short."""
    for number, part in enumerate(parts, 1):
        if part["PartNumber"] != number:
            return
        yield part
        if part["Size"] != part_size:
            return


def _tag_of(parts: Iterable[Part]) -> str:
    """The tag storages give to an object of these parts."""
    tags = [part["ETag"].strip('"') for part in parts]
    try:
        digests = bytes.fromhex("".join(tags))
    except ValueError:
        return "unknown"
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(tags)}"

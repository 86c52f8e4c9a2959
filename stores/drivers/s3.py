"""A bucket on object storage: any endpoint that speaks S3 (OBS, Ceph, SeaweedFS, MinIO, AWS)."""

import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Any

from botocore.exceptions import ClientError

from stores.drivers.base import PART_BYTES, Entry
from stores.drivers.s3_clients import client_for
from stores.drivers.s3_errors import failure_of, refusals
from stores.drivers.s3_place import S3Place
from stores.drivers.s3_receiving import Part, S3Receiver, in_parts, send_beside
from stores.errors import SourceRefused, SourceUnavailable
from stores.paths import check_key, check_prefix

__all__ = ["S3Driver", "S3Place"]

# The storage copies so much in one request; more it copies in parts of this size.
_COPIED_AT_ONCE = 1024**3
_MOST_PARTS = 10_000


class S3Driver(S3Receiver):
    """The contract is that of `Driver`. Deleting the last object of a folder deletes the folder too."""

    def check(self) -> None:
        client = client_for(self._place, afresh=True)
        with refusals(self._place):
            answer = client.list_objects_v2(Bucket=self._place.bucket, Prefix=self._root, MaxKeys=1)
        if "IsTruncated" not in answer:
            raise self._refusal("source.endpoint_unknown", "")

    def write(self, key: str, chunks: Iterable[bytes]) -> Entry:
        """One request for up to PART_BYTES; more goes in parts, which become the object together or not at all."""
        self._check_object(key)
        parts = in_parts(chunks, PART_BYTES)
        first, second = next(parts, b""), next(parts, None)
        if second is None:
            return self._put(key, first)
        parts = chain([first, second], parts)
        del first, second
        upload = self._begin(key)
        sent: list[Part] = []
        try:
            send_beside(lambda data: self._write_part(key, upload, data, sent), parts)
            return self._complete(key, upload, sent, sum(part["Size"] for part in sent))
        except BaseException:
            with suppress(SourceRefused, SourceUnavailable):
                self._abort(key, upload)
            raise

    def move(self, key: str, to: str) -> None:
        """The storage copies, then the old key goes: for an instant both are there."""
        self._check_object(key)
        self._check_shown(check_key(to))
        entry = self.stat(key)
        if self._is_taken(to):
            raise self._refusal("source.exists", to)
        if entry.size <= _COPIED_AT_ONCE:
            with refusals(self._place, key):
                self._client.copy_object(**self._copied(entry, to))
        else:
            self._copy_in_parts(entry, to)
        self._delete(key)

    def make_folder(self, prefix: str) -> None:
        """An empty object whose key ends in `/`, as the consoles of storages make them."""
        self._check_shown(check_prefix(prefix))
        if not prefix:
            return
        if self._is_taken(prefix[:-1]):
            raise self._refusal("source.not_a_folder", prefix[:-1])
        self._put(prefix, b"")

    def delete(self, key: str) -> None:
        self._check_object(key)
        try:
            self.stat(key)
        except SourceRefused as refused:
            if refused.code != "source.encrypted":
                raise
        self._delete(key)

    def delete_folder(self, prefix: str) -> None:
        self._check_shown(check_prefix(prefix))
        if not prefix:
            raise self._refusal("source.unsafe_name", prefix)
        empty, whole = True, self._whole(prefix)
        for answer in self._answers(whole):
            # Whatever else a server lists, only this folder goes.
            keys = [found["Key"] for found in answer.get("Contents", []) if found["Key"].startswith(whole)]
            empty = empty and not keys
            self._delete_all(keys)
        if empty:
            self._refuse_missing(prefix)

    def _write_part(self, key: str, upload: str, data: bytes, sent: list[Part]) -> None:
        if len(sent) == _MOST_PARTS:
            raise SourceRefused("upload.too_large", limit=f"{_MOST_PARTS * PART_BYTES // 1024**3} GiB")
        sent.append(self._send(key, upload, len(sent) + 1, data))

    def _is_taken(self, key: str) -> bool:
        try:
            self.stat(key)
        except SourceRefused as refused:
            if refused.code == "source.encrypted":
                return True
            if refused.code != "source.missing":
                raise
            return False
        return True

    def _copied(self, entry: Entry, to: str) -> dict[str, Any]:
        """What a copy of an object asks for: these very bytes, under another key."""
        bucket = self._place.bucket
        return {
            "Bucket": bucket,
            "Key": self._whole(to),
            "CopySource": {"Bucket": bucket, "Key": self._whole(entry.key)},
            "CopySourceIfMatch": f'"{entry.etag}"',
        }

    def _copy_in_parts(self, entry: Entry, to: str) -> None:
        upload = self._begin(to)
        try:
            parts = [self._copy_part(entry, to, upload, *piece) for piece in _pieces(entry.size)]
            self._complete(to, upload, parts, entry.size)
        except BaseException:
            with suppress(SourceRefused, SourceUnavailable):
                self._abort(to, upload)
            raise

    def _copy_part(self, entry: Entry, to: str, upload: str, number: int, start: int, stop: int) -> Part:
        with refusals(self._place, entry.key):
            answer = self._client.upload_part_copy(
                UploadId=upload,
                PartNumber=number,
                CopySourceRange=f"bytes={start}-{stop - 1}",
                **self._copied(entry, to),
            )
            return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"], "Size": stop - start}

    def _delete(self, key: str) -> None:
        with refusals(self._place, key):
            self._client.delete_object(Bucket=self._place.bucket, Key=self._whole(key))

    def _delete_all(self, keys: list[str]) -> None:
        """Delete by one request what XML can name, and the rest one by one; raises what kept any of them."""
        plain = [{"Key": key} for key in keys if _is_plain(key)]
        for key in keys:
            if not _is_plain(key):
                with refusals(self._place, self._own(key)):
                    self._client.delete_object(Bucket=self._place.bucket, Key=key)
        if not plain:
            return
        with refusals(self._place):
            answer = self._client.delete_objects(
                Bucket=self._place.bucket,
                Delete={"Objects": plain, "Quiet": True},  # type: ignore[typeddict-item]
            )
        for error in answer.get("Errors", []):
            raise self._kept(error)

    def _kept(self, error: Any) -> SourceRefused | SourceUnavailable:
        answered = ClientError({"Error": {"Code": error.get("Code", "")}}, "DeleteObjects")
        return failure_of(answered, self._place, self._own(error.get("Key", "")))


def _pieces(size: int) -> Iterator[tuple[int, int, int]]:
    """Numbers, starts and ends of the parts a large object is copied in."""
    for number, start in enumerate(range(0, size, _COPIED_AT_ONCE), 1):
        yield number, start, min(start + _COPIED_AT_ONCE, size)


def _is_plain(key: str) -> bool:
    return not any(unicodedata.category(character) in ("Cc", "Cs", "Cn") for character in key)

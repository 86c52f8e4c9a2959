"""Objects read from object storage: what they are, and their bytes."""

import io
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, cast

from botocore.exceptions import ClientError

from stores.drivers.base import Entry
from stores.drivers.s3_access import S3Access, entry_of
from stores.drivers.s3_errors import Failure, code_of, failure_of, refusals, status_of
from stores.drivers.s3_streams import ObjectStream, Opened, checksum_of, opened
from stores.errors import SourceRefused, SourceUnavailable

_BUFFER = 64 * 1024
# HEAD answers without a code; these are worth a request that has one.
_UNCLEAR = {400, 403}
_UNREADABLE = {"InvalidRequest", "InvalidArgument"}


class S3Reader(S3Access):
    """A stream reads on after a cut, from the same bytes or not at all."""

    def stat(self, key: str) -> Entry:
        whole = self._check_object(key)
        try:
            with refusals(self._place, key):
                answer = self._head(whole)
                return entry_of(key, answer["ContentLength"], answer["LastModified"], answer.get("ETag", ""))
        except SourceRefused as refused:
            if not isinstance(refused.__cause__, ClientError) or status_of(refused.__cause__) not in _UNCLEAR:
                raise
            self._explain(key)
            raise

    def open(
        self, key: str, *, start: int = 0, length: int | None = None, expected: Entry | None = None
    ) -> AbstractContextManager[BinaryIO]:
        self._check_object(key)
        if length == 0:
            return self._nothing(key, expected)
        stop = None if length is None else start + length
        try:
            answer = self._get(key, start, stop, expected.etag if expected else "")
        except ClientError as error:
            if status_of(error) == 416:
                return self._nothing(key, expected)
            raise self._unreadable(error, key) from error
        first = opened(answer, start)
        if expected is not None and (first.total, first.etag) != (expected.size, expected.etag):
            first.raw.close()
            raise self._other(key, same=bool(first.etag) and first.etag == expected.etag)
        whole = start == 0 and (stop is None or stop >= first.total)
        with refusals(self._place, key):
            check = checksum_of(answer) if whole else None
        stream = ObjectStream(
            first,
            first.total if stop is None else min(stop, first.total),
            lambda again, until, etag: self._again(key, again, until, etag),
            check,
        )
        return cast(BinaryIO, io.BufferedReader(stream, _BUFFER))

    def _get(self, key: str, start: int, stop: int | None, etag: str) -> Mapping[str, Any]:
        """Ask for the bytes from `start` to `stop`; raises ClientError as it is, everything else in our words."""
        options: dict[str, str] = {"IfMatch": f'"{etag}"'} if etag else {}
        if start or stop is not None:
            options["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        else:
            options["ChecksumMode"] = "ENABLED"
        with refusals(self._place, key, answers=False):
            return cast(
                Mapping[str, Any],
                self._client.get_object(Bucket=self._place.bucket, Key=self._whole(key), **options),  # type: ignore[arg-type]
            )

    def _again(self, key: str, start: int, stop: int, etag: str) -> Opened:
        try:
            return opened(self._get(key, start, stop, etag), start)
        except ClientError as error:
            raise self._unreadable(error, key) from error

    def _nothing(self, key: str, expected: Entry | None) -> AbstractContextManager[BinaryIO]:
        """No bytes of an object that is there, and is the expected one."""
        entry = self.stat(key)
        if expected is not None and (entry.size, entry.etag) != (expected.size, expected.etag):
            raise self._refusal("source.object_changed", key)
        return io.BytesIO()

    def _other(self, key: str, *, same: bool) -> Failure:
        """The object is another one by now; one whose tag is the `same` was only answered with a wrong length."""
        if same:
            return SourceUnavailable("another length than the object has", code="source.damaged")
        return self._refusal("source.object_changed", key)

    def _explain(self, key: str) -> None:
        """Raise why an object cannot be looked at, from an answer that has a body."""
        try:
            self._get(key, 0, 1, "")["Body"].close()
        except ClientError as error:
            if status_of(error) != 416:
                raise self._unreadable(error, key) from error

    def _unreadable(self, error: ClientError, key: str) -> Failure:
        """Why an object cannot be read; one whose key we lack looks like a bad request or a forbidden one."""
        if status_of(error) == 400 and code_of(error) in _UNREADABLE:
            return self._refusal("source.encrypted", key)
        if status_of(error) == 403 and code_of(error) == "AccessDenied" and self._is_under_a_key(key):
            return self._refusal("source.encrypted", key)
        return failure_of(error, self._place, key)

    def _is_under_a_key(self, key: str) -> bool:
        """Whether the storage says that an object is encrypted with a managed key, which we may not use."""
        try:
            with refusals(self._place, key):
                return str(self._head(self._whole(key)).get("ServerSideEncryption", "")).startswith("aws:kms")
        except (SourceRefused, SourceUnavailable):
            return False

    def _head(self, whole: str) -> Mapping[str, Any]:
        return self._client.head_object(Bucket=self._place.bucket, Key=whole)

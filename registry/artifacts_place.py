"""The bucket in which artifacts lie: the few requests they need, with their failures in our words."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError
from django.utils.http import content_disposition_header

from registry.errors import ArtifactStoreFull, ArtifactStoreUnavailable

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef

ABSENT = {"404", "NoSuchKey", "NotFound", "NoSuchUpload"}
NO_ROOM = {"InsufficientCapacity", "InsufficientStorage", "QuotaExceeded", "XMinioStorageFull"}
NO_ROOM_STATUS = 507
KIND = "application/octet-stream"


@dataclass(frozen=True)
class Listed:
    """An object; its name begins below the store's prefix."""

    name: str
    size: int
    modified: datetime


@dataclass(frozen=True)
class Place:
    """Requests on objects by their name below `root`. Each raises ArtifactStoreUnavailable or ArtifactStoreFull."""

    client: "S3Client"
    bucket: str
    root: str  # empty, or with a slash at its end
    transfer: Any

    def size(self, name: str) -> int | None:
        """Bytes of an object; None when there is none."""
        with store_errors():
            try:
                return self.client.head_object(Bucket=self.bucket, Key=self.root + name)["ContentLength"]
            except ClientError as error:
                if code_of(error) in ABSENT:
                    return None
                raise

    def put(self, name: str, data: bytes | bytearray) -> None:
        with store_errors():
            self.client.put_object(
                Bucket=self.bucket,
                Key=self.root + name,
                Body=cast(bytes, data),  # a bytearray will do as well
                ContentType=KIND,
                ChecksumSHA256=checksum(data),
            )

    def get(self, name: str, start: int) -> tuple["StreamingBody", int]:
        """A stream from `start` on, and how many bytes it has."""
        ranged = partial(self.client.get_object, Range=f"bytes={start}-") if start else self.client.get_object
        with store_errors():
            answer = ranged(Bucket=self.bucket, Key=self.root + name)
            return answer["Body"], answer["ContentLength"]

    def copy(self, name: str, to: str) -> None:
        """Copy an object inside the store; what is large in parts."""
        source: CopySourceTypeDef = {"Bucket": self.bucket, "Key": self.root + name}
        with store_errors():
            self.client.copy(source, self.bucket, self.root + to, Config=self.transfer)

    def delete(self, name: str) -> None:
        with store_errors():
            self.client.delete_object(Bucket=self.bucket, Key=self.root + name)

    def pages(self, *, after: str = "") -> Iterator[list[Listed]]:
        """All objects in the order of their names, many at a time."""
        marker: str | None = self.root + after if after else ""
        while marker is not None:
            with store_errors():  # the old listing, which every server knows
                page = self.client.list_objects(Bucket=self.bucket, Prefix=self.root, Marker=marker)
            listed = page.get("Contents", [])
            yield [Listed(each["Key"].removeprefix(self.root), each["Size"], each["LastModified"]) for each in listed]
            marker = listed[-1]["Key"] if page.get("IsTruncated") and listed else None

    def unfinished(self) -> list[tuple[str, str, datetime]]:
        """Uploads in parts that were neither finished nor given up: name, id, when they began."""
        with store_errors():
            pages = self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=self.root)
            return [
                (upload["Key"].removeprefix(self.root), upload["UploadId"], upload["Initiated"])
                for page in pages
                for upload in page.get("Uploads", [])
            ]

    def abort(self, name: str, upload: str) -> None:
        with store_errors():
            try:
                self.client.abort_multipart_upload(Bucket=self.bucket, Key=self.root + name, UploadId=upload)
            except ClientError as error:
                if code_of(error) not in ABSENT:
                    raise

    def signed_url(self, name: str, filename: str, seconds: int) -> str:
        """An address that gives an object to whoever has it, as an attachment, until `seconds` have passed."""
        parameters = {
            "Bucket": self.bucket,
            "Key": self.root + name,
            "ResponseContentDisposition": content_disposition_header(True, filename) or "attachment",
            "ResponseContentType": KIND,
            "ResponseCacheControl": "private, no-cache",
        }
        with store_errors():
            return self.client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds)


def checksum(data: bytes | bytearray) -> str:
    """The form in which S3 takes a SHA-256 to compare with."""
    return b64encode(sha256(data).digest()).decode()


def code_of(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


@contextmanager
def store_errors() -> Iterator[None]:
    """Tell the store's failures from those of the source that is read at the same time."""
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        full = code_of(error) in NO_ROOM or status == NO_ROOM_STATUS
        raise (ArtifactStoreFull if full else ArtifactStoreUnavailable)(str(error)) from error
    except (BotoCoreError, OSError) as error:
        raise ArtifactStoreUnavailable(str(error)) from error

"""What every part of the S3 driver stands on: one place, its keys, its client, its refusals."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from stores.drivers.base import Entry
from stores.drivers.s3_clients import client_for
from stores.drivers.s3_errors import refusal
from stores.drivers.s3_place import S3Place
from stores.errors import SourceRefused
from stores.paths import INCOMING, MAX_KEY_BYTES, as_prefix, check_key, check_prefix, is_scratch, shown

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Access:
    """Keys of the console lie below the prefix of the place; nothing else of the bucket is seen or touched."""

    def __init__(self, place: S3Place) -> None:
        self._place = place
        self._root = check_prefix(as_prefix(place.prefix.removeprefix("/")))

    @property
    def _client(self) -> "S3Client":
        return client_for(self._place)

    def _path(self, key: str) -> str:
        return shown(f"/{self._place.name}/{key}")

    def _check_object(self, key: str) -> str:
        """The whole key of what may name an object; scratch keys may, the rest of the temporary area may not."""
        check_key(key)
        if not is_scratch(key):
            self._check_shown(key)
        return self._whole(key)

    def _check_shown(self, key: str) -> str:
        if key.split("/", 1)[0] == INCOMING:
            raise SourceRefused("source.unsafe_name", path=self._path(key))
        return key

    def _whole(self, key: str) -> str:
        whole = self._root + key
        if len(whole.encode()) > MAX_KEY_BYTES:
            raise refusal("source.name_too_long", self._place, key)
        return whole

    def _refusal(self, code: str, key: str) -> SourceRefused:
        return refusal(code, self._place, key)


def entry_of(key: str, size: int, modified: datetime, etag: str, refused: str = "") -> Entry:
    """An entry whose fingerprint is its tag and size: what the storage shows again for the same bytes."""
    tag = etag.strip('"')
    return Entry(key, size, modified, tag, refused, f"{tag}-{size}" if tag else "")


def answered_at(answer: Mapping[str, Any]) -> datetime:
    """When the server answered, by its own clock."""
    try:
        return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    except (KeyError, ValueError):
        return datetime.now(UTC).replace(microsecond=0)

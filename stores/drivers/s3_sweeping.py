"""Tidies the temporary area of a bucket on object storage, which no lifecycle rule of ours does."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from stores.drivers.s3_access import answered_at
from stores.drivers.s3_errors import refusals
from stores.drivers.s3_listing import S3Listing
from stores.paths import INCOMING, is_scratch

# An object may be that long on its way: its age counts from its first byte, not from the last one.
_KEPT = timedelta(days=7)


class S3Sweeper(S3Listing):
    """Only scratch keys are touched: what grows under other keys may be somebody else's."""

    def sweep(self) -> None:
        prefix = self._whole(f"{INCOMING}/")
        for answer in self._answers(prefix):
            for found in answer.get("Contents", []):
                if self._is_left(found["Key"], found["LastModified"], answer):
                    with refusals(self._place):
                        self._client.delete_object(Bucket=self._place.bucket, Key=found["Key"])
        with refusals(self._place):
            self._sweep_uploads(prefix)

    def _sweep_uploads(self, prefix: str) -> None:
        answer = self._client.list_multipart_uploads(Bucket=self._place.bucket, Prefix=prefix)
        for found in answer.get("Uploads", []):
            if self._is_left(found["Key"], found["Initiated"], answer):
                self._client.abort_multipart_upload(
                    Bucket=self._place.bucket, Key=found["Key"], UploadId=found["UploadId"]
                )

    def _is_left(self, whole: str, since: datetime, answer: Mapping[str, Any]) -> bool:
        """Whether something under this key is old, by the clock of the server."""
        return is_scratch(self._own(whole)) and answered_at(answer) - since > _KEPT

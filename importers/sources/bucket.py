"""A folder of a bucket, as the sources that keep their files in one read it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from accounts.models import Workspace
from importers.package.check import FileEntry
from importers.sources.base import CHUNK, NOTHING_ELSE, About, Origin
from stores.drivers.base import LINK, Driver, Entry
from stores.errors import SourceRefused
from stores.models import Bucket
from stores.paths import as_prefix, name_of
from stores.services import driver_for, resolve

# Refusals of a listed object that the package checks report themselves, from its path and kind.
CHECKED = {LINK, "source.unsafe_name", "source.name_too_long"}


@dataclass(frozen=True)
class BucketFolder:
    """One prefix of a bucket. It remembers each object it listed, so that a later read gets that very one."""

    driver: Driver
    bucket: Bucket
    prefix: str
    listed: dict[str, Entry] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return name_of(self.prefix)

    @property
    def about(self) -> About:
        return NOTHING_ELSE

    def files(self) -> Iterator[FileEntry]:
        self.listed.clear()
        for entry in self.driver.walk(self.prefix):
            if entry.refusal and entry.refusal not in CHECKED:
                raise SourceRefused(entry.refusal, path=f"/{self.bucket.name}/{entry.key}")
            path = entry.key.removeprefix(self.prefix)
            self.listed[path] = entry
            yield FileEntry(path, entry.size, entry.modified, entry.etag, link=entry.refusal == LINK)
        if not self.listed:
            raise SourceRefused("source.empty", path=f"/{self.bucket.name}/{self.prefix}")

    def read(self, path: str, size: int) -> bytes:
        entry = self.listed[path]
        with self.driver.open(entry.key, length=min(size, entry.size), expected=entry) as stream:
            return stream.read(size)

    def chunks(self, path: str) -> Iterator[bytes]:
        entry = self.listed[path]
        with self.driver.open(entry.key, expected=entry) as stream:
            while chunk := stream.read(CHUNK):
                yield chunk

    def origin(self, path: str) -> Origin | None:
        entry, bucket = self.listed[path], self.bucket
        if not entry.fingerprint:
            return None
        place = "|".join((bucket.endpoint, bucket.remote_name, bucket.prefix))
        return Origin(bucket.pk, place, entry.key, entry.fingerprint)


def folder_at(workspace: Workspace, path: str) -> BucketFolder:
    """The folder that people write as `/bucket/prefix/`, `obs://bucket/prefix/` or `s3://bucket/prefix/`."""
    bucket, key = resolve(workspace, path)
    return BucketFolder(driver_for(bucket), bucket, as_prefix(key))

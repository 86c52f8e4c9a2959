"""Where the artifacts of a tracking server lie among the buckets of a workspace."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from django.conf import settings

from accounts.models import Workspace
from importers.package.mlmodel import LARGEST_MLMODEL, MLMODEL
from stores.errors import SourceRefused, SourceUnavailable
from stores.models import Bucket
from stores.paths import as_prefix, parse_location, shown
from stores.services import driver_for

_S3 = ("s3", "s3a", "s3n", "obs")
_PROXIED = "mlflow-artifacts"


class ArtifactPlaces:
    """Finds the folders that artifact addresses name; remembers for its own life which buckets do not answer.

    `root` is where the artifacts lie that the server hands out itself, empty when nobody said.
    """

    def __init__(self, workspace: Workspace, root: str) -> None:
        self.root = root
        self.buckets = list(Bucket.objects.filter(workspace=workspace))
        self.silent: dict[int, SourceUnavailable] = {}

    def find(self, address: str) -> tuple[str, bytes]:
        """The folder as a storage path, and its MLmodel file; raises SourceRefused or SourceUnavailable."""
        refusal: SourceRefused | None = None
        for bucket, prefix in self._candidates(address):
            try:
                parse_location(f"/{bucket.name}/{prefix}")
                return f"/{bucket.name}/{prefix}", self._mlmodel(bucket, prefix)
            except SourceRefused as error:
                refusal = error
        raise refusal or SourceRefused("mlflow.skip_no_bucket", place=shown(_place(address)))

    def reaches(self, address: str) -> str:
        """The storage path under which an address would be looked for, without asking; raises SourceRefused."""
        bucket, prefix = next(self._candidates(address), (None, ""))
        if bucket is None:
            raise SourceRefused("mlflow.skip_no_bucket", place=shown(_place(address)))
        return f"/{bucket.name}/{prefix}"

    def _candidates(self, address: str) -> Iterator[tuple[Bucket, str]]:
        scheme, _colon, rest = address.partition(":")
        if address.startswith("/") or scheme == "file":
            return self._in_folders(address)
        if scheme in _S3:
            return self._in_object_storage(rest)
        if scheme == _PROXIED:
            return self._in_root(address)
        raise SourceRefused("mlflow.skip_scheme", scheme=shown(scheme if _colon else address)[:40])

    def _in_object_storage(self, rest: str) -> Iterator[tuple[Bucket, str]]:
        """The bucket with the longest prefix first; several may have one of the same name at different endpoints."""
        name, _slash, key = rest.removeprefix("//").partition("/")
        there = [bucket for bucket in self.buckets if bucket.remote and bucket.remote_name == name]
        for bucket in sorted(there, key=lambda each: (-len(each.prefix), each.name)):
            if as_prefix(key).startswith(bucket.prefix):
                yield bucket, as_prefix(key)[len(bucket.prefix) :]

    def _in_folders(self, address: str) -> Iterator[tuple[Bucket, str]]:
        path = PurePosixPath(unquote(_path_of(address)) if address.startswith("file:") else address)
        for bucket in self.buckets:
            for root in {settings.BUCKETS_ROOT, Path(settings.BUCKETS_ROOT).resolve()}:
                folder = PurePosixPath(root) / bucket.name
                if not bucket.remote and ".." not in path.parts and path.is_relative_to(folder):
                    inside = str(path.relative_to(folder))
                    yield bucket, "" if inside == "." else as_prefix(inside)

    def _in_root(self, address: str) -> Iterator[tuple[Bucket, str]]:
        if not self.root:
            raise SourceRefused("mlflow.skip_proxied")
        root = parse_location(self.root).folder
        path = PurePosixPath(_path_of(address))
        if ".." in path.parts:
            raise SourceRefused("source.unsafe_name", path=shown(str(path)))
        inside = str(path).strip("/")
        for bucket in self.buckets:
            if bucket.name == root.bucket:
                yield bucket, root.key + (as_prefix(inside) if inside not in ("", ".") else "")

    def _mlmodel(self, bucket: Bucket, prefix: str) -> bytes:
        if bucket.pk in self.silent:
            raise self.silent[bucket.pk]
        try:
            with driver_for(bucket).open(prefix + MLMODEL, length=LARGEST_MLMODEL + 1) as stream:
                return stream.read(LARGEST_MLMODEL + 1)
        except SourceUnavailable as error:
            self.silent[bucket.pk] = error
            raise


def _path_of(address: str) -> str:
    """The path of an address; raises SourceRefused for what is none."""
    try:
        return urlsplit(address).path
    except ValueError as error:
        raise SourceRefused("source.path_malformed", path=shown(address)) from error


def _place(address: str) -> str:
    """The part of an address that a bucket would have to be at."""
    scheme, colon, rest = address.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}" if colon and scheme in _S3 else address

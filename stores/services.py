"""Commands on buckets and on what lies in them."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.timezone import now

from accounts.models import User, Workspace
from accounts.secrets import SecretUnreadable, unseal
from accounts.services import record_audit
from stores.drivers.base import LINK, SPECIAL_FILE, BucketDriver
from stores.drivers.folder import FolderDriver
from stores.drivers.s3 import S3Driver, S3Place
from stores.errors import SourceRefused
from stores.models import Bucket, UploadState
from stores.paths import is_bucket_name, parse_location, shown

COUNTED = 10_000
# An upload that nobody went on with for so long does not keep its bucket.
_QUIET = timedelta(minutes=5)


@dataclass(frozen=True)
class Tally:
    """How much lies below a folder; `more` when counting stopped early."""

    files: int
    bytes: int
    more: bool = False


def driver_for(bucket: Bucket) -> BucketDriver:
    """What reads and writes the bucket; raises SourceRefused where its credentials cannot be decrypted any more."""
    return S3Driver(_place_of(bucket)) if bucket.driver == Bucket.Driver.S3 else _folder(bucket)


def _place_of(bucket: Bucket) -> S3Place:
    try:
        keys = unseal(bucket.credentials) if bucket.credentials else {}
    except SecretUnreadable as error:
        raise SourceRefused("bucket.secret_unreadable", bucket=bucket.name) from error
    return S3Place(
        endpoint=bucket.endpoint,
        bucket=bucket.remote_name or bucket.name,
        name=bucket.name,
        prefix=bucket.prefix,
        region=bucket.region,
        virtual=bucket.addressing == Bucket.Addressing.VIRTUAL,
        access_key=keys.get("access_key", ""),
        secret_key=keys.get("secret_key", ""),
        session_token=keys.get("session_token", ""),
    )


def _folder(bucket: Bucket) -> FolderDriver:
    return FolderDriver(settings.BUCKETS_ROOT, bucket.name)


def resolve(workspace: Workspace, text: str) -> tuple[Bucket, str]:
    """The bucket and key a path names in a workspace; raises SourceRefused. Says nothing of whether the key exists."""
    location = parse_location(text)
    bucket = Bucket.objects.filter(workspace=workspace, name=location.bucket).first()
    if bucket is None:
        raise SourceRefused("source.bucket_missing", bucket=location.bucket)
    return bucket, location.key


def create_bucket(workspace: Workspace, name: str, *, by: User, adopt: bool = False) -> Bucket:
    """Add a folder bucket and make its folder; `adopt` takes one with files in it, which only operators may."""
    if not is_bucket_name(name):
        raise SourceRefused("bucket.name_invalid", bucket=shown(name))
    try:
        with transaction.atomic():
            bucket = Bucket.objects.create(workspace=workspace, name=name)
            _folder(bucket).create(adopt=adopt)
            record_audit(workspace, "bucket.created", by=by, bucket=name)
    except IntegrityError as error:
        raise SourceRefused("bucket.name_taken", bucket=name) from error
    return bucket


def delete_bucket(bucket: Bucket, *, by: User) -> None:
    """Remove a bucket: a folder goes with it and must be empty; object storage is only forgotten, with its keys."""
    if bucket.remote:
        check_quiet(bucket)
    else:
        _folder(bucket).remove()
    with transaction.atomic():
        Bucket.objects.filter(pk=bucket.pk).delete()
        record_audit(bucket.workspace, "bucket.deleted", by=by, bucket=bucket.name)


def check_quiet(bucket: Bucket) -> None:
    """Refuse a bucket into which somebody uploads: its parts would stay at the storage, unseen."""
    receiving = Q(state=UploadState.RECEIVING, touched_at__gt=now() - _QUIET)
    unpacking = Q(state=UploadState.UNPACKING) & (Q(lease_until__gt=now()) | Q(touched_at__gt=now() - _QUIET))
    if bucket.uploads.filter(receiving | unpacking).exists():
        raise SourceRefused("bucket.uploading", bucket=bucket.name)


def delete_object(bucket: Bucket, key: str, *, by: User) -> None:
    driver_for(bucket).delete(key)
    record_audit(bucket.workspace, "storage.deleted", by=by, path=f"/{bucket.name}/{key}", files=1)


def delete_folder(bucket: Bucket, prefix: str, *, by: User) -> Tally:
    """Remove everything below `prefix`; answers how much that was."""
    tally = count_folder(bucket, prefix)
    driver_for(bucket).delete_folder(prefix)
    record_audit(bucket.workspace, "storage.deleted", by=by, path=f"/{bucket.name}/{prefix}", files=tally.files)
    return tally


def count_object(bucket: Bucket, key: str) -> Tally:
    """One object; also a link or a special file, which can be deleted though never opened."""
    try:
        return Tally(1, driver_for(bucket).stat(key).size)
    except SourceRefused as refusal:
        if refusal.code not in (LINK, SPECIAL_FILE):
            raise
        return Tally(1, 0)


def count_folder(bucket: Bucket, prefix: str) -> Tally:
    """Objects and bytes below `prefix`, counted up to a limit so that a page never waits long."""
    entries = list(islice(driver_for(bucket).walk(prefix), COUNTED + 1))
    counted = entries[:COUNTED]
    return Tally(len(counted), sum(entry.size for entry in counted), more=len(entries) > COUNTED)

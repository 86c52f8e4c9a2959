"""Commands on buckets at object storage: trying a place, connecting one, changing how it is reached."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

from django.db import IntegrityError, transaction

from accounts.models import User, Workspace
from accounts.secrets import SecretUnreadable, seal, unseal
from accounts.services import record_audit
from stores.drivers.base import Driver, Entry
from stores.drivers.s3 import S3Driver, S3Place
from stores.drivers.s3_clients import region_of
from stores.errors import SourceRefused, SourceUnavailable
from stores.models import Bucket
from stores.paths import is_bucket_name, scratch_key, shown

SECRETS = ("access_key", "secret_key", "session_token")
PROBE = b"Modelport tried whether it may write here."
_HINT = 4
# The end of a short key would give too much of it away.
_HINTED_FROM = 12

# True when it may be done, the reason when not, None when it was not tried.
Verdict = SourceRefused | SourceUnavailable | Literal[True] | None


@dataclass(frozen=True)
class Seen:
    """What trying a place found out."""

    region: str
    read: Verdict = None
    write: Verdict = None


def probe_place(place: S3Place, *, write: bool) -> Seen:
    """Ask a place whether it is there, may be listed, read and (`write`) written; raises why it cannot be used.

    What is written is a scratch object that is deleted at once. Nothing is stored in the database.
    """
    driver = S3Driver(place)
    driver.check()
    first = next(driver.walk(""), None)
    return Seen(region_of(place), _try_reading(driver, first), _try_writing(driver, place) if write else None)


def found_place(place: S3Place, seen: Seen) -> S3Place:
    """The place with the region its endpoint told, where none was typed."""
    return replace(place, region=place.region or seen.region)


def _try_reading(driver: Driver, entry: Entry | None) -> Verdict:
    if entry is None or entry.refusal:
        return None
    try:
        with driver.open(entry.key, length=1) as stream:
            stream.read(1)
    except (SourceRefused, SourceUnavailable) as error:
        return error
    return True


def _try_writing(driver: Driver, place: S3Place) -> Verdict:
    """A refusal names the bucket: nobody knows the scratch object that was tried."""
    key = scratch_key()
    try:
        driver.write(key, [PROBE])
    except SourceRefused as refused:
        code = "bucket.not_writable" if refused.code == "source.forbidden" else refused.code
        return SourceRefused(code, **refused.params | {"path": f"/{place.name}/"})
    except SourceUnavailable as error:
        return error
    with suppress(SourceRefused, SourceUnavailable):
        driver.delete(key)
    return True


def connect_bucket(workspace: Workspace, place: S3Place, *, by: User | None) -> Bucket:
    """Add a bucket that lies at object storage, under the name `place.name`; does not ask the storage itself."""
    if not is_bucket_name(place.name):
        raise SourceRefused("bucket.name_invalid", bucket=shown(place.name))
    values = {"driver": Bucket.Driver.S3, **_columns(place), **_sealed(place)}
    try:
        with transaction.atomic():
            bucket = Bucket.objects.create(workspace=workspace, name=place.name, **values)
            record_audit(workspace, "bucket.connected", by=by, bucket=bucket.name, **_told(place))
    except IntegrityError as error:
        raise SourceRefused("bucket.name_taken", bucket=place.name) from error
    return bucket


@transaction.atomic
def edit_bucket(bucket: Bucket, place: S3Place, *, by: User) -> None:
    """Reach a bucket at another place or with other credentials; its name stays."""
    values = {**_columns(place), **_sealed(place)}
    changed = [name for name, value in values.items() if name != "credentials" and value != getattr(bucket, name)]
    for name, value in values.items():
        setattr(bucket, name, value)
    bucket.save(update_fields=[*values])
    record_audit(bucket.workspace, "bucket.edited", by=by, bucket=bucket.name, changed=changed, **_told(place))


def with_saved_credentials(bucket: Bucket, place: S3Place) -> S3Place:
    """The place with the credentials the bucket has, which only ever go where they were given for.

    Another endpoint or another bucket there is refused: whoever sits at a stolen session could otherwise send saved
    keys to a host of their own.
    """
    if bucket.credentials and (place.endpoint, place.bucket) != (bucket.endpoint, bucket.remote_name):
        raise SourceRefused("bucket.credentials_needed")
    return replace(place, **_opened(bucket))


def _opened(bucket: Bucket) -> dict[str, Any]:
    if not bucket.credentials:
        return {}
    try:
        values = unseal(bucket.credentials)
    except SecretUnreadable as error:
        raise SourceRefused("bucket.secret_unreadable", bucket=bucket.name) from error
    return {name: values.get(name, "") for name in SECRETS}


def _columns(place: S3Place) -> dict[str, str]:
    return {
        "endpoint": place.endpoint,
        "remote_name": place.bucket,
        "prefix": place.prefix,
        "region": place.region,
        "addressing": Bucket.Addressing.VIRTUAL if place.virtual else Bucket.Addressing.PATH,
    }


def _sealed(place: S3Place) -> dict[str, str]:
    if not place.access_key:
        return {"credentials": "", "access_key_hint": ""}
    hint = place.access_key[-_HINT:] if len(place.access_key) >= _HINTED_FROM else ""
    return {"credentials": seal({name: getattr(place, name) for name in SECRETS}), "access_key_hint": hint}


def _told(place: S3Place) -> Mapping[str, Any]:
    """What the audit trail keeps of a place: never its credentials."""
    return {"endpoint": place.endpoint, "remote_name": place.bucket, "prefix": place.prefix}

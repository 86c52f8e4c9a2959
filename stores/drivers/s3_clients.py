"""Clients of object storage: made once for each place, in the region its bucket is in, and for no other host."""

import hashlib
import os
import threading
import time
from base64 import b64encode
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import botocore.session
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.handlers import parse_get_bucket_location
from django.conf import settings

from stores.drivers.s3_connections import POOLS
from stores.drivers.s3_errors import (
    DEFAULT_REGION,
    NOT_XML,
    OTHER_REGION,
    is_web_page,
    refusal,
    refusals,
    region_in,
    speaks_s3,
    status_of,
)
from stores.drivers.s3_place import S3Place, check_place, is_region
from stores.errors import SourceRefused, SourceUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_OLD_NAMES = {"EU": "eu-west-1", "US": "us-east-1"}
# How what is no object storage answers, without a code of S3.
_NOT_S3 = {400, 404, 405, 501}
_REGION_SECONDS = 300
_KEPT = 128

_lock = threading.Lock()
_told: dict[tuple[S3Place, int], tuple[float, str]] = {}


def client_for(place: S3Place, *, afresh: bool = False) -> "S3Client":
    """A client that signs for the region the endpoint names, else for the typed one; `afresh` asks the endpoint anew.

    Raises SourceRefused when the endpoint is not allowed or names another region than the typed one.
    """
    check_place(place)
    told = _told_region(place, afresh)
    if told and place.region and told != place.region:
        raise refusal(OTHER_REGION, place, region=told, expected=place.region)
    return _client(place, told or place.region)


def region_of(place: S3Place) -> str:
    """The region of a place as its endpoint tells it, else as it was typed; empty when neither is known."""
    return _told_region(place, afresh=False) or place.region


def _told_region(place: S3Place, afresh: bool) -> str:
    """What the endpoint said within the last minutes."""
    known = _told.get((place, os.getpid()))
    if known and not afresh and known[0] > time.monotonic():
        return known[1]
    region = _ask_region(_client(place, place.region), place)
    with _lock:
        if len(_told) >= _KEPT:
            _told.clear()
        _told[place, os.getpid()] = (time.monotonic() + _REGION_SECONDS, region)
    return region


def _ask_region(client: "S3Client", place: S3Place) -> str:
    """The region of the bucket as its endpoint tells it; empty when it tells none."""
    try:
        with refusals(place):
            location = str(client.get_bucket_location(Bucket=place.bucket).get("LocationConstraint") or "")
    except (SourceRefused, SourceUnavailable) as failure:
        location = _region_despite(failure, place)
    region = _OLD_NAMES.get(location, location) or _region_in_header(client, place)
    return region if is_region(region) else ""


def _region_despite(failure: SourceRefused | SourceUnavailable, place: S3Place) -> str:
    """The region an error names; empty where asking was only forbidden or unknown to the server."""
    error = failure.__cause__
    if isinstance(error, NOT_XML) or (isinstance(error, ClientError) and is_web_page(error)):
        raise refusal("source.endpoint_unknown", place) from error
    if not isinstance(error, ClientError) or isinstance(failure, SourceUnavailable):
        raise failure
    if status_of(error) in _NOT_S3 and not speaks_s3(error):
        raise refusal("source.endpoint_unknown", place) from error
    if region := region_in(error):
        return region
    if failure.code not in ("source.forbidden", "source.rejected"):
        raise failure
    return ""


def _region_in_header(client: "S3Client", place: S3Place) -> str:
    with refusals(place):
        try:
            answer = client.head_bucket(Bucket=place.bucket)
        except ClientError as error:
            if status_of(error) == 404 or status_of(error) >= 500:
                raise
            return region_in(error)
    return str(answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", ""))


def _client(place: S3Place, region: str) -> "S3Client":
    keys = (place.access_key, place.secret_key, place.session_token)
    limits = (settings.S3_CONNECT_SECONDS, settings.S3_READ_SECONDS, settings.S3_ATTEMPTS)
    with _lock:
        return _made(place.endpoint, region or DEFAULT_REGION, place.virtual, keys, limits, os.getpid())


@lru_cache(maxsize=_KEPT)
def _made(
    endpoint: str,
    region: str,
    virtual: bool,
    keys: tuple[str, str, str],
    limits: tuple[float, float, int],
    process: int,
) -> "S3Client":
    """Connections are not shared between processes, so each makes its own."""
    access_key, secret_key, token = keys
    client: Any = _session(process).create_client(
        "s3",
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=access_key or None,
        aws_secret_access_key=secret_key or None,
        aws_session_token=token or None,
        config=_config(bool(access_key), virtual, limits),
    )
    client.meta.events.register_last("before-parameter-build.s3", _stay)
    client.meta.events.register("before-call.s3.DeleteObjects", _add_md5)
    client.meta.events.unregister("after-call.s3.GetBucketLocation", parse_get_bucket_location)
    client.meta.events.register("after-call.s3.GetBucketLocation", _read_location)
    # botocore offers no other way to look at a connection before anything is sent over it.
    client._endpoint.http_session._manager.pool_classes_by_scheme = POOLS
    return cast("S3Client", client)


@lru_cache(maxsize=1)
def _session(process: int) -> botocore.session.Session:
    return botocore.session.Session()


def _config(signed: bool, virtual: bool, limits: tuple[float, float, int]) -> Config:
    """Checksums that only some servers know are sent where required; ours (Content-MD5) all of them know."""
    connect, read, attempts = limits
    return Config(
        signature_version="s3v4" if signed else UNSIGNED,
        s3={"addressing_style": "virtual" if virtual else "path"},
        connect_timeout=connect,
        read_timeout=read,
        retries={"mode": "standard", "total_max_attempts": attempts},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        max_pool_connections=32,
        proxies={},
        tcp_keepalive=True,
    )


def _stay(context: dict[str, Any], **_: Any) -> None:
    """Follow no server to another region: a bucket that is elsewhere is refused."""
    context.setdefault("s3_redirect", {})["redirected"] = True


def _read_location(parsed: dict[str, Any], http_response: AWSResponse, **_: Any) -> None:
    """As botocore does, which would read a refusal too, and stumble over one that is not XML."""
    if http_response.status_code < 300:
        parse_get_bucket_location(parsed, http_response)


def _add_md5(params: dict[str, Any], **_: Any) -> None:
    """Many servers ask for it where botocore sends only a newer checksum."""
    digest = hashlib.md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = b64encode(digest).decode()

"""What object storage answers when it cannot, in our words: by its codes, its status and the kind of exception."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree.ElementTree import ParseError

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ParamValidationError,
    ReadTimeoutError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from stores.drivers.s3_place import S3Place
from stores.errors import SourceRefused, SourceUnavailable
from stores.paths import MAX_KEY_BYTES, shown

NOT_XML = (ResponseParserError, ParseError)
# What botocore, and looking at its answers, stumbles over: dates and numbers that are none, values that are missing.
_NO_ANSWER = (ValueError, TypeError, KeyError)
Failure = SourceRefused | SourceUnavailable

DEFAULT_REGION = "us-east-1"
OTHER_REGION = "source.other_region"
_CODES = {
    "NoSuchBucket": "source.bucket_unknown",
    "NoSuchKey": "source.missing",
    "NoSuchVersion": "source.missing",
    "AccessDenied": "source.forbidden",
    "AllAccessDisabled": "source.forbidden",
    "InvalidAccessKeyId": "source.credentials",
    "SignatureDoesNotMatch": "source.credentials",
    "InvalidToken": "source.credentials",
    "AuthFailure": "source.credentials",
    "ExpiredToken": "source.expired",
    "ExpiredTokenException": "source.expired",
    "TokenRefreshRequired": "source.expired",
    "RequestTimeTooSkewed": "source.clock_skew",
    "AuthorizationHeaderMalformed": OTHER_REGION,
    "AuthorizationQueryParametersError": OTHER_REGION,
    "PermanentRedirect": OTHER_REGION,
    "TemporaryRedirect": OTHER_REGION,
    "Redirect": OTHER_REGION,
    "IllegalLocationConstraintException": OTHER_REGION,
    "PreconditionFailed": "source.object_changed",
    "ConditionalRequestConflict": "source.object_changed",
    "InvalidObjectState": "source.archived",
    "KeyTooLongError": "source.name_too_long",
    "InvalidBucketName": "bucket.name_invalid",
    "KMSInvalidStateException": "source.encrypted",
    "NoSuchUpload": "upload.gone",
    "InvalidPart": "upload.gone",
    "InvalidPartOrder": "upload.gone",
}
_STATUS = {
    301: OTHER_REGION,
    307: OTHER_REGION,
    308: OTHER_REGION,
    401: "source.credentials",
    403: "source.forbidden",
    404: "source.missing",
    410: "source.missing",
    412: "source.object_changed",
}
_PASSING = {
    "BadDigest",
    "IncompleteBody",
    "OperationAborted",
    "RequestTimeout",
    "SlowDown",
    "TooManyRequests",
    "XAmzContentSHA256Mismatch",
}
_PASSING_STATUS = {408, 425, 429}
_FULL = {"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "InsufficientCapacity"}


@contextmanager
def refusals(place: S3Place, key: str = "", *, answers: bool = True) -> Iterator[None]:
    """Turn what the storage answers about an object, or about its bucket when there is no key, into our exceptions.

    Without `answers` only what kept it from answering; a ClientError passes.
    """
    try:
        yield
    except ParamValidationError:
        raise
    except (BotoCoreError, ClientError) as error:
        if isinstance(error, ClientError) and not answers:
            raise
        raise failure_of(error, place, key) from error
    except NOT_XML as error:
        raise SourceUnavailable("an answer that is not XML") from error
    except _NO_ANSWER as error:
        raise SourceUnavailable("an answer that lacks what it must say") from error


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def speaks_s3(error: ClientError) -> bool:
    """Whether the answer had a code of its own; without one all that is known is the status."""
    return code_of(error).isidentifier() or "." in code_of(error)


def is_web_page(error: ClientError) -> bool:
    """Whether the server answered with a page for people; botocore takes one that is no XML for a 500."""
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return status_of(error) == 500 and headers.get("content-type", "").startswith("text/html")


def region_in(error: ClientError) -> str:
    """The region an error names as the right one; empty when it names none."""
    details: dict[str, Any] = dict(error.response.get("Error", {}))
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(details.get("Region") or headers.get("x-amz-bucket-region") or "")


def failure_of(error: BotoCoreError | ClientError, place: S3Place, key: str = "") -> Failure:
    if isinstance(error, ClientError):
        return _answered(error, place, key)
    inner = error.kwargs.get("error")
    if isinstance(inner, SourceRefused):
        return inner
    if isinstance(error, SSLError):
        distrusted = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(inner))
        plain = shown(place.endpoint.replace("https://", "http://", 1))
        return refusal("source.endpoint_unknown" if distrusted else "source.no_tls", place, key, plain=plain)
    if isinstance(error, EndpointConnectionError):
        return _unconnected(inner, place, key)
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError):
        return _unavailable("source.timed_out", error, place)
    return SourceUnavailable(type(error).__name__)


def refusal(code: str, place: S3Place, key: str = "", **params: str) -> SourceRefused:
    """A refusal with everything its sentence may name."""
    return SourceRefused(
        code,
        path=shown(f"/{place.name}/{key}"),
        bucket=place.name,
        remote=shown(place.bucket),
        endpoint=shown(place.endpoint),
        limit=MAX_KEY_BYTES,
        **params,
    )


def _answered(error: ClientError, place: S3Place, key: str) -> Failure:
    code, status = code_of(error), status_of(error)
    if code in _FULL or status == 507:
        return SourceUnavailable(code, code="source.no_space")
    if code in _PASSING or status in _PASSING_STATUS or (status >= 500 and status != 501):
        return SourceUnavailable(code)
    ours = _CODES.get(code) or ("source.encrypted" if code.startswith("KMS.") else _STATUS.get(status))
    if ours == "source.missing" and not key:
        ours = "source.bucket_unknown"
    if ours == OTHER_REGION:
        return refusal(ours, place, key, region=region_in(error) or "?", expected=place.region or DEFAULT_REGION)
    return refusal(ours or "source.rejected", place, key, reason=shown(code or str(status)))


def _unconnected(error: BaseException | None, place: S3Place, key: str) -> Failure:
    """A host whose name no server knows is none; a server of names that does not answer now may know it later."""
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN:
            return refusal("source.endpoint_unknown", place, key)
        if isinstance(cause, ConnectionRefusedError):
            return _unavailable("source.connection_refused", cause, place)
    return _unavailable("source.unreachable", error, place)


def _unavailable(code: str, error: BaseException | None, place: S3Place) -> SourceUnavailable:
    return SourceUnavailable(type(error).__name__, code=code, endpoint=shown(place.endpoint))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and what led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

"""Asking a tracking server: one address, no other host, answers of bounded size within bounded time."""

import ipaddress
import json
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3
from django.conf import settings
from urllib3 import exceptions as failures
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from stores.drivers.s3_place import is_refused_address
from stores.errors import SourceRefused, SourceUnavailable
from stores.paths import shown

_ADDRESS = re.compile(r"https?://(?:[a-z0-9][a-z0-9._-]*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]+)*", re.I)
_PIECE = 64 * 1024
# An answer may take that many times what the server has to begin with it.
_PATIENCE = 4
_PASSING = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Place:
    """A tracking server and who asks: with a name and a password, or with a token, or as anybody."""

    address: str
    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @property
    def origin(self) -> tuple[str, str]:
        """Scheme, host and port: whoever else is there must not get what was meant for this one."""
        parts = urlsplit(self.address.lower())
        return parts.scheme, parts.netloc


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    data: bytes

    def value(self) -> Any:
        """What the JSON says; None for what is none."""
        try:
            return json.loads(self.data) if self.kind == "application/json" else None
        except (ValueError, RecursionError):
            return None


def check_address(address: str) -> str:
    """The address without a slash at its end; raises SourceRefused for what is none or is not allowed."""
    bare = address.rstrip("/")
    host = _host_of(bare)
    if not host:
        raise SourceRefused("mlflow.address_malformed", address=shown(address))
    if not _is_allowed(host) or is_refused_address(host):
        raise SourceRefused("mlflow.address_refused", address=shown(address))
    return bare


def ask(place: Place, method: str, path: str, said: Mapping[str, Any]) -> Answer:
    """One request; `said` is the query of a GET and the body of a POST.

    Raises SourceRefused for what cannot succeed as it is (no such host, no access) and SourceUnavailable for what may
    later. Answers that say something of the path itself (404 and other refusals) are given back.
    """
    address = check_address(place.address)
    query = f"?{urlencode(said)}" if method == "GET" and said else ""
    body = None if method == "GET" else json.dumps(said).encode()
    try:
        with _manager() as manager:
            response = manager.request(
                method,
                f"{address}{path}{query}",
                body=body,
                headers=_headers(place),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            answer = Answer(response.status, _kind(response), _whole(response, address))
    except (failures.HTTPError, OSError) as error:
        raise _failure(error, address) from error
    return _checked(answer, address)


def _headers(place: Place) -> dict[str, str]:
    headers = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "Modelport"}
    if place.token:
        return headers | {"Authorization": f"Bearer {place.token}"}
    if place.username:
        named = b64encode(f"{place.username}:{place.password}".encode()).decode()
        return headers | {"Authorization": f"Basic {named}"}
    return headers


def _kind(response: urllib3.BaseHTTPResponse) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _whole(response: urllib3.BaseHTTPResponse, address: str) -> bytes:
    until = monotonic() + _PATIENCE * settings.MLFLOW_READ_SECONDS
    found = bytearray()
    while piece := response.read1(_PIECE, decode_content=True):
        found += piece
        if len(found) > settings.MLFLOW_MAX_BYTES:
            response.close()
            raise SourceRefused("mlflow.too_large", address=shown(address), limit=settings.MLFLOW_MAX_BYTES // 1024**2)
        if monotonic() > until:
            response.close()
            raise SourceUnavailable("an answer without end", code="mlflow.timed_out", address=shown(address))
    return bytes(found)


def _checked(answer: Answer, address: str) -> Answer:
    where = shown(address)
    if answer.status == 401:
        raise SourceRefused("mlflow.not_authorised", address=where)
    if answer.status == 403:
        raise SourceRefused("mlflow.forbidden", address=where)
    if 300 <= answer.status < 400:
        raise SourceRefused("mlflow.redirected", address=where)
    if answer.status in _PASSING:
        raise SourceUnavailable(str(answer.status), code="mlflow.failing", address=where, status=answer.status)
    return answer


def _failure(error: Exception, address: str) -> SourceRefused | SourceUnavailable:
    where = shown(address)
    for cause in _causes(error):
        if isinstance(cause, SourceRefused | SourceUnavailable):
            return cause
        if isinstance(cause, failures.NameResolutionError | socket.gaierror):
            return SourceRefused("mlflow.unknown_host", address=where)
        if isinstance(cause, failures.SSLError | ssl.SSLError):
            distrusted = isinstance(cause.__cause__ or cause, ssl.SSLCertVerificationError)
            return SourceRefused("mlflow.distrusted" if distrusted else "mlflow.no_tls", address=where)
        if isinstance(cause, failures.TimeoutError | TimeoutError) and not isinstance(
            cause, failures.NewConnectionError
        ):
            return SourceUnavailable(type(cause).__name__, code="mlflow.timed_out", address=where)
    return SourceUnavailable(type(error).__name__, code="mlflow.unreachable", address=where)


def _causes(error: BaseException | None) -> list[BaseException]:
    """An exception and what led to it."""
    found: list[BaseException] = []
    while error is not None and len(found) < 10:
        found.append(error)
        inner = error.reason if isinstance(error, failures.MaxRetryError) else None
        error = inner or error.__cause__ or error.__context__
    return found


def _host_of(address: str) -> str:
    """The host of an address, in lower case and without brackets; empty when the text is anything else."""
    if len(address) > 255 or _ADDRESS.fullmatch(address) is None:
        return ""
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "") if parts.port is None or 0 < parts.port < 65_536 else ""
        if "[" in parts.netloc:
            ipaddress.IPv6Address(host)
    except ValueError:
        return ""
    return host


def _is_allowed(host: str) -> bool:
    """As with ALLOWED_HOSTS: a name, or `.example.com` for everything below it. An empty list allows every host."""
    allowed = [word.lower() for word in settings.MLFLOW_HOSTS]
    return not allowed or any(host == word or (word[0] == "." and host.endswith(word)) for word in allowed)


def _guard(connected: socket.socket) -> socket.socket:
    """Refuse a connection to an address that no server may have, whatever name led there."""
    address = connected.getpeername()[0]
    if is_refused_address(address):
        connected.close()
        raise SourceRefused("mlflow.address_refused", address=address)
    return connected


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _guard(super()._new_conn())


class _TLSConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _guard(super()._new_conn())


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


def _manager() -> urllib3.PoolManager:
    limits = urllib3.Timeout(connect=settings.MLFLOW_CONNECT_SECONDS, read=settings.MLFLOW_READ_SECONDS)
    manager = urllib3.PoolManager(timeout=limits)
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
    return manager

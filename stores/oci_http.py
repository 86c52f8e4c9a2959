"""Requests to a registry: none to an address that is refused, no redirect by itself, no answer without end."""

import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import monotonic

import urllib3
from django.conf import settings
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from stores.drivers.s3_place import is_refused_address
from stores.errors import SourceRefused, SourceUnavailable
from stores.oci_place import RegistryPlace, check_url, refusal, trust_of, unavailable
from stores.paths import shown

_PIECE = 64 * 1024
# How many times the patience with silence an answer may take in all.
_PATIENCE = 3
_AGENT = "Modelport"
MIB = 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """What a registry said; names of headers are in lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        """The media type, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class _Refused(Exception):
    """A connection led to an address that no registry may have."""


def _guard(connected: socket.socket) -> socket.socket:
    address = connected.getpeername()[0]
    if is_refused_address(address):
        connected.close()
        raise _Refused(address)
    return connected


class _GuardedConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _guard(super()._new_conn())


class _GuardedTLSConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _guard(super()._new_conn())


class _GuardedPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _GuardedConnection


class _GuardedTLSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _GuardedTLSConnection


class Transport:
    """Asks the hosts of one place; a redirect is an answer like every other."""

    def __init__(self, place: RegistryPlace, seconds: float | None = None) -> None:
        """With `seconds` all its answers together may take no longer."""
        self._place = place
        self._until = None if seconds is None else monotonic() + seconds
        self._manager = urllib3.PoolManager(
            ssl_context=trust_of(place),
            retries=False,
        )
        self._manager.pool_classes_by_scheme = {"http": _GuardedPool, "https": _GuardedTLSPool}

    def get(self, url: str, *, limit: int, accept: str = "application/json", authorization: str = "") -> Answer:
        """The whole answer, at most `limit` bytes of it; raises SourceRefused or SourceUnavailable."""
        check_url(self._place, url)
        headers = {"Accept": accept, "Accept-Encoding": "identity", "User-Agent": _AGENT}
        if authorization:
            headers["Authorization"] = authorization
        try:
            response = self._manager.request(
                "GET",
                url,
                headers=headers,
                redirect=False,
                preload_content=False,
                decode_content=False,
                timeout=self._timeout(),
            )
            try:
                return self._read(url, response, limit)
            finally:
                response.close()
        except (HTTPError, _Refused) as error:
            raise self._failure(error, url) from error

    def _timeout(self) -> urllib3.Timeout:
        left = float("inf") if self._until is None else self._until - monotonic()
        if left <= 0:
            raise unavailable("registry.timed_out", self._place, "too many answers for the time there is")
        connect, read = settings.REGISTRY_CONNECT_SECONDS, settings.REGISTRY_READ_SECONDS
        return urllib3.Timeout(connect=min(connect, left), read=min(read, left))

    def _read(self, url: str, response: urllib3.BaseHTTPResponse, limit: int) -> Answer:
        body, until = bytearray(), monotonic() + _PATIENCE * settings.REGISTRY_READ_SECONDS
        until = min(until, self._until or until)
        while piece := response.read1(_PIECE):
            body += piece
            if len(body) > limit:
                raise refusal("registry.answer_too_large", self._place, limit=f"{limit // MIB} MB")
            if monotonic() > until:
                raise unavailable("registry.timed_out", self._place, "an answer without end")
        headers = {name.lower(): response.headers[name] for name in response.headers}
        announced = headers.get("content-length", "")
        if announced.isdecimal() and len(announced) < 20 and int(announced) > len(body):
            raise unavailable("registry.broke_off", self._place, "a shorter answer than announced")
        return Answer(url, response.status, headers, bytes(body))

    def _failure(self, error: Exception, url: str) -> SourceRefused | SourceUnavailable:
        place = self._place
        if isinstance(error, _Refused):
            return refusal("registry.address_refused", place, host=shown(str(error)))
        if isinstance(error, SSLError):
            distrusted = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))
            return refusal("registry.certificate" if distrusted else "registry.no_tls", place)
        if isinstance(error, NameResolutionError):
            return _unnamed(error, place)
        return unavailable(_passing(error), place, type(error).__name__)


def _unnamed(error: BaseException, place: RegistryPlace) -> SourceRefused | SourceUnavailable:
    """A server of names that does not answer now may know the host later."""
    if any(isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN for cause in _causes(error)):
        return unavailable("registry.unreachable", place, "no answer from the servers of names")
    return refusal("registry.host_unknown", place)


def _passing(error: BaseException) -> str:
    """The code of what may pass by itself."""
    if any(isinstance(cause, ConnectionRefusedError) for cause in _causes(error)):
        return "registry.connection_refused"
    # A refused connection is a timeout by its class, so it is asked for first.
    if isinstance(error, NewConnectionError):
        return "registry.unreachable"
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError):
        return "registry.timed_out"
    return "registry.broke_off" if isinstance(error, ProtocolError) else "registry.unreachable"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and what led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

"""Connections to object storage: none to an address that is refused, and no answer without end."""

import socket
from collections.abc import Iterator
from time import monotonic
from typing import Any

from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool
from django.conf import settings

from stores.drivers.s3_place import is_refused_address
from stores.errors import SourceRefused, SourceUnavailable

# Twice what a listing of a thousand keys can have; answers are read into memory, except the bytes of objects.
_MOST_BYTES = 8 * 1024 * 1024
_PIECE = 64 * 1024
# Some servers send a blank now and then while they make an object of its parts.
_PATIENCE = 10


def _guard(connected: socket.socket) -> socket.socket:
    """Refuse a connection to an address that no endpoint may have, whatever name led there."""
    address = connected.getpeername()[0]
    if is_refused_address(address):
        connected.close()
        raise SourceRefused("source.endpoint_refused", endpoint=address)
    return connected


class _GuardedConnection(AWSHTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _guard(super()._new_conn())


class _GuardedTLSConnection(AWSHTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _guard(super()._new_conn())


def _bounded(response: Any) -> Any:
    """The same answer; reading it whole, as botocore does by `stream`, gives up on one too long or too slow."""

    def stream(*_: Any, **__: Any) -> Iterator[bytes]:
        left, until = _MOST_BYTES, monotonic() + _PATIENCE * settings.S3_READ_SECONDS
        while data := response.read1(_PIECE):
            left -= len(data)
            if left < 0 or monotonic() > until:
                response.close()
                raise SourceUnavailable("an answer without end")
            yield data

    response.stream = stream
    return response


class _GuardedPool(AWSHTTPConnectionPool):
    ConnectionCls = _GuardedConnection

    def urlopen(self, *args: Any, **values: Any) -> Any:
        return _bounded(super().urlopen(*args, **values))


class _GuardedTLSPool(AWSHTTPSConnectionPool):
    ConnectionCls = _GuardedTLSConnection

    def urlopen(self, *args: Any, **values: Any) -> Any:
        return _bounded(super().urlopen(*args, **values))


POOLS = {"http": _GuardedPool, "https": _GuardedTLSPool}

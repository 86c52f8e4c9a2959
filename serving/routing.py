"""What the gateway knows: which services there are, where their instances answer, and whose tokens open them.

It travels from the supervisor to the gateway in a file of two parts: a line with the format's number, a serial number
and the SHA-256 of the rest, and a JSON document. A file that was cut short is therefore known for what it is.
"""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

MARK = "modelport-routes"
FORMAT = 2
Methods = tuple[tuple[str, tuple[str, ...]], ...]


class BrokenSnapshot(Exception):
    """These bytes are no snapshot, not a whole one, or one of another format."""


@dataclass(frozen=True)
class RevisionRoute:
    """A version's share of a service's calls, and the sockets of the instances that answer it now.

    `methods` are those that its package declares, by path; a path that is not among them takes any.
    """

    version: str
    weight: int
    sockets: tuple[str, ...]
    methods: Methods = ()


@dataclass(frozen=True)
class ServiceRoute:
    """A service of a workspace; one that does not run has no revisions."""

    workspace: int
    revisions: tuple[RevisionRoute, ...]


@dataclass(frozen=True)
class TokenRoute:
    """Whose services a token opens, and until when (seconds since 1970); None means for ever."""

    workspace: int
    expires: float | None


@dataclass(frozen=True)
class Routes:
    """Services by their uuid, tokens by the digest of their secret."""

    services: dict[str, ServiceRoute] = field(default_factory=dict)
    tokens: dict[str, TokenRoute] = field(default_factory=dict)


def document_of(routes: Routes) -> bytes:
    """The document, the same bytes for the same routes."""
    services = {
        uuid: [
            each.workspace,
            [[part.version, part.weight, list(part.sockets), dict(part.methods)] for part in each.revisions],
        ]
        for uuid, each in sorted(routes.services.items())
    }
    tokens = {digest: [each.workspace, each.expires] for digest, each in sorted(routes.tokens.items())}
    return json.dumps({"services": services, "tokens": tokens}, separators=(",", ":")).encode()


def encode(document: bytes, serial: int) -> bytes:
    """The whole file."""
    return f"{MARK} {FORMAT} {serial} {hashlib.sha256(document).hexdigest()}\n".encode() + document


def serial_and_document(data: bytes) -> tuple[int, bytes]:
    """The parts of a file, which is whole. Raises BrokenSnapshot."""
    head, _end, document = data.partition(b"\n")
    words = head.decode("ascii", "replace").split(" ")
    if len(words) != 4 or words[0] != MARK or not words[2].isdecimal():
        raise BrokenSnapshot("it does not begin like a snapshot")
    if words[1] != str(FORMAT):
        raise BrokenSnapshot(f"its format is {words[1]}, and this gateway reads {FORMAT}")
    if hashlib.sha256(document).hexdigest() != words[3]:
        raise BrokenSnapshot("it is not whole")
    return int(words[2]), document


def decode(data: bytes) -> tuple[int, Routes]:
    """The serial number and the routes of a file. Raises BrokenSnapshot."""
    serial, document = serial_and_document(data)
    try:
        return serial, _routes(json.loads(document))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokenSnapshot(f"its document cannot be read: {error}") from error


def _routes(found: dict[str, Any]) -> Routes:
    services = {
        uuid: ServiceRoute(
            int(workspace),
            tuple(
                RevisionRoute(version, int(weight), tuple(sockets), _methods(declared))
                for version, weight, sockets, declared in parts
            ),
        )
        for uuid, (workspace, parts) in found["services"].items()
    }
    tokens = {digest: TokenRoute(int(workspace), expires) for digest, (workspace, expires) in found["tokens"].items()}
    return Routes(services, tokens)


def _methods(declared: dict[str, list[str]]) -> Methods:
    return tuple((path, tuple(methods)) for path, methods in declared.items())

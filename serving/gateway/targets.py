"""Where a request wants to go, and what of its head goes on to the instance, and back."""

import re
from collections.abc import Iterable
from random import getrandbits

from serving.gateway.refusals import GUARDS, Headers, bad_path, no_address

_PREFIX = b"/infer/"
_UUID = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# What RFC 3986 lets stand in a path, whole escapes included.
_PATH = re.compile(rb"/(?:[0-9A-Za-z._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")
_QUERY = re.compile(rb"[!-~]*")
# A part of dots however it is written, an empty part, an encoded slash, backslash or control character.
_TRICK = re.compile(rb"//|/(?:\.|%2e){1,2}(?:/|$)|%2f|%5c|%[01][0-9a-f]|%7f", re.IGNORECASE)
_ID = re.compile(rb"[0-9A-Za-z._-]{1,100}")
_BEARER = re.compile(rb"bearer[ \t]+([!-~]+)", re.IGNORECASE)

# Whose end is this gateway; whom the request is from is nothing that the model learns.
_STAYS = frozenset(
    b"connection keep-alive proxy-connection te trailer transfer-encoding upgrade expect host content-length "
    b"authorization x-auth-token cookie cookie2 proxy-authorization proxy-authenticate x-request-id forwarded "
    b"x-forwarded-for x-forwarded-host x-forwarded-proto x-real-ip http2-settings".split()
)
# All services share the gateway's origin, so an answer sets no cookie, opens no CORS, and speaks to no proxy.
_RETURNS = frozenset(
    b"content-type content-length content-encoding content-language content-disposition cache-control etag expires "
    b"last-modified vary retry-after allow".split()
)


def target_of(raw_path: bytes) -> tuple[str, bytes]:
    """The uuid of the service and the path at the instance. Raises Refusal."""
    if not raw_path.startswith(_PREFIX):
        raise no_address()
    uuid, slash, rest = raw_path[len(_PREFIX) :].partition(b"/")
    if not _UUID.fullmatch(uuid):
        raise no_address()
    path = slash + rest or b"/"
    if not _PATH.fullmatch(path) or _TRICK.search(path):
        raise bad_path()
    return uuid.decode().lower(), path


class RequestHead:
    """The head of a request, read once: what the gateway itself needs of it, and what goes on."""

    __slots__ = ("_bearer", "_id", "_lines", "_named", "_token", "content_length")

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._token = self._bearer = b""
        self.content_length: int | None = None
        self._id = b""
        self._named: set[bytes] = set()
        self._lines: list[tuple[bytes, bytes]] = []
        for name, value in headers:
            if name in _STAYS:
                self._keep(name, value)
            else:
                self._lines.append((name, value))

    def _keep(self, name: bytes, value: bytes) -> None:
        if name == b"x-auth-token":
            self._token = value.strip()
        elif name == b"authorization":
            found = _BEARER.fullmatch(value.strip())
            self._bearer = found.group(1) if found else b""
        elif name == b"content-length":
            self.content_length = int(value)
        elif name == b"x-request-id":
            self._id = value if _ID.fullmatch(value) else b""
        elif name == b"connection":
            self._named.update(part.strip().lower() for part in value.split(b","))

    @property
    def secret(self) -> bytes:
        """What it gives as its token, in the order the console looks for one; empty when it gives none."""
        return self._bearer or self._token

    def request_id(self) -> bytes:
        """The one that came with it, where it is fit for a log; else a new one."""
        if not self._id:
            # No secret: it only has to be another one each time.
            self._id = b"%032x" % getrandbits(128)
        return self._id

    def written(self, method: str, path: bytes, query: bytes, length: int | None) -> bytes:
        """The bytes of the head for the instance; without a length the body follows in chunks. Raises Refusal."""
        if not _QUERY.fullmatch(query):
            raise bad_path()
        target = path + b"?" + query if query else path
        lines = [b"%s %s HTTP/1.1" % (method.encode(), target), b"host: model", b"x-request-id: " + self.request_id()]
        lines += [b"%s: %s" % line for line in self._lines if line[0] not in self._named]
        lines.append(b"transfer-encoding: chunked" if length is None else b"content-length: %d" % length)
        head = b"\r\n".join(lines) + b"\r\n\r\n"
        # The parser before lets none of them pass inside a value; this holds whatever stands there.
        if head.count(b"\n") != len(lines) + 1 or head.count(b"\r") != len(lines) + 1 or b"\0" in head:
            raise bad_path()
        return head


def returned(headers: Headers, request_id: bytes) -> Headers:
    """The headers of an instance's answer that the client gets."""
    kept = [line for line in headers if line[0] in _RETURNS]
    return [*kept, (b"x-request-id", request_id), *GUARDS]

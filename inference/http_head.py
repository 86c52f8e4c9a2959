"""The head of an HTTP/1.1 request, read so strictly that nobody before this server can have read another one.

Bare line feeds, folded headers, spaces before a colon, two lengths, a length beside chunks, other codings than
`chunked`: each is refused (RFC 9112), since a proxy in front may see another end of the request there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([!-~]+) HTTP/([0-9])\.([0-9])")
_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t\x20-\x7e\x80-\xff]*)")
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_ID = re.compile(r"[0-9A-Za-z._-]{1,100}")
MOST_HEADERS = 100
# Told apart by what must not come twice.
_SINGLE = {"content-length", "transfer-encoding", "host", "content-type", "expect"}


class HttpError(Exception):
    """A request that cannot be served as HTTP: its status and what is wrong with it. The connection is closed."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass
class Head:
    """What the head of a request says. `length` is None for a body in chunks, 0 where there is no body."""

    method: str
    path: str
    query: str
    length: int | None
    keep_alive: bool
    version_1_0: bool
    expects_continue: bool
    content_type: str
    request_id: str


def parse_head(block: bytes) -> Head:
    """The head without its final empty line. Raises HttpError."""
    first, _end, rest = block.partition(b"\r\n")
    line = _REQUEST_LINE.fullmatch(first)
    if line is None:
        raise HttpError(400, "The request line is malformed")
    method, target, major, minor = line.groups()
    if major != b"1" or minor not in b"01":
        raise HttpError(505, "Only HTTP/1.0 and HTTP/1.1 are spoken here")
    headers = _headers(rest)
    old = minor == b"0"
    if "host" not in headers and not old:
        raise HttpError(400, "The header Host is missing")
    path, query = _target(target.decode("ascii"))
    return Head(
        method=method.decode("ascii"),
        path=path,
        query=query,
        length=_length(headers, old),
        keep_alive=_keeps_alive(headers, old),
        version_1_0=old,
        expects_continue="expect" in headers and _expects_continue(headers, old),
        content_type=_content_type(headers),
        request_id=_request_id(headers),
    )


def _keeps_alive(headers: dict[str, str], old: bool) -> bool:
    tokens = headers["connection"].lower().replace(" ", "").split(",") if "connection" in headers else ()
    return "keep-alive" in tokens if old else "close" not in tokens


def _headers(block: bytes) -> dict[str, str]:
    if not block:
        return {}
    lines = block.split(b"\r\n")
    if len(lines) > MOST_HEADERS:
        raise HttpError(431, f"More than {MOST_HEADERS} headers")
    found: dict[str, str] = {}
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None:
            raise _malformed(line)
        name = match.group(1).decode("ascii").lower()
        value = match.group(2).strip(b" \t").decode("utf-8", "replace")
        if name not in found:
            found[name] = value
        elif name in _SINGLE:
            raise HttpError(400, f"The header {name} comes twice")
        else:
            found[name] = f"{found[name]}, {value}"
    return found


def _malformed(line: bytes) -> HttpError:
    if _FORBIDDEN.search(line):
        return HttpError(400, "The head holds a control character or a bare line break")
    return HttpError(400, "A header is malformed; folded headers are not taken")


def _target(target: str) -> tuple[str, str]:
    if not target.startswith("/"):
        scheme, separator, rest = target.partition("://")
        if not separator or scheme.lower() not in ("http", "https"):
            raise HttpError(400, "The request target is no path")
        target = "/" + rest.partition("/")[2]
    path, _mark, query = target.partition("?")
    return unquote(path) if "%" in path else path, query


def _length(headers: dict[str, str], old: bool) -> int | None:
    coding = headers.get("transfer-encoding")
    length = headers.get("content-length")
    if coding is not None:
        if length is not None:
            raise HttpError(400, "Content-Length and Transfer-Encoding contradict each other")
        if old:
            raise HttpError(400, "HTTP/1.0 has no Transfer-Encoding")
        if coding.lower() != "chunked":
            raise HttpError(501, "Transfer-Encoding: only chunked is taken")
        return None
    if length is None:
        return 0
    if not _LENGTH.fullmatch(length.encode("utf-8", "replace")):
        raise HttpError(400, "The Content-Length is no number")
    return int(length)


def _expects_continue(headers: dict[str, str], old: bool) -> bool:
    expected = headers.get("expect", "").lower()
    if expected not in ("", "100-continue"):
        raise HttpError(417, "Expect: only 100-continue is understood")
    return bool(expected) and not old


def _content_type(headers: dict[str, str]) -> str:
    if "content-encoding" in headers and headers["content-encoding"].lower() not in ("", "identity"):
        raise HttpError(415, "Content-Encoding: send the body as it is")
    return headers.get("content-type", "")


def _request_id(headers: dict[str, str]) -> str:
    """The id a gateway gave the request, where it is fit for a log."""
    found = headers.get("x-request-id", "")
    return found if found and _ID.fullmatch(found) else ""

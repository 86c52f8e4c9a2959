"""HTTP as uvicorn speaks it, with a limit on all that a client can send or leave unsent."""

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from serving.gateway.options import Options
from serving.gateway.refusals import Refusal, head_too_large, head_too_slow, no_http, too_many_connections

# The rest of a body that was answered early is read and thrown away for so long, so that the answer arrives.
_DISCARD_SECONDS = 10.0
_LINGER_SECONDS = 2.0
EXTENSION = "modelport.front"


class Corked:
    """A transport that can keep back what is written first, so that the head of an answer goes with its body.

    One system call and one packet less; and a client that waits for the body is not woken for the head.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._kept = b""
        self._corked = False

    def cork(self) -> None:
        """Keep back the next thing that is written until the one after it."""
        self._corked = True

    def write(self, data: bytes) -> None:
        if self._corked:
            self._corked, self._kept = False, data
            return
        if self._kept:
            data, self._kept = self._kept + data, b""
        self._transport.write(data)

    def flush(self) -> None:
        """Write what was kept back; nothing follows it."""
        self._corked = False
        if self._kept:
            self.write(b"")

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Front(HttpToolsProtocol):
    """A connection of a client; `watch` is to be called again and again. What is no strict HTTP/1.1 is refused.

    Two lengths, a length beside chunks, folded headers and bare line breaks are refused by the parser already.
    """

    options: Options
    fronts: set["Front"]

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.gone: Callable[[], None] | None = None
        self._in_head = True
        self._head_bytes = 0
        self._head_since = time.monotonic()
        self._blocked_since = self._early_since = self._refused_at = 0.0
        self._refusal: Refusal | None = None

    # What the loop calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        corked = Corked(transport)
        self.transport = corked  # type: ignore[assignment]
        self.cork, self.flush = corked.cork, corked.flush
        self.fronts.add(self)
        if len(self.fronts) > self.options.connections:
            self.refuse(too_many_connections())

    def connection_lost(self, exc: Exception | None) -> None:
        self.fronts.discard(self)
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        if self.gone is not None:
            self.gone()

    def data_received(self, data: bytes) -> None:
        if self._refused_at:
            return
        self._unset_keepalive_if_required()
        if self._in_head and not self._head_bytes:
            self._head_since = time.monotonic()
        self._head_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.refuse(no_http("Upgrade and CONNECT are not spoken here."))
        except httptools.HttpParserError:
            self.refuse(self._refusal or no_http("This is no HTTP/1.1 request."))
        else:
            if self._head_bytes > self.options.head_bytes:
                self.refuse(head_too_large(self.options.head_bytes))

    def pause_writing(self) -> None:
        self._blocked_since = time.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._blocked_since = 0.0
        super().resume_writing()

    # What the parser calls

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: self}  # type: ignore[dict-item]

    def on_header(self, name: bytes, value: bytes) -> None:
        # What follows a body in chunks is no head any more.
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._refusal = self._fault()
        if self._refusal is not None:
            raise self._refusal
        self._in_head = False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        # Between two pieces of a body, and behind the last one, no more may be said than in a head.
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head, self._head_bytes = True, 0
        self._early_since = 0.0

    def _fault(self) -> Refusal | None:
        """What is wrong with a head that the parser has let pass."""
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.options.head_bytes or len(self.headers) > self.options.headers:
            return head_too_large(self.options.head_bytes)
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1"):
            return no_http("Only HTTP/1.0 and HTTP/1.1 are spoken here.")
        hosts = sum(1 for name, _value in self.headers if name == b"host")
        if hosts > 1 or (not hosts and version == "1.1"):
            return no_http("The header Host is missing, or comes twice.")
        codings = [value.strip().lower() for name, value in self.headers if name == b"transfer-encoding"]
        if codings and (codings != [b"chunked"] or version == "1.0"):
            return no_http("Transfer-Encoding: only chunked is taken, and only of HTTP/1.1.")
        if self.parser.should_upgrade():
            return no_http("Upgrade and CONNECT are not spoken here.")
        return None

    # What uvicorn and the gateway call

    def on_response_complete(self) -> None:
        self.gone = None
        self.flush()
        # One that was sent ahead and whose body still comes is another request, which was not answered yet.
        if self.cycle.response_complete and self.cycle.more_body:
            self._early_since = time.monotonic()
        super().on_response_complete()

    def abort(self) -> None:
        """End the connection in the middle of an answer, so that nobody takes it for a whole one."""
        self.transport.abort()

    def refuse(self, refusal: Refusal) -> None:
        """Say what is wrong and close; what was asked before that is still answered, and then it is closed."""
        now = time.monotonic()
        self._refused_at = now
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if not cycle.more_body:
                cycle.keep_alive = False
                return
            if cycle.response_started or self.pipeline:
                self.transport.abort()
                return
            cycle.disconnected = True
            cycle.message_event.set()
        body = refusal.body(os.urandom(16).hex())
        head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[refusal.status] + head + body)
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def watch(self, now: float) -> None:
        """Keep the deadlines: of a head, of a first request, of an answer that is not read."""
        options, busy = self.options, self.cycle is not None and not self.cycle.response_complete
        if _over(self._blocked_since, options.idle_seconds, now) or _over(self._early_since, _DISCARD_SECONDS, now):
            self.transport.abort()
        elif busy:
            return
        elif _over(self._refused_at, _LINGER_SECONDS, now):
            self.transport.abort()
        elif self._in_head and self._head_bytes and _over(self._head_since, options.head_seconds, now):
            if not self._refused_at:
                self.refuse(head_too_slow(options.head_seconds))
        elif self.cycle is None and _over(self._head_since, options.idle_seconds, now):
            self.transport.abort()


def _over(since: float, seconds: float, now: float) -> bool:
    return bool(since) and now - since > seconds

"""One call: its body goes to an instance, the answer comes back, each piece as it arrives."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from serving.gateway.backends import Backend
from serving.gateway.counting import Counts, counts_as_failed
from serving.gateway.options import Options
from serving.gateway.protocol import Front
from serving.gateway.refusals import (
    Headers,
    Refusal,
    dropped,
    no_answer,
    nothing_ready,
    too_large,
    too_many,
    too_slow_body,
)
from serving.gateway.table import Service, Share
from serving.gateway.targets import RequestHead, returned
from serving.gateway.upstream import Dropped, Upstream

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# Bodies up to here are sent in one piece, and once more where a kept connection turns out to be dead.
_SMALL = 64 * 1024
_NO_LENGTH = (204, 304)


class Gone(Exception):
    """The client has left, or can be told nothing any more."""


class Call:
    """A request with a right to its service. Counts itself, unless it never got as far as to an instance."""

    def __init__(
        self, options: Options, counts: Counts, service: Service, head: RequestHead, front: Front | None
    ) -> None:
        self._options = options
        self._front = front
        self._counts = counts
        self._service = service
        self._head = head
        self._share: Share | None = None
        self._connection: Upstream | None = None
        self._gone = False
        self._size = 0
        self._sent = False
        self._busy = False
        self.started = False

    def leave(self) -> None:
        """The client is gone: let the instance know by the end of its connection."""
        self._gone = True
        if self._connection is not None:
            self._connection.close("the client is gone")

    async def run(self, target: tuple[str, bytes, bytes], receive: Receive, send: Send) -> None:
        """Forward (method, path, query) and the body, and give the answer. Raises Refusal or Gone."""
        begun = time.perf_counter()
        status = 499
        try:
            async with asyncio.timeout(self._options.seconds) as patience:
                status = await self._forward(target, receive, send, patience)
        except TimeoutError:
            refusal = no_answer(self._options.seconds) if self._sent else too_slow_body(self._options.seconds)
            status = refusal.status
            raise refusal from None
        except Dropped as error:
            if self._gone:
                raise Gone from None
            status = 502
            raise dropped() from error
        except Refusal as refusal:
            status = refusal.status
            raise
        finally:
            if self._share is not None and self._sent:
                seconds = time.perf_counter() - begun
                failed = counts_as_failed(status)
                self._counts.add(self._service.uuid, self._share.version, seconds, failed=failed)

    async def _forward(
        self, target: tuple[str, bytes, bytes], receive: Receive, send: Send, patience: asyncio.Timeout
    ) -> int:
        self._share = self._service.choose()
        self._share.check(target[0], target[1])
        body, whole = await self._first(receive)
        if whole:
            self._sent = True
            backend, connection = await self._ask(self._head.written(*target, len(body)) + body)
        else:
            head = self._head.written(*target, self._head.content_length)
            backend, connection = await self._upload(head, body, receive)
        try:
            await self._give(connection, send, patience)
            return connection.status
        finally:
            self._done(backend, connection)

    async def _first(self, receive: Receive) -> tuple[bytes, bool]:
        """The body where it is small, else its beginning; and whether that is all."""
        body, more = await self._piece(receive)
        while more and len(body) < _SMALL:
            piece, more = await self._piece(receive)
            body += piece
        return body, not more

    async def _piece(self, receive: Receive) -> tuple[bytes, bool]:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        piece: bytes = message.get("body", b"")
        self._size += len(piece)
        if self._size > self._options.body_bytes:
            raise too_large(self._options.body_bytes)
        return piece, bool(message.get("more_body"))

    async def _ask(self, data: bytes) -> tuple[Backend, Upstream]:
        """Ask an instance with a body that is all there; the beginning of its answer has come."""
        absent: set[str] = set()
        while True:
            backend = self._least_busy(absent)
            connection = backend.kept()
            fresh = connection is None
            self._begin(backend)
            try:
                connection = connection or await self._connect(backend)
                self._connection = connection
                connection.ask(data)
                await connection.more()
                return backend, connection
            except OSError:
                absent.add(backend.socket)
                self._done(backend, None)
            except BaseException as error:
                self._done(backend, connection)
                # Nobody has read it, for the instance had closed the connection before.
                if fresh or not isinstance(error, Dropped) or not error.unread or self._gone:
                    raise

    async def _upload(self, head: bytes, body: bytes, receive: Receive) -> tuple[Backend, Upstream]:
        """Send a large body as it comes; it takes a place in the instance's queue only when it is all there."""
        service = self._service
        if service.uploads >= self._options.uploads:
            raise too_many()
        service.uploads += 1
        try:
            backend, connection = await self._open(head)
            try:
                await self._send_pieces(connection, body, receive, backend)
                await connection.more()
            except BaseException:
                self._done(backend, connection)
                raise
            return backend, connection
        finally:
            service.uploads -= 1

    async def _open(self, head: bytes) -> tuple[Backend, Upstream]:
        absent: set[str] = set()
        while True:
            backend = self._least_busy(absent)
            try:
                connection = self._connection = await self._connect(backend)
            except OSError:
                absent.add(backend.socket)
                continue
            connection.ask(head)
            return backend, connection

    async def _send_pieces(self, connection: Upstream, body: bytes, receive: Receive, backend: Backend) -> None:
        chunked, more = self._head.content_length is None, True
        while more and not connection.complete:
            await self._send_piece(connection, _framed(body) if chunked else body)
            body, more = await self._piece(receive)
        self._sent = True
        if connection.complete:  # It was answered before its end.
            connection.spoil()
            return
        if backend.full:
            raise too_many()
        self._begin(backend)
        await self._send_piece(connection, _framed(body, last=True) if chunked else body)

    async def _send_piece(self, connection: Upstream, piece: bytes) -> None:
        try:
            await connection.send(piece)
        except Dropped:
            if not connection.complete:
                self._sent = True
                raise

    async def _connect(self, backend: Backend) -> Upstream:
        connection = await backend.connect()
        if self._gone:
            connection.close("the client is gone")
            raise Gone
        return connection

    def _least_busy(self, absent: set[str]) -> Backend:
        assert self._share is not None
        present = [each for each in self._share.backends if each.socket not in absent]
        if not present:
            raise nothing_ready()
        free = [each for each in present if not each.full]
        if not free:
            raise too_many()
        return free[0] if len(free) == 1 else min(free, key=lambda each: each.load)

    def _begin(self, backend: Backend) -> None:
        self._busy = True
        backend.busy += 1
        backend.used_at = time.monotonic()

    def _done(self, backend: Backend, connection: Upstream | None) -> None:
        backend.busy -= self._busy
        self._busy, self._connection = False, None
        if connection is not None:
            backend.give_back(connection)

    async def _give(self, connection: Upstream, send: Send, patience: asyncio.Timeout) -> None:
        """Hand the answer to the client; where it is all there, in one go."""
        request_id = self._head.request_id()
        headers, body = returned(connection.headers, request_id), connection.take()
        if connection.complete:
            headers = _with_length(headers, connection.status, len(body))
            self.started = True
            await reply(send, connection.status, headers, body, self._front)
            return
        end = time.monotonic() + self._options.answer_seconds
        loop = asyncio.get_running_loop()
        self.started = True
        await send({"type": "http.response.start", "status": connection.status, "headers": headers})
        while True:
            last = connection.complete
            await send({"type": "http.response.body", "body": body, "more_body": not last})
            if self._gone:
                raise Gone
            if last:
                return
            patience.reschedule(loop.time() + min(self._options.seconds, end - time.monotonic()))
            await connection.more()
            body = connection.take()


async def reply(send: Send, status: int, headers: Headers, body: bytes, front: Front | None) -> None:
    """A whole answer."""
    if front is not None:
        front.cork()
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _with_length(headers: Headers, status: int, size: int) -> Headers:
    kept = [line for line in headers if line[0] != b"content-length"]
    return kept if status in _NO_LENGTH else [*kept, (b"content-length", b"%d" % size)]


def _framed(piece: bytes, *, last: bool = False) -> bytes:
    chunk = b"%x\r\n%s\r\n" % (len(piece), piece) if piece else b""
    return chunk + b"0\r\n\r\n" if last else chunk

"""One connection to an instance: a request is written, and its answer is read as it comes."""

import asyncio
from typing import cast

import httptools

# Of an answer, this much waits here for a client that reads slowly.
_HIGH_WATER = 256 * 1024
# Of a head, and of all that is said between two pieces of a body or behind the last one.
_LARGEST_HEAD = 64 * 1024
_LARGEST_STATUS = 599


class Dropped(Exception):
    """The instance ended the connection, or said what is no HTTP. `unread`: it had not even read the request."""

    def __init__(self, message: str, *, unread: bool = False) -> None:
        super().__init__(message)
        self.unread = unread


class Upstream(asyncio.Protocol):
    """A connection that is asked one thing after the other.

    Of the answer to the present request, `status` is 0 until its head is there; `body` is what was not taken yet.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._lost: Dropped | None = None
        self._paused = False
        self._reset()
        self.asked = 0
        self.idle_since = 0.0

    def _reset(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()
        self.complete = False
        self._head_size = 0
        self._until_end = False
        self._reusable = False

    # What the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.asked == 0 or self.complete:
            self.close("it spoke without being asked")
            return
        self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.close(f"its answer is no HTTP: {error}")
            return
        if self._head_size > _LARGEST_HEAD and not self.complete:
            self.close("its answer goes on and on without a body")
        elif len(self.body) > _HIGH_WATER and not self._paused and not self.complete:
            self._paused = True
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """Where an answer has no length, this is its end."""
        if self._until_end and self.status and not self.complete:
            self.complete = True
            self._reusable = False
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._lost is None:
            unread = isinstance(exc, BrokenPipeError | ConnectionResetError) and not (self._head_size or self.status)
            self._lost = Dropped("it closed the connection", unread=unread)
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # What the parser calls

    def on_message_begin(self) -> None:
        if self.complete:
            raise Dropped("it answered twice")

    def on_header(self, name: bytes, value: bytes) -> None:
        # What follows a body in chunks is no head any more.
        if not self.status:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status > _LARGEST_STATUS:
            raise Dropped(f"there is no status {status}")
        if status >= 200:
            self.status = status
            self._reusable = bool(self._parser.should_keep_alive())
            names = {name for name, _value in self.headers}
            self._until_end = not names & {b"content-length", b"transfer-encoding"}

    def on_body(self, data: bytes) -> None:
        self._head_size = 0
        self.body += data

    def on_message_complete(self) -> None:
        if self.status:
            self.complete = True
        else:  # "100 Continue", to which the head of the answer follows.
            self.headers = []

    # What an exchange calls

    @property
    def usable(self) -> bool:
        """Whether it can be asked once more."""
        return self._lost is None and not self.transport.is_closing()

    @property
    def reusable(self) -> bool:
        """Whether its answer was read to the end, and another one may follow."""
        return self.complete and self._reusable and not self.body and self.usable

    def ask(self, data: bytes) -> None:
        """Write the head of a request, and as much of its body as there is."""
        if self.asked:
            self._reset()
        self.asked += 1
        self.transport.write(data)

    async def send(self, data: bytes) -> None:
        """Write more of the body, no faster than the instance reads it. Raises Dropped."""
        if self._lost is not None:
            raise self._lost
        self.transport.write(data)
        if self._writable is not None:
            await self._writable
        if self._lost is not None:
            raise self._lost

    async def more(self) -> None:
        """Wait until the answer is complete, or there is some of its body. Raises Dropped."""
        while not self.complete and not (self.status and self.body):
            if self._lost is not None:
                raise self._lost
            if self._paused:
                self._paused = False
                self.transport.resume_reading()
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def take(self) -> bytes:
        """The body as far as it is there."""
        data = bytes(self.body)
        self.body.clear()
        return data

    def spoil(self) -> None:
        """It was answered before it was asked to the end, so nothing else can be asked."""
        self._reusable = False

    def close(self, reason: str) -> None:
        """End the connection; who waits for an answer is told so."""
        if self._lost is None:
            self._lost = Dropped(reason)
        self.transport.abort()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            if self._lost is None and not self.complete and not (self.status and self.body):
                return
            self._waiter.set_result(None)

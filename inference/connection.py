"""One connection: requests are read, handed over and answered one after the other."""

from __future__ import annotations

import asyncio
import re
import time
from enum import Enum
from typing import cast

from .answers import Answer, refusal, render
from .decoding import Request
from .front import Front
from .http_body import Body, ChunkedFraming, LengthFraming, too_large
from .http_head import Head, HttpError, parse_head
from .jobs import Job
from .multipart import FormError, FormReader, boundary_of

LINGER_SECONDS = 2.0
# Of requests sent ahead, this much is read while one is answered.
_AHEAD_BYTES = 64 * 1024
_BARE_BREAK = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)")


class Phase(Enum):
    """What the connection does."""

    HEAD = "reads a head"
    BODY = "reads a body"
    WAITING = "waits for the model"
    LINGERING = "was answered for good, and lets the client read that"


class Connection(asyncio.Protocol):
    """A connection of HTTP/1.1: keep-alive, requests sent ahead, chunks, 100-continue; each phase has its deadline."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._limits = front.limits
        self._buffer = bytearray()
        self._phase = Phase.HEAD
        self._head: Head | None = None
        self._framing: LengthFraming | ChunkedFraming | None = None
        self._body: Body | None = None
        self._job: Job | None = None
        self._blocked = False
        self._in_head = False
        self.deadline = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._wait(self._limits.idle_seconds)
        if self._front.stopping:  # It came in that very moment, as the others were closed.
            self._transport.close()
        elif not self._front.admit(self):
            self._give(refusal(503, "Too many connections", Retry_After="1"), close=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self._front.connections.discard(self)
        if self._job is not None:
            self._front.jobs.give_up(self._job)
            self._job = None

    def data_received(self, data: bytes) -> None:
        if self._phase is Phase.LINGERING:
            return
        self._buffer += data
        if self._phase is Phase.WAITING or self._blocked:
            if len(self._buffer) > _AHEAD_BYTES:
                self._transport.pause_reading()
            return
        self._advance()

    def pause_writing(self) -> None:
        self._blocked = True

    def resume_writing(self) -> None:
        self._blocked = False
        if self._phase is Phase.HEAD and not self._transport.is_closing():
            self._wait(self._limits.idle_seconds)
            self._advance()
        if self._front.stopping:
            self.close_if_idle()

    def close_if_idle(self) -> None:
        """Close a connection that has nothing to be answered."""
        if self._phase is Phase.HEAD and not self._buffer and not self._blocked:
            self._transport.close()

    def abort(self) -> None:
        """Close without another word."""
        self._transport.abort()

    def expire(self, now: float) -> None:
        """The deadline has passed."""
        if self._phase is Phase.WAITING:
            self._expire_job(now)
        elif self._blocked or self._phase is Phase.LINGERING or self._transport.is_closing():
            self._transport.abort()
        elif self._phase is Phase.HEAD and not self._buffer:
            self._transport.close()
        else:
            self._refuse(HttpError(408, "The request did not arrive in time"))

    def _expire_job(self, now: float) -> None:
        job = self._job
        seconds = self._limits.seconds
        if job is None:
            return
        if job.started is None and self._front.jobs.give_up(job):
            self._job = None
            self._give_then_advance(refusal(503, "No inference thread became free in time", Retry_After="1"))
        elif job.started is None or now < job.started + seconds:
            self.deadline = (job.started or now) + seconds
        else:
            self._job = None
            self._front.overdue(job)
            self._give_then_advance(refusal(504, f"The prediction took longer than {seconds:g} seconds"))

    def _advance(self) -> None:
        try:
            while not self._blocked and not self._transport.is_closing() and self._step():
                pass
        except HttpError as error:
            self._refuse(error)
        if self._phase is not Phase.WAITING and not self._blocked and not self._transport.is_reading():
            self._transport.resume_reading()

    def _step(self) -> bool:
        if self._phase is Phase.HEAD:
            return self._read_head()
        return self._phase is Phase.BODY and self._read_body()

    def _read_head(self) -> bool:
        buffer = self._buffer
        if buffer.startswith(b"\r\n"):
            del buffer[:2]
        if not buffer:
            return False
        if not self._in_head:
            self._in_head = True
            self._wait(self._limits.head_seconds)
        at = buffer.find(b"\r\n\r\n")
        if max(at, len(buffer) if at < 0 else 0) > self._limits.head_bytes:
            raise HttpError(431, f"The head of the request is larger than {self._limits.head_bytes} bytes")
        if at < 0:
            if _BARE_BREAK.search(buffer):
                raise HttpError(400, "The head holds a bare line break")
            return False
        block = bytes(buffer[:at])
        del buffer[: at + 4]
        self._in_head = False
        self._head = parse_head(block)
        self._begin(self._head)
        return True

    def _begin(self, head: Head) -> None:
        """Answer at once what needs no body, else read it."""
        immediate = self._front.immediate(head)
        if head.length == 0:
            if immediate is not None:
                self._give(immediate)
            else:
                self._hand_over(Body(0, None))
            return
        if immediate is not None:
            self._give(immediate, close=True, unread=True)
            return
        limit = self._limits.body_bytes
        if head.length is not None and head.length > limit:
            raise too_large(limit)
        self._body = Body(limit, _form_reader(head))
        self._framing = ChunkedFraming() if head.length is None else LengthFraming(head.length)
        self._phase = Phase.BODY
        self._wait(self._limits.body_seconds)
        if head.expects_continue and not self._buffer:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _read_body(self) -> bool:
        assert self._framing is not None and self._body is not None
        if not self._framing.read(self._buffer, self._body):
            return False
        body, self._framing, self._body = self._body, None, None
        self._hand_over(body)
        return True

    def _hand_over(self, body: Body) -> None:
        assert self._head is not None
        head = self._head
        try:
            form = body.form.close() if body.form else None
        except FormError as error:
            raise HttpError(400, str(error)) from None
        request = Request(head.query, head.content_type, body.content(), form, head.request_id)
        self._phase = Phase.WAITING
        self._wait(self._limits.seconds)
        self._job = self._front.submit(request, self._done)
        if self._job is None:
            self._give(refusal(503, "Too many predictions wait already", Retry_After="1"))

    def _done(self, job: Job) -> None:
        """The model has answered; perhaps nobody waits any more."""
        if job is self._job and job.outcome is not None:
            self._job = None
            self._give_then_advance(job.outcome.answer)

    def _give_then_advance(self, answer: Answer) -> None:
        self._give(answer)
        self._advance()

    def _refuse(self, error: HttpError) -> None:
        """What cannot be told apart from the next request ends the connection."""
        self._front.refused(error)
        self._head = None
        self._give(refusal(error.status, error.message), close=True, unread=True)

    def _give(self, answer: Answer, *, close: bool = False, unread: bool = False) -> None:
        """Write an answer and go on with the next request, or close."""
        head = self._head
        close = close or head is None or not head.keep_alive or self._front.stopping
        keep_old = head is not None and head.version_1_0
        head_only = head is not None and head.method == "HEAD"
        self._head, self._body, self._framing = None, None, None
        self._transport.write(render(answer, self._front.date, close=close, keep_old=keep_old, head_only=head_only))
        if close:
            self._close(unread)
            return
        self._phase = Phase.HEAD
        self._in_head = False
        self._wait(self._limits.idle_seconds)

    def _close(self, unread: bool) -> None:
        """Close; while the client may still be sending, an answer would be lost with a reset, so let it finish."""
        if not unread:
            self._wait(self._limits.idle_seconds)
            self._transport.close()
            return
        self._buffer.clear()
        self._phase = Phase.LINGERING
        self._wait(LINGER_SECONDS)
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _wait(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds


def _form_reader(head: Head) -> FormReader | None:
    if not head.content_type.lower().startswith("multipart/"):
        return None
    try:
        return FormReader(boundary_of(head.content_type))
    except FormError as error:
        raise HttpError(400, str(error)) from None

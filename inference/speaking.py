"""The thread that speaks HTTP, so that the main thread is free for the model; it also hears the signals."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Any, Callable

from .connection import Connection
from .failures import LOAD_TOO_SLOW, log
from .front import Front
from .listening import unlink
from .settings import Settings

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_LOOK_AGAIN_SECONDS = 0.05


class Speaker:
    """Runs the event loop. `start` and `join` are for the main thread, `deliver` for any."""

    def __init__(self, settings: Settings, front: Front, listener: socket.socket) -> None:
        self._settings = settings
        self._front = front
        self._listener = listener
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self._server: asyncio.AbstractServer | None = None
        self._stop_by = 0.0
        self._delivered: deque[Callable[[], None]] = deque()
        self._woken = False

    def start(self) -> None:
        """Begin to answer, and take over the signals.

        The byte that a signal writes is read by the event loop even while the main thread is deep in a library; the
        handlers themselves have nothing left to do.
        """
        heard, wakeup = socket.socketpair()
        for end in (heard, wakeup):
            end.setblocking(False)
        signal.set_wakeup_fd(wakeup.fileno(), warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, _heard)
        self._wakeup = wakeup
        self._loop.add_reader(heard, self._hear, heard)
        self._thread.start()

    def join(self) -> None:
        """Wait for the end of the last answer."""
        self._thread.join()

    def deliver(self, call: Callable[[], None]) -> None:
        """Run a function in the event loop; after its end nobody waits for that any more.

        The loop is woken once for all it has not fetched yet: each call to wake it would hand the interpreter over.
        """
        self._delivered.append(call)
        if not self._woken:
            self._woken = True
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._fetch)

    def soon(self, call: Callable[[], None]) -> None:
        """From the event loop itself: run a function there after what has arrived is read."""
        self._loop.call_soon(call)

    def _fetch(self) -> None:
        self._woken = False
        # Only those of now: answers bring further requests, and the rest of the loop has its turn before their answers.
        for _ in range(len(self._delivered)):
            call = self._delivered.popleft()
            try:
                call()
            except Exception as error:  # A mistake of ours: the other answers must not wait for it.
                self._loop.call_exception_handler({"message": "An answer was not given", "exception": error})

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(_report)
        self._loop.call_later(self._settings.limits.load_seconds, self._check_loaded)
        self._loop.run_until_complete(self._listen())
        self._tick()
        self._loop.run_forever()
        self._loop.close()

    async def _listen(self) -> None:
        open_server = self._loop.create_unix_server if self._settings.socket else self._loop.create_server
        self._server = await open_server(lambda: Connection(self._front), sock=self._listener)

    def _tick(self) -> None:
        self._loop.call_later(self._front.interval, self._tick)
        self._front.tick()

    def _check_loaded(self) -> None:
        if self._front.loading:
            seconds = self._settings.limits.load_seconds
            log(
                "error",
                "failed",
                stage="load",
                error="TimeoutError",
                file=None,
                line=None,
                trace=[],
                message=f"The model was not loaded within {seconds:g} seconds",
            )
            self._exit(LOAD_TOO_SLOW)

    def _hear(self, heard: socket.socket) -> None:
        for number in heard.recv(64):
            if number in _SIGNALS:
                self._stop(signal.Signals(number).name)

    def _stop(self, name: str) -> None:
        """Stop in good order; at once while nothing is there to be finished, or when asked a second time."""
        again, loading = self._front.stopping, self._front.loading
        log("info", "stopping", signal=name)
        self._front.stop()
        if self._server is not None:
            self._server.close()
        if again or loading:
            self._exit(0)
        self._stop_by = time.monotonic() + self._settings.limits.grace_seconds
        self._finish()

    def _finish(self) -> None:
        """Leave once all is answered; after the grace what still works is left behind with its connections."""
        working = self._front.jobs.running + self._front.jobs.waiting
        if working - self._front.jobs.stuck <= 0 and not self._front.connections:
            if working:
                self._exit(0)
            log("info", "stopped", abandoned=0)
            self._front.jobs.stop()
            self._loop.stop()
        elif time.monotonic() >= self._stop_by:
            for connection in list(self._front.connections):
                connection.abort()
            self._exit(0)
        else:
            self._loop.call_later(_LOOK_AGAIN_SECONDS, self._finish)

    def _exit(self, code: int) -> None:
        """Leave while a thread is at work that cannot be stopped."""
        log("info", "stopped", abandoned=self._front.jobs.running + self._front.jobs.waiting)
        unlink(self._settings)
        os._exit(code)


def _heard(_number: int, _frame: Any) -> None:
    """The event loop has the signal's byte already."""


def _report(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A mistake of ours, or of the system, in the event loop: one line, and the other connections go on."""
    error = context.get("exception")
    log(
        "error",
        "failed",
        stage="server",
        error=type(error).__name__,
        message=str(error or context.get("message")),
        file=None,
        line=None,
        trace=[],
    )

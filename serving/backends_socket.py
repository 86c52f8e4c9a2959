"""One request to a running instance over its Unix socket; what it answers is bounded in size and time."""

import http.client
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from serving.asking import Asked

_PIECE = 64 * 1024
_MOST_HEADERS = 50


class NoAnswer(Exception):
    """It did not answer: `slow`, or `gone` when it closed the connection, or answered what is no HTTP."""

    def __init__(self, why: str, seconds: float) -> None:
        super().__init__(why)
        self.why = why
        self.seconds = seconds


@dataclass(frozen=True)
class Answered:
    """What came back. `cut` says that there was more than was read."""

    status: int
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False

    @property
    def good(self) -> bool:
        return self.status < 400

    @property
    def content_type(self) -> str:
        return next((value for name, value in self.headers.items() if name.lower() == "content-type"), "")


def ask(path: str, asked: Asked, *, seconds: float, most: int, request_id: str = "") -> Answered:
    """The answer of the instance that listens at `path`. Raises NoAnswer."""
    started = time.monotonic()
    connection = _Connection(path, seconds)
    late = threading.Event()

    def give_up() -> None:
        late.set()
        connection.hang_up()

    # A timeout of the socket is one for each piece; a model that drips its answer would never meet it.
    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        answered = _conversation(connection, asked, most, request_id, started)
        # An answer without a length ends where the connection does, also when it was we who hung up.
        if late.is_set():
            raise TimeoutError
        return answered
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = "slow" if late.is_set() or isinstance(error, TimeoutError) else "gone"
        raise NoAnswer(why, time.monotonic() - started) from error
    finally:
        timer.cancel()
        connection.close()


def _conversation(connection: "_Connection", asked: Asked, most: int, request_id: str, started: float) -> Answered:
    headers = {**asked.headers, "Content-Length": str(len(asked.body)), "Connection": "close"}
    if request_id:
        headers["X-Request-ID"] = request_id
    connection.request(asked.method, asked.path, asked.body, headers)
    response = connection.getresponse()
    body = bytearray()
    while len(body) <= most and (piece := response.read1(_PIECE)):
        body += piece
    if len(body) <= most and response.length:
        raise http.client.IncompleteRead(bytes(body))
    found = dict(response.getheaders()[:_MOST_HEADERS])
    return Answered(response.status, time.monotonic() - started, found, bytes(body[:most]), len(body) > most)


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("model", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock: Any = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
        self._plug = self.sock

    def hang_up(self) -> None:
        plug = getattr(self, "_plug", None)
        try:
            if plug is not None:
                plug.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

"""Instances that behave as no server of ours does: each connection is given to a function."""

import socket
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


def read_request(plug):
    """The head and body (by its length) of a request; empty at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = plug.recv(65536)
        if not piece:
            return b"", b""
        data += piece
    head, _end, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    while len(body) < length:
        body += plug.recv(65536)
    return head, body


class Backend:
    """A listening Unix socket; `heads` are those of the requests it has read, `connections` how many there were."""

    def __init__(self, path):
        self.path = path
        self.heads = []
        self.connections = 0


def answers(data):
    """Answers each request of a connection with these bytes."""

    def behave(plug, backend):
        while True:
            head, _body = read_request(plug)
            if not head:
                return
            backend.heads.append(head)
            plug.sendall(data)

    return behave


@contextmanager
def backend(behave):
    folder = Path(tempfile.mkdtemp(prefix="mp-"))
    running = Backend(folder / "s")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(running.path))
    listener.listen(64)

    def serve(plug):
        with plug, suppress(OSError):
            behave(plug, running)

    def accept():
        with suppress(OSError):
            while True:
                plug, _address = listener.accept()
                running.connections += 1
                threading.Thread(target=serve, args=(plug,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield running
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        running.path.unlink(missing_ok=True)
        folder.rmdir()

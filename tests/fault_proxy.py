"""An HTTP proxy before a real S3 server that fails as it is told: what it lets through is the server's own answer.

The Host header passes unchanged, because it is signed: a client that is given `proxy.endpoint` signs for that name, and
the server verifies what it receives. Everything that passed is in `proxy.log`, with the bytes of each body.
"""

import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

BLOCK = 64 * 1024
HOP = {"connection", "keep-alive", "transfer-encoding", "proxy-connection", "te", "trailer", "upgrade"}
STATUS = {
    "AccessDenied": 403,
    "ExpiredToken": 400,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "RequestTimeTooSkewed": 403,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
    "SlowDown": 503,
}


@dataclass(frozen=True)
class Request:
    """What passed: `sent` and `received` are the bytes of the bodies as the client sent and received them."""

    method: str
    bucket: str
    key: str
    query: str
    range: str
    status: int
    sent: int
    received: int
    rule: str

    @property
    def listing(self) -> bool:
        return self.method == "GET" and not self.key


@dataclass
class Rule:
    """One fault. It applies to requests that match, after the first `after` of them, `times` times (always: -1).

    Without any action the request passes; `meanwhile` is called before it goes to the server.
    """

    name: str = ""
    method: str = ""
    key: str = ""  # a regular expression found in the key; "^$" is the bucket itself
    query: str = ""  # found in the query string
    after: int = 0
    times: int = 1
    # Instead of the server's answer
    error: str = ""  # an S3 error code
    status: int = 0  # the usual one of the code
    drop: bool = False  # the connection ends without an answer
    # The server's answer, spoilt
    cut: int = -1  # the connection is reset after so many bytes of the body
    stall: tuple[int, float] = (-1, 0.0)  # after so many bytes nothing comes for so many seconds
    drip: tuple[int, float] = (0, 0.0)  # so many bytes at a time, and so many seconds after each
    longer: int = 0  # the length it announces is so much more (or less) than what comes
    corrupt: int = -1  # the byte at this place is another one
    headers: dict = field(default_factory=dict)
    meanwhile: Callable[[], object] | None = None
    seen: int = 0

    def matches(self, method, key, query):
        return (
            self.method in {"", method}
            and re.search(self.key, key) is not None
            and re.search(self.query, query) is not None
        )


class FaultProxy:
    """Faults are added with `fail`; `endpoint` is what clients are given. Start it with `fault_proxy`."""

    def __init__(self, endpoint: str) -> None:
        self.upstream = urlsplit(endpoint).netloc
        self.rules: list[Rule] = []
        self.log: list[Request] = []
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"proxy": self}))
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"

    def fail(self, name="", **values) -> Rule:
        rule = Rule(name, **values)
        with self.lock:
            self.rules.append(rule)
        return rule

    def reset(self) -> None:
        with self.lock:
            self.rules.clear()
            self.log.clear()

    def taken(self, method, key, query) -> Rule | None:
        """The first rule that applies now; counted."""
        with self.lock:
            for rule in self.rules:
                if rule.matches(method, key, query):
                    rule.seen += 1
                    if rule.after < rule.seen and (rule.times < 0 or rule.seen <= rule.after + rule.times):
                        return rule
        return None

    def note(self, request: Request) -> None:
        with self.lock:
            self.log.append(request)

    def fetched(self, key="") -> int:
        """Bytes of objects that clients received, of the keys in which the expression is found."""
        with self.lock:
            return sum(
                each.received for each in self.log if each.method == "GET" and each.key and re.search(key, each.key)
            )


class _Handler(BaseHTTPRequestHandler):
    proxy: FaultProxy
    protocol_version = "HTTP/1.1"
    wbufsize = 0

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.upstream = HTTPConnection(self.proxy.upstream, timeout=120)

    def finish(self):
        self.upstream.close()
        super().finish()

    def log_message(self, *_):
        pass

    def handle_one_request(self):
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        address = urlsplit(self.path)
        _, bucket, *rest = [*unquote(address.path).split("/", 2), ""][:3] if "/" in address.path else ["", "", ""]
        self.key = rest[0] if rest else ""
        self.sent = self.received = 0
        rule = self.proxy.taken(self.command, self.key, address.query)
        status = 0
        try:
            status = self.answer(rule)
        except (ConnectionError, TimeoutError, HTTPException):
            self.close_connection = True
        finally:
            self.proxy.note(
                Request(
                    self.command,
                    bucket,
                    self.key,
                    address.query,
                    self.headers.get("Range", ""),
                    status,
                    self.sent,
                    self.received,
                    rule.name if rule else "",
                )
            )

    def answer(self, rule):
        if rule and rule.meanwhile:
            rule.meanwhile()
        if rule and rule.drop:
            return self.hang_up()
        if rule and (rule.error or rule.status):
            return self.refuse(rule)
        answer = self.forward()
        return self.pass_on(answer, rule or Rule())

    # What the client sent

    def body(self):
        """The pieces of the request's body as they come; a chunked one keeps its frames."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            yield from self.frames()
            return
        left = int(self.headers.get("Content-Length") or 0)
        if left and self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while left:
            piece = self.rfile.read(min(left, BLOCK))
            if not piece:
                raise ConnectionResetError
            left -= len(piece)
            self.sent += len(piece)
            yield piece

    def frames(self):
        while True:
            line = self.rfile.readline()
            size = int(line.partition(b";")[0], 16)
            yield line
            if not size:
                while (line := self.rfile.readline()) not in {b"\r\n", b""}:
                    yield line
                yield b"\r\n"
                return
            self.sent += size
            yield self.rfile.read(size + 2)

    def forward(self):
        """Send the request on as it came, without the headers that belong to one connection."""
        self.upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
        for name, value in self.headers.items():
            if name.lower() not in HOP | {"expect"}:
                self.upstream.putheader(name, value)
        if chunked:
            self.upstream.putheader("Transfer-Encoding", "chunked")
        self.upstream.endheaders()
        for piece in self.body():
            self.upstream.send(piece)
        return self.upstream.getresponse()

    # What the client receives

    def refuse(self, rule):
        for _piece in self.body():
            pass
        status = rule.status or STATUS[rule.error]
        text = (
            f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{rule.error}</Code><Message>A fault.</Message></Error>"
        )
        body = b"" if self.command == "HEAD" or not rule.error else text.encode()
        headers = {"Content-Type": "application/xml", "Content-Length": str(len(body))} | rule.headers
        self.head(status, headers.items())
        self.wfile.write(body)
        self.received = len(body)
        return status

    def head(self, status, headers):
        lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in headers)]
        self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    def pass_on(self, answer, rule):
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in HOP} | rule.headers
        length = answer.length
        bodiless = self.command == "HEAD" or answer.status in {204, 304}
        if length is not None and not bodiless:
            kept["Content-Length"] = str(length + rule.longer)
        elif length is None and not bodiless:
            kept["Connection"], self.close_connection = "close", True
        self.head(answer.status, kept.items())
        if not bodiless:
            self.copy(answer, rule, None if length is None else length + min(0, rule.longer))
        answer.read()
        if rule.longer:
            self.close_connection = True
        return answer.status

    def copy(self, answer, rule, left):
        """The body, spoilt as the rule wants it."""
        block, pause = rule.drip if rule.drip[0] else (BLOCK, 0.0)
        stops = sorted(stop for stop in (rule.cut, rule.stall[0], rule.corrupt) if stop >= 0)
        while left is None or left:
            ahead = next((stop - self.received for stop in stops if stop > self.received), block)
            self.interrupt(rule)
            piece = answer.read(min(block, ahead, block if left is None else left))
            if not piece:
                return
            if self.received == rule.corrupt:
                piece = bytes([piece[0] ^ 0xFF]) + piece[1:]
            self.wfile.write(piece)
            self.received += len(piece)
            left = None if left is None else left - len(piece)
            if pause and self.proxy.closing.wait(pause):
                raise ConnectionAbortedError

    def interrupt(self, rule):
        if self.received == rule.cut:
            self.hang_up()
            raise ConnectionResetError
        if self.received == rule.stall[0] and self.proxy.closing.wait(rule.stall[1]):
            raise ConnectionAbortedError

    def hang_up(self):
        """A reset, as from a machine that went away."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True
        return 0


@contextmanager
def fault_proxy(endpoint):
    """A FaultProxy before an endpoint."""
    proxy = FaultProxy(endpoint)
    thread = threading.Thread(target=proxy.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.closing.set()
        proxy.server.shutdown()
        proxy.server.server_close()
        thread.join(5)


def await_quiet(proxy, seconds=2.0):
    """Wait until what clients asked for is in the log, which is written after they have the answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        before = len(proxy.log)
        time.sleep(0.05)
        if len(proxy.log) == before:
            return

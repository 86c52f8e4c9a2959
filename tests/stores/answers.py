"""A small HTTP server that answers as a test says: for what a well-behaved S3 server never answers."""

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

EMPTY_LISTING = b"<ListBucketResult><Name>b</Name><IsTruncated>false</IsTruncated></ListBucketResult>"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict
    headers: dict
    body: bytes = b""

    @property
    def wants_location(self):
        return "location" in self.query

    @property
    def wants_listing(self):
        return "list-type" in self.query


@dataclass(frozen=True)
class Answer:
    """`announced` is the length the headers tell; less is sent where the body is shorter, and then the line is cut."""

    status: int = 200
    body: bytes = b""
    headers: dict = field(default_factory=dict)
    announced: int | None = None


def error(code, status, **details):
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in {"Code": code, **details}.items())
    return Answer(status, f"<Error>{inner}</Error>".encode(), {"Content-Type": "application/xml"})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self):
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        request = Request(self.command, unquote(parts.path), query, dict(self.headers), body)
        self.server.asked.append(request)
        answer = self.server.answer(request)
        self.send_response_only(answer.status)
        length = len(answer.body) if answer.announced is None else answer.announced
        for name, value in {"Content-Length": length, "Date": formatdate(usegmt=True), **answer.headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
            self.close_connection = len(answer.body) < length

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer

    def log_message(self, *args):
        pass


@contextmanager
def answering(answer):
    """A server whose `answer(request)` says everything; yields it with `.endpoint` and what was `.asked`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.answer, server.asked = answer, []
    server.endpoint = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def bucket_of(region=""):
    """The start of an answer: a bucket that says where it is and lists nothing; None for every other request."""

    def answer(request):
        if request.wants_location:
            return Answer(body=f"<LocationConstraint>{region}</LocationConstraint>".encode())
        if request.wants_listing:
            return Answer(body=EMPTY_LISTING)
        return Answer() if request.method == "HEAD" and request.path.count("/") == 1 else None

    return answer

"""The real server under bytes that no honest client sends: refused, closed, and still there for everyone else."""

import os
import random
import socket
import time

import pytest

from tests.inference.serving import package_with, read_all, serving, statuses, wait_for

SHORT = ["--head-seconds", "0.4", "--body-seconds", "0.5", "--idle-seconds", "0.8"]
GET = b"GET /health HTTP/1.1\r\nHost: m\r\n\r\n"

KEYS = """
    def _inference(self, data):
        return [str(each) for each in data] if isinstance(data, (dict, list)) else data
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    package = package_with(tmp_path_factory.mktemp("hostile"), KEYS)
    with serving(package, *SHORT, "--body-bytes", 1_000_000, "--connections", 40) as running:
        yield running
        assert running.health().status == 200
        assert running.events("failed") == []


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: m\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 0\r\nContent-Length: 36\r\n",
        b"Content-Length: 36\r\nContent-Length: 36\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n",
        b"X: a\r\n Content-Length: 36\r\n",
        b"X: a\nContent-Length: 36\r\n",
        b"X: a\rTransfer-Encoding: chunked\r\n",
        b"Content-Length: 0x24\r\n",
        b"Content-Length: 3 6\r\n",
        b"Content-Length: \xd9\xa3\r\n",
        b"\x00: 1\r\n",
    ],
)
def test_second_request_hidden_in_the_first_is_never_answered(server, headers):
    found = server.send(b"POST / HTTP/1.1\r\nHost: m\r\n" + headers + b"\r\n" + SMUGGLED)

    assert statuses(found) == [400]
    assert b"\r\nConnection: close\r\n" in found


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        (b"0\r\n\r\n", [200, 404]),
        (b"2\r\n{}\r\n0\r\n\r\n", [200, 404]),
        (b"2\n{}\n0\n\n", [400]),
        (b"2\r\n{}\n0\r\n\r\n", [400]),
        (b"1\r\n{}\r\n0\r\n\r\n", [400]),
        (b"2;a=\n\r\n{}\r\n0\r\n\r\n", [400]),
        (b"0\r\nContent-Length: 5\n\r\n", [400]),
    ],
)
def test_chunked_body_ends_where_everybody_sees_its_end(server, chunks, expected):
    head = b"POST / HTTP/1.1\r\nHost: m\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"

    assert statuses(server.send(head + chunks + SMUGGLED)) == expected


def test_lines_that_end_in_a_bare_line_feed_are_refused_at_once(server):
    begun = time.monotonic()

    assert statuses(server.send(b"GET /health HTTP/1.1\nHost: m\n\n")) == [400]
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /health HTTP/1.1\r\nHost: m\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /health HTTP/1.1\r\nHost: m\r\nX: " + b"a" * 20_000, 431),
        (b"GET /health HTTP/1.1\r\nHost: m\r\n" + b"X: 1\r\n" * 200 + b"\r\n", 431),
        (b"GET /" + b"a" * 20_000, 431),
        (b"GET /health HTTP/9.9\r\nHost: m\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: m\r\nContent-Length: 1000001\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: m\r\nContent-Length: 99999999999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: m\r\nContent-Length: 5\r\nExpect: a-miracle\r\n\r\n", 417),
        (b"POST / HTTP/1.1\r\nHost: m\r\nContent-Length: 2\r\nContent-Encoding: gzip\r\n\r\n{}", 415),
        (b"POST / HTTP/1.1\r\nHost: m\r\nContent-Type: multipart/form-data\r\nContent-Length: 2\r\n\r\n{}", 400),
    ],
)
def test_request_beyond_what_is_served_is_refused_and_closed(server, data, status):
    found = server.send(data)

    assert statuses(found) == [status]
    assert b'"error_code": "' in found


def test_chunks_without_end_are_cut_off_at_the_limit(server):
    with server.connect() as plug:
        plug.sendall(b"POST / HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(30):
            plug.sendall(b"ffff\r\n" + b"a" * 0xFFFF + b"\r\n")
        found = read_all(plug, silence=3)

    assert statuses(found) == [413]


def test_large_body_that_is_refused_can_still_read_why(server):
    """Closing at once would reset the connection, and the client would lose the answer."""
    with server.connect() as plug:
        plug.sendall(b"POST /nowhere HTTP/1.1\r\nHost: m\r\nContent-Length: 900000\r\n\r\n")
        plug.sendall(b"a" * 900_000)
        found = read_all(plug, silence=3)

    assert statuses(found) == [404]


def test_head_that_trickles_in_is_cut_off(server):
    with server.connect() as plug:
        begun = time.monotonic()
        for byte in b"GET /health HTTP/1.1\r\nHost: m\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaa":
            try:
                plug.sendall(bytes([byte]))
            except OSError:
                break
            time.sleep(0.05)
            if time.monotonic() - begun > 0.9:
                break
        found = read_all(plug)

    assert statuses(found) == [408]
    assert time.monotonic() - begun < 3


def test_body_that_trickles_in_is_cut_off(server):
    with server.connect() as plug:
        plug.sendall(b"POST / HTTP/1.1\r\nHost: m\r\nContent-Length: 100\r\n\r\n")
        for _ in range(8):
            plug.sendall(b"a")
            time.sleep(0.1)
        found = read_all(plug)

    assert statuses(found) == [408]


def test_connection_that_says_nothing_is_closed(server):
    with server.connect() as plug:
        assert read_all(plug, silence=5) == b""


def test_client_that_does_not_read_is_cut_off(server):
    """Answers pile up to a bound, then reading stops; nobody waits for such a client for ever."""
    with server.connect() as plug:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        body = b'["' + b"a" * 900_000 + b'"]'
        head = b"POST / HTTP/1.1\r\nHost: m\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        plug.sendall(head + body)
        wait_for(lambda: server.health().value["running"] == 0)
        time.sleep(2)
        found = read_all(plug)

    assert len(found) < 900_000


def test_connections_beyond_the_limit_are_told_so(server):
    plugs = [server.connect() for _ in range(40)]
    try:
        time.sleep(0.1)
        assert statuses(server.send(GET)) in ([503], [])
    finally:
        for plug in plugs:
            plug.close()
    wait_for(lambda: statuses(server.send(GET)) == [200])


def test_random_bytes_never_reach_the_model(server):
    before = server.health().value["answered"]
    chance = random.Random(7)
    for _ in range(150):
        server.send(chance.randbytes(chance.randrange(1, 300)).replace(b"\r\n\r\n", b"") + b"\r\n\r\n", then_close=True)

    assert server.health().value["answered"] == before


def test_damaged_requests_end_in_an_answer_or_a_close(server):
    """A good request with a few bytes changed: each ends in time, and none takes the server down."""
    good = (
        b"POST /?a=1 HTTP/1.1\r\nHost: m\r\nConnection: close\r\nContent-Length: 75\r\n"
        b"Content-Type: multipart/form-data; boundary=XX\r\n\r\n"
        b'--XX\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\nhi\r\n--XX--\r\n'
    )
    chance = random.Random(int(os.environ.get("FUZZ_SEED", "3")))
    for _ in range(120):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.choice(b'\r\n\x00 :;=-"0aZ\xff')
        found = server.send(bytes(data), silence=0.05)
        assert all(status in {200, 400, 404, 405, 408, 413, 415, 431, 501, 505} for status in statuses(found))

"""What clients can do to the gateway, byte by byte."""

import json
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.inference.serving import read_all, statuses
from tests.serving.backends import OK, answers, backend, read_request
from tests.serving.gateway import CHUNKED, SECRET, gateway, length, request, tell, wait_for

JSON = "Content-Type: application/json"
GET = b"GET /healthz HTTP/1.1\r\nHost: m\r\n\r\n"


@pytest.fixture
def service(door, model):
    return tell(door, model.path)


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        ([length(2), length(2)], b"{}"),
        ([length(2), length(40)], b"{}" + GET),
        (["Content-Length: 2, 2"], b"{}"),
        (["Content-Length: +2"], b"{}"),
        (["Content-Length: 0x2"], b"{}"),
        (["Content-Length: -1"], b""),
        (["Content-Length : 2"], b"{}"),
        ([length(4), CHUNKED], b"0\r\n\r\n" + GET),
        ([CHUNKED, length(4)], b"0\r\n\r\n" + GET),
        ([CHUNKED, CHUNKED], b"0\r\n\r\n"),
        (["Transfer-Encoding: gzip, chunked"], b"0\r\n\r\n"),
        (["Transfer-Encoding: chunked, identity"], b"0\r\n\r\n"),
        (["Transfer-Encoding: xchunked"], b"0\r\n\r\n"),
        (["Transfer-Encoding : chunked"], b"0\r\n\r\n"),
        (["Transfer-Encoding:\tchunked\x0b"], b"0\r\n\r\n"),
        ([length(2), "X-Folded: a", " Content-Length: 40"], b"{}" + GET),
        ([length(2), "X-Bare: a\nContent-Length: 40"], b"{}"),
        ([length(2), "X-Bare: a\rContent-Length: 40"], b"{}"),
        ([length(2), "X-Nul: a\x00b"], b"{}"),
        ([length(2), "X Name: a"], b"{}"),
        ([length(2), ": a"], b"{}"),
        ([length(2), "Host: other"], b"{}"),
        ([CHUNKED], b"2\n{}\n0\n\n" + GET),
        ([CHUNKED], b"2;a\nb\r\n{}\r\n0\r\n\r\n" + GET),
        ([CHUNKED], b"2 \r\n{}}\r\n0\r\n\r\n" + GET),
        ([CHUNKED], b"-2\r\n{}\r\n0\r\n\r\n" + GET),
        ([CHUNKED], b"ffffffffffffffff2\r\n{}\r\n0\r\n\r\n" + GET),
        ([length(2), "Connection: upgrade", "Upgrade: h2c"], b"{}" + GET),
        ([length(2), "Connection: upgrade", "Upgrade: websocket"], b"{}" + GET),
    ],
)
def test_request_of_two_meanings_is_refused_and_nothing_after_it_is_read(door, service, lines, body):
    received = door.send(request(service, *lines, body=body))

    assert statuses(received) == [400]
    assert json.loads(received.partition(b"\r\n\r\n")[2])["error_code"] == "APIG.0101"


@pytest.mark.parametrize(
    "data",
    [
        b"POST /infer HTTP/1.1\nHost: m\n\n",
        b"POST /infer HTTP/2.0\r\nHost: m\r\n\r\n",
        b"GET /infer\r\n\r\n",
        b"POST /infer HTTP/1.1\r\n\r\n",
        b"CONNECT m:80 HTTP/1.1\r\nHost: m\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /infer HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(door, data):
    assert statuses(door.send(data)) == [400]


@pytest.mark.parametrize("lines", [["X: " + "a" * 13_000], [f"X-{n}: a" for n in range(95)], ["X: " + "a" * 2_000_000]])
def test_huge_head_is_refused(door, service, lines):
    with door.connect() as plug:
        with suppress(OSError):  # It has long been answered.
            plug.sendall(request(service, *lines))
        received = read_all(plug)

    assert statuses(received) == [431]


def test_head_without_an_end_is_refused_before_it_is_large(door):
    with door.connect() as plug:
        plug.sendall(b"GET / HTTP/1.1\r\n")
        for _ in range(20):
            plug.sendall(b"X: " + b"a" * 1000 + b"\r\n")
            time.sleep(0.01)
        received = read_all(plug)
        time.sleep(3)
        with pytest.raises(OSError):
            for _ in range(10):
                plug.sendall(b"X: " + b"a" * 1000 + b"\r\n")
                time.sleep(0.1)

    assert statuses(received) == [431]


def test_requests_sent_ahead_are_answered_in_order(door, service):
    bodies = [b'{"a": 1}', b'{"b": 1}', b'{"c": 1, "sleep": 0.2}', b'{"d": 1}']
    data = b"".join(request(service, length(len(body)), body=body) for body in bodies)

    received = door.send(data, silence=1.5)

    got = [json.loads(part.partition(b"\r\n\r\n")[2]) for part in received.split(b"HTTP/1.1 200 OK")[1:]]
    assert [answer["got"][0] for answer in got] == ["a", "b", "c", "d"]


def test_garbage_behind_a_request_does_not_disturb_its_answer(door, service):
    body = b'{"sleep": 0.3}'

    received = door.send(request(service, length(len(body)), body=body) + b"\x00garbage\r\n\r\n", silence=1.5)

    assert statuses(received) == [200]
    assert received.endswith(b"]}")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/../healthz", 400),
        ("/a/../../healthz", 400),
        ("/./a", 400),
        ("/%2e%2e/a", 400),
        ("/.%2E/a", 400),
        ("/a%2fb", 400),
        ("/a%5cb", 400),
        ("/a%00b", 400),
        ("/a%0d%0aX-Evil:1", 400),
        ("//a", 400),
        ("/a//b", 400),
        ("/a%zz", 400),
        ("/a\\b", 400),
        ("/a%", 400),
        ("/..", 400),
        ("/a..b", 404),
        ("/...", 404),
        ("/%E4%BD%A0", 404),
    ],
)
def test_path_tricks_do_not_reach_the_model(door, service, path, status):
    received = door.send(request(service + path, length(2), body=b"{}"))

    assert statuses(received) == [status]


@pytest.mark.parametrize(
    "path", ["/", "/infer", "/infer/", "/infer/x", "/INFER/{}", "//infer/{}", "/./infer/{}", "/infer/{}x", "/infer/%30"]
)
def test_other_addresses_lead_nowhere(door, service, path):
    received = door.send(request(path.format(service[7:]), length(2), body=b"{}"))

    assert statuses(received) == [404]


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PROPFIND"])
def test_method_that_no_model_takes_is_refused(door, service, method):
    received = door.send(request(service, method=method, body=b""))

    assert statuses(received) == [405]


def test_only_what_concerns_the_model_is_forwarded(door):
    with backend(answers(OK)) as instance:
        path = tell(door, instance.path)
        lines = [
            "Authorization: Basic abc",
            "Cookie: sessionid=1",
            "Proxy-Authorization: x",
            "X-Forwarded-For: 1.2.3.4",
        ]
        lines += ["Connection: keep-alive, X-Secret", "X-Secret: 1", "TE: trailers", "Expect: 100-continue", "X-Own: ä"]
        body = b"2\r\n{}\r\n0\r\nX-Auth-Token: trailing\r\n\r\n"
        received = door.send(request(path + "/v1/a?b=%20c&d", *lines, CHUNKED, "X-Request-ID: i-1", body=body))

    assert statuses(received) == [100, 200]
    assert instance.heads[0].split(b"\r\n") == [
        b"POST /v1/a?b=%20c&d HTTP/1.1",
        b"host: model",
        b"x-request-id: i-1",
        b"x-own: \xe4",
        b"content-length: 2",
    ]


def test_client_that_leaves_lets_the_instance_know(door):
    ended = threading.Event()

    def behave(plug, _backend):
        read_request(plug)
        if not plug.recv(1):
            ended.set()

    with backend(behave) as instance:
        with door.connect() as plug:
            plug.sendall(request(tell(door, instance.path), length(2), body=b"{}"))
            time.sleep(0.3)

        assert ended.wait(1.5)


def test_slow_body_is_refused_and_holds_no_place_of_the_model(door, model):
    path = tell(door, model.path)
    plugs = [door.connect() for _ in range(10)]
    for plug in plugs:
        plug.sendall(request(path, length(100_000), body=b"{" + b" " * 70_000))
    time.sleep(0.2)
    begun = time.monotonic()

    meanwhile = door.ask(path, body=b"{}", Content_Type="application/json").status

    took = time.monotonic() - begun
    received = [read_all(plug, silence=3) for plug in plugs]
    for plug in plugs:
        plug.close()
    assert (meanwhile, took < 1) == (200, True)
    assert [statuses(each) for each in received] == [[408]] * 10


@pytest.mark.parametrize("endless", [b"a: b\r\n" * 10_000, b"a" * 60_000])
@pytest.mark.parametrize(("token", "found"), [(SECRET, [431]), ("mp_nobody-s", [401, 431])])
def test_what_goes_on_behind_a_body_is_refused(door, service, endless, token, found):
    head = request(service, CHUNKED, body=b"2\r\n{}\r\n0\r\nx: ").replace(SECRET.encode(), token.encode())

    with door.connect() as plug:
        plug.sendall(head)
        time.sleep(0.2)
        plug.sendall(endless)
        received = read_all(plug, silence=3)

    assert statuses(received) == found


def test_slow_head_is_refused(tmp_path):
    with gateway(tmp_path) as door, door.connect() as plug:
        plug.sendall(b"GET / HT")
        received = read_all(plug, silence=14)

    assert statuses(received) == [408]


def test_client_that_does_not_read_is_given_up(door):
    """An answer of 40 MB for somebody who reads none of it: the instance is not held for longer than the limit."""
    ended = threading.Event()

    def behave(plug, _backend):
        read_request(plug)
        size = 40_000_000
        plug.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        try:
            plug.sendall(b"x" * size)
        finally:
            ended.set()

    with backend(behave) as instance, door.connect() as plug:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plug.sendall(request(tell(door, instance.path), length(2), body=b"{}"))

        assert ended.wait(6)
    resident = int(Path(f"/proc/{door.process.pid}/statm").read_text().split()[1]) * 4096
    assert resident < 300 * 1024 * 1024


def test_body_refused_early_is_still_answered_on_a_kept_connection(door, service):
    """413 comes before the body; what was sent is read away, so that the next request is understood."""
    size = 13_000_000
    with door.connect() as plug:
        plug.sendall(request(service, length(size)))
        answer = plug.recv(65536)
        plug.sendall(b"x" * size)
        plug.sendall(request(service, length(2), "Content-Type: application/json", body=b"{}"))
        following = read_all(plug, silence=1.5)

    assert (statuses(answer), statuses(following)) == ([413], [200])


def test_slow_body_of_a_request_sent_ahead_is_waited_for_like_any_other(tmp_path, model):
    with gateway(tmp_path) as door:
        path = tell(door, model.path)
        with door.connect() as plug:
            first = request(path, length(2), JSON, body=b"{}")
            plug.sendall(first + request(path, length(12), JSON, body=b"{"))
            for _ in range(10):
                time.sleep(1.1)
                plug.sendall(b" ")
            plug.sendall(b"}")
            received = read_all(plug, silence=2)

    assert statuses(received) == [200, 200]


def test_too_many_connections_are_told_so(tmp_path):
    with gateway(tmp_path, GATEWAY_CONNECTIONS=5) as door:
        wait_for(lambda: door.health().status == 503)
        plugs = [door.connect() for _ in range(5)]
        time.sleep(0.3)

        received = door.send(GET)

        for plug in plugs:
            plug.close()
        wait_for(lambda: statuses(door.send(GET)) == [503] and b"snapshot" in door.send(GET))
    assert statuses(received) == [503]
    assert b"Too many connections" in received

"""What instances can do to the gateway, byte by byte."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.inference.serving import statuses
from tests.serving.backends import OK, answers, backend, read_request
from tests.serving.gateway import length, request, service_of, tell


def test_only_what_is_safe_comes_back(door):
    lines = [
        b"Set-Cookie: sessionid=1",
        b"Access-Control-Allow-Origin: *",
        b"Server: x",
        b"X-Accel-Redirect: /etc/passwd",
    ]
    lines += [b"Location: https://elsewhere", b"Connection: keep-alive", b"ETag: 1", b"Content-Type: text/x"]
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + b"\r\n".join(lines) + b"\r\n\r\nok"
    with backend(answers(data)) as instance:
        found = door.ask(tell(door, instance.path), body=b"{}")

    names = {name.lower() for name in found.headers}
    assert names == {"date", "etag", "content-type", "content-length", "x-request-id", "x-content-type-options"}
    assert found.body == b"ok"


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n", b"ok!"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx", b"x"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok"),
    ],
)
def test_answers_of_any_framing_are_understood(door, data, body):
    with backend(answers(data)) as instance:
        path = tell(door, instance.path)
        found = [door.ask(path, body=b"{}") for _ in range(2)]

    assert [each.body for each in found] == [body, body]


def test_answer_without_a_length_ends_with_its_connection(door):
    def behave(plug, _backend):
        read_request(plug)
        plug.sendall(b"HTTP/1.1 200 OK\r\n\r\nall of ")
        time.sleep(0.1)
        plug.sendall(b"it")

    with backend(behave) as instance:
        found = door.ask(tell(door, instance.path), body=b"{}")

    assert (found.status, found.body) == (200, b"all of it")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no http\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 200_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
        b"HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nok",
    ],
)
def test_instance_that_does_not_answer_in_http_is_answered_502(door, data):
    def behave(plug, _backend):
        read_request(plug)
        plug.sendall(data)

    with backend(behave) as instance:
        found = door.ask(tell(door, instance.path), body=b"{}")

    assert (found.status, found.value["error_code"]) == (502, "ModelArts.4302")


@pytest.mark.parametrize("endless", [b"a: b\r\n" * 10_000, b"a" * 65_536, b"1;" + b"a" * 65_536])
def test_answer_that_goes_on_behind_its_body_is_ended(door, endless):
    """Lines behind the last chunk, a line without an end, or a chunk's line without one."""
    sent = []

    def behave(plug, _backend):
        read_request(plug)
        plug.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
        plug.sendall(b"" if endless.startswith(b"1") else b"0\r\nx: ")
        for _ in range(200):
            plug.sendall(endless)
            sent.append(len(endless))

    with backend(behave) as instance:
        received = door.send(request(tell(door, instance.path), length(2), body=b"{}"), silence=3)

    assert statuses(received) == [200]
    assert sum(sent) < 2_000_000


def test_what_an_instance_says_unasked_reaches_nobody(door):
    """The first answer is followed by another one, as if for the next request."""
    with backend(answers(OK + OK.replace(b"ok", b"no"))) as instance:
        path = tell(door, instance.path)
        found = [door.ask(path, body=b"{}").body for _ in range(4)]

    assert found == [b"ok"] * 4


def test_instance_lost_in_the_middle_of_an_answer_ends_the_client_s_connection(door):
    def behave(plug, _backend):
        read_request(plug)
        plug.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
        time.sleep(0.2)

    with backend(behave) as instance:
        received = door.send(request(tell(door, instance.path), length(2), body=b"{}"), silence=3)

    assert statuses(received) == [200]
    assert received.removesuffix(b"<reset>").endswith(b"some")


def test_crash_on_a_request_is_not_repeated(door):
    """A kept connection that ends after the request was read: nobody knows what was done, so it is asked once."""
    seen = []

    def behave(plug, _backend):
        read_request(plug)
        seen.append("asked")
        if len(seen) == 1:
            plug.sendall(OK)
            read_request(plug)
            seen.append("crashed")

    with backend(behave) as instance:
        path = tell(door, instance.path)
        found = [door.ask(path, body=b"{}").status for _ in range(2)]

    assert (found, seen) == ([200, 502], ["asked", "crashed"])


def test_kept_connection_that_the_instance_has_closed_is_replaced(door):
    def behave(plug, _backend):
        read_request(plug)
        plug.sendall(OK)

    with backend(behave) as instance:
        path = tell(door, instance.path)
        found = [door.ask(path, body=b"{}").status for _ in range(5)]

    assert found == [200] * 5


def test_connections_are_kept(door):
    with backend(answers(OK)) as instance:
        path = tell(door, instance.path)
        for _ in range(10):
            door.ask(path, body=b"{}")

        assert instance.connections == 1


def test_hanging_model_is_answered_504_and_its_connection_ends(door):
    ended = threading.Event()

    def behave(plug, _backend):
        read_request(plug)
        if not plug.recv(1):
            ended.set()

    with backend(behave) as instance:
        begun = time.monotonic()
        found = door.ask(tell(door, instance.path), body=b"{}")

        assert (found.status, found.value["error_code"]) == (504, "ModelArts.4503")
        assert 1.9 < time.monotonic() - begun < 4
        assert ended.wait(2)


def test_hanging_model_takes_its_own_places_and_no_others(door, model):
    def hang(plug, _backend):
        read_request(plug)
        plug.recv(1)

    with backend(hang) as stuck:
        (first, services), (second, more) = service_of(stuck.path), service_of(model.path)
        door.tell(services | more)
        with ThreadPoolExecutor(30) as pool:
            calls = [pool.submit(door.ask, f"/infer/{first}", body=b"{}") for _ in range(30)]
            time.sleep(0.5)
            begun = time.monotonic()
            other = door.ask(f"/infer/{second}", body=b"{}", Content_Type="application/json").status
            took = time.monotonic() - begun
            found = sorted(call.result().status for call in calls)

    assert (other, took < 1) == (200, True)
    assert found == [429] * 26 + [504] * 4

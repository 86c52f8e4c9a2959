"""HTTP as honest clients speak it: kept connections, requests sent ahead, chunks, 100-continue, methods and paths."""

import http.client
import json
import os
import subprocess
import sys
import threading

import pytest

from tests.inference.serving import SERVER, package_with, read_all, serving, statuses


def post(body, *headers):
    head = [
        b"POST / HTTP/1.1",
        b"Host: m",
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        *headers,
    ]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def test_requests_sent_ahead_are_answered_in_their_order(tmp_path):
    with serving(package_with(tmp_path)) as server:
        found = server.send(
            b"".join(post(b'{"n": %d}' % number) + b"GET /health HTTP/1.1\r\nHost: m\r\n\r\n" for number in range(20))
            + post(b'{"n": "last"}', b"Connection: close")
        )

    answers = [line for line in found.replace(b"HTTP/1.1", b"\r\nHTTP/1.1").split(b"\r\n") if line.startswith(b'{"n"')]
    assert answers == [b'{"n": %d}' % number for number in range(20)] + [b'{"n": "last"}']
    assert statuses(found) == [200] * 41
    assert found.count(b"Connection: close") == 1


def test_many_large_requests_sent_ahead_do_not_pile_up(tmp_path):
    with serving(package_with(tmp_path)) as server:
        body = b'["' + b"a" * 300_000 + b'"]'
        with server.connect() as plug:
            sender = threading.Thread(target=plug.sendall, args=[post(body) * 19 + post(body, b"Connection: close")])
            sender.start()
            found = read_all(plug, silence=5)
            sender.join()

    assert statuses(found) == [200] * 20


def test_connection_to_a_port_is_kept_between_requests(tmp_path):
    command = [sys.executable, "-I", SERVER, "--package", package_with(tmp_path), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        port = int(json.loads(process.stderr.readline())["address"].rpartition(":")[2])
        assert json.loads(process.stderr.readline())["event"] == "ready"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.connect()
        plug, answers = connection.sock, []
        for number in range(5):
            connection.request("POST", "/", json.dumps({"n": number}))
            answers.append(json.loads(connection.getresponse().read()))
        kept = connection.sock is plug
        connection.close()
    finally:
        process.kill()
        process.communicate()

    assert answers == [{"n": number} for number in range(5)]
    assert kept


def test_client_of_http_1_0_is_answered_and_closed_or_kept_as_it_asks(tmp_path):
    with serving(package_with(tmp_path)) as server:
        closed = server.send(b"GET /health HTTP/1.0\r\n\r\n" * 2)
        kept = server.send(b"GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 2)

    assert statuses(closed) == [200]
    assert statuses(kept) == [200, 200]
    assert kept.count(b"Connection: keep-alive") == 2


def test_client_that_expects_100_continue_is_told_to_go_on(tmp_path):
    with serving(package_with(tmp_path)) as server, server.connect() as plug:
        plug.sendall(b"POST / HTTP/1.1\r\nHost: m\r\nContent-Length: 8\r\nExpect: 100-continue\r\n\r\n")
        interim = plug.recv(1000)
        plug.sendall(b'{"a": 1}')
        final = read_all(plug)

    assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert final.endswith(b'\r\n\r\n{"a": 1}')


@pytest.mark.parametrize(
    ("head", "status"),
    [(b"POST /x HTTP/1.1\r\nContent-Length: 8", 404), (b"POST / HTTP/1.1\r\nContent-Length: 99999999", 413)],
)
def test_client_that_expects_100_continue_is_told_of_a_refusal_before_it_sends(tmp_path, head, status):
    with serving(package_with(tmp_path)) as server:
        found = server.send(head + b"\r\nHost: m\r\nExpect: 100-continue\r\n\r\n")

    assert statuses(found) == [status]


def test_chunked_request_is_answered(tmp_path):
    with serving(package_with(tmp_path)) as server:
        answer = server.ask(body=iter([b'{"a"', b": 1}"]), Content_Type="application/json")

    assert answer.value == {"a": 1}


def test_body_of_twelve_megabytes_is_taken_and_one_more_byte_is_not(tmp_path):
    methods = """
    def _inference(self, data):
        (name, file), = data["f"].items()
        return [name, len(file.read())]
"""
    head = b'--X\r\nContent-Disposition: form-data; name="f"; filename="big.bin"\r\n\r\n'
    end = b"\r\n--X--\r\n"
    content = os.urandom(12 * 1024 * 1024 - len(head) - len(end))
    kind = {"Content_Type": "multipart/form-data; boundary=X"}
    with serving(package_with(tmp_path, methods)) as server:
        taken = server.ask(body=head + content + end, **kind)
        refused = server.ask(body=iter([head, content, b"1", end]), **kind)

    assert taken.value == ["big.bin", len(content)]
    assert (refused.status, refused.value["error_code"]) == (413, "APIG.0201")


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/nowhere", 404, None), ("POST", "//", 404, None), ("PUT", "/", 405, "GET, POST"),
        ("HEAD", "/", 405, "GET, POST"), ("POST", "/health", 405, "GET, HEAD"), ("BREW", "/", 405, "GET, POST"),
        ("HEAD", "/health", 200, None), ("GET", "/health?x=1", 200, None), ("GET", "/%68ealth", 200, None),
    ],
)  # fmt: skip
def test_paths_and_methods_are_answered_as_http_has_it(tmp_path, method, path, status, allow):
    with serving(package_with(tmp_path)) as server:
        answer = server.ask(method=method, path=path)

    assert (answer.status, answer.headers["Allow"]) == (status, allow)
    assert (answer.body == b"") is (method == "HEAD")
    assert int(answer.headers["Content-Length"]) > 0


def test_get_asks_with_the_parameters_of_its_query(tmp_path):
    with serving(package_with(tmp_path)) as server:
        answer = server.ask(method="GET", path="/?city=%E5%8C%97%E4%BA%AC&n=1")

    assert answer.value == {"city": "北京", "n": "1"}

"""Heads of requests: what is taken, and what is refused because another server may read it otherwise."""

import time

import pytest

from inference.http_head import Head, HttpError, parse_head


def head(*lines):
    return "\r\n".join(lines).encode("latin-1")


def refusal(block):
    with pytest.raises(HttpError) as caught:
        parse_head(block)
    return caught.value.status


def test_head_says_what_the_request_is():
    found = parse_head(
        head(
            "POST /a%20b?x=1&y=%2F HTTP/1.1",
            "host: m",
            "Content-Length:  12 ",
            "X-Request-ID: r-1",
            "content-type: a/b",
        )
    )

    assert found == Head("POST", "/a b", "x=1&y=%2F", 12, True, False, False, "a/b", "r-1")


def test_absolute_target_counts_as_its_path():
    assert parse_head(head("GET http://m:80/health?a HTTP/1.1", "Host: m")).path == "/health"
    assert parse_head(head("GET http://m HTTP/1.1", "Host: m")).path == "/"


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        ("1.1", None, True),
        ("1.1", "close", False),
        ("1.1", "x, Close", False),
        ("1.0", None, False),
        ("1.0", "Keep-Alive", True),
    ],
)
def test_connection_is_kept_as_the_version_has_it(version, connection, kept):
    lines = [f"GET / HTTP/{version}", "Host: m"] + ([f"Connection: {connection}"] if connection else [])

    assert parse_head(head(*lines)).keep_alive is kept


@pytest.mark.parametrize(
    "line",
    [
        "", "GET", "GET /", "GET / HTTP/1.1 ", " GET / HTTP/1.1", "GET  / HTTP/1.1", "GET / HTTP/1.1x",
        "GET / http/1.1", "G\x01T / HTTP/1.1", "GET /a b HTTP/1.1", "GET /\x7f HTTP/1.1", "GET a HTTP/1.1",
        "GET * HTTP/1.1", "GET ftp://m/ HTTP/1.1", "GET\t/\tHTTP/1.1", "GET / HTTP/11", "GET /\xe9 HTTP/1.1",
    ],
)  # fmt: skip
def test_request_line_that_is_malformed_is_refused(line):
    assert refusal(head(line, "Host: m")) == 400


@pytest.mark.parametrize(
    "lines",
    [
        ["Host: m", "Content-Length: 1", "Content-Length: 1"],
        ["Host: m", "Content-Length: 1", "Content-Length: 2"],
        ["Host: m", "Content-Length: 1", "content-length: 1"],
        ["Host: m", "Content-Length: 1, 1"],
        ["Host: m", "Content-Length: +1"],
        ["Host: m", "Content-Length: -1"],
        ["Host: m", "Content-Length: 0x1"],
        ["Host: m", "Content-Length: 1_0"],
        ["Host: m", "Content-Length: \xb2"],
        ["Host: m", "Content-Length:"],
        ["Host: m", "Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Host: m", "Transfer-Encoding: chunked", "Content-Length: 5"],
        ["Host: m", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
        ["Host: m", "Content-Length : 5"],
        ["Host: m", "Transfer-Encoding : chunked"],
        ["Host: m", "X: 1", " folded"],
        ["Host: m", "X: 1", "\tfolded: 2"],
        ["Host: m", "X: a\nContent-Length: 5"],
        ["Host: m", "X: a\rContent-Length: 5"],
        ["Host: m", "X: a\x00b"],
        ["Host: m", "no colon"],
        ["Host: m", ": no name"],
        ["Host: m", "na\xefme: x"],
        ["Host: m", "Host: other"],
        ["X: no host"],
    ],
)
def test_headers_that_can_be_read_in_two_ways_are_refused(lines):
    assert refusal(head("POST / HTTP/1.1", *lines)) == 400


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["POST / HTTP/1.1", "Host: m", "Transfer-Encoding: gzip, chunked"], 501),
        (["POST / HTTP/1.1", "Host: m", "Transfer-Encoding: xchunked"], 501),
        (["POST / HTTP/1.1", "Host: m", "Transfer-Encoding:"], 501),
        (["POST / HTTP/1.0", "Host: m", "Transfer-Encoding: chunked"], 400),
        (["POST / HTTP/2.0", "Host: m"], 505),
        (["POST / HTTP/1.2", "Host: m"], 505),
        (["POST / HTTP/1.1", "Host: m", "Expect: 200-ok"], 417),
        (["POST / HTTP/1.1", "Host: m", "Content-Encoding: gzip"], 415),
        (["POST / HTTP/1.1", "Host: m", *["X: 1"] * 100], 431),
    ],
)
def test_head_that_asks_for_what_is_not_done_here_is_refused(lines, status):
    assert refusal(head(*lines)) == status


def test_id_that_is_not_fit_for_a_log_is_left_out():
    assert parse_head(head("GET / HTTP/1.1", "Host: m", 'X-Request-ID: a" b')).request_id == ""


@pytest.mark.parametrize("value", ["x" + " " * 200_000 + "y", " " * 200_000, "\t x" * 60_000])
def test_header_is_read_in_a_time_that_grows_with_its_length_alone(value):
    begun = time.process_time()

    parse_head(head("GET / HTTP/1.1", "Host: m", f"X: {value}"))

    assert time.process_time() - begun < 2


def test_malformed_header_is_refused_in_a_time_that_grows_with_its_length_alone():
    begun = time.process_time()

    with pytest.raises(HttpError):
        parse_head(head("GET / HTTP/1.1", "Host: m", f"X:{' ' * 16_000}\x01"))

    assert time.process_time() - begun < 0.5

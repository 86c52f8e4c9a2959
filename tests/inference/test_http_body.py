"""Bodies: by length or in chunks, in pieces of any size, within a limit."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.http_body import Body, ChunkedFraming, LengthFraming
from inference.http_head import HttpError


def read(framing, pieces, limit=1000):
    """The body, whether it ended, and what is left for the next request."""
    buffer, body, ended = bytearray(), Body(limit, None), False
    for piece in pieces:
        buffer += piece
        ended = ended or framing.read(buffer, body)
    return body.content(), ended, bytes(buffer)


def split(data, sizes):
    pieces, at = [], 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at += size
    return [*pieces, data[at:]]


SIZES = st.lists(st.integers(1, 9), max_size=60)


@settings(deadline=None)
@given(content=st.binary(max_size=40), sizes=SIZES)
def test_body_of_a_length_ends_there(content, sizes):
    assert read(LengthFraming(len(content)), split(content + b"NEXT", sizes)) == (content, True, b"NEXT")


@settings(deadline=None)
@given(chunks=st.lists(st.binary(min_size=1, max_size=20), max_size=6), sizes=SIZES, trailer=st.booleans())
def test_chunks_are_put_together_however_they_arrive(chunks, sizes, trailer):
    data = b"".join(b"%x;a=b\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    data += b"0\r\n" + (b"X-Sum: 1\r\n" if trailer else b"") + b"\r\n"

    found = read(ChunkedFraming(), split(data + b"NEXT", sizes))

    assert found == (b"".join(chunks), True, b"NEXT")


@pytest.mark.parametrize(
    "data",
    [
        b"5\nhello\r\n0\r\n\r\n", b"5\r\nhello\n0\r\n\r\n", b"5\r\nhelloX\r\n", b"5\r\nhello!!", b"-1\r\n",
        b"+5\r\n", b"0x5\r\n", b" 5\r\nhello", b"5 x\r\n", b"\r\n", b"g\r\n", b"fffffffff\r\n", b"5;a\x00\r\n",
        b"0\r\nX\r\n\r\n", b"0\r\n X: 1\r\n\r\n", b"0\r\nX: a\nY: b\r\n\r\n", b"5;" + b"a" * 300, b"0" * 300,
    ],
)  # fmt: skip
def test_chunks_that_can_be_read_in_two_ways_are_refused(data):
    with pytest.raises(HttpError) as caught:
        read(ChunkedFraming(), [data])

    assert caught.value.status == 400


def test_trailers_without_end_are_refused():
    with pytest.raises(HttpError) as caught:
        read(ChunkedFraming(), [b"0\r\n", b"X: 1\r\n" * 2000])

    assert caught.value.status == 431


def test_chunks_beyond_the_limit_are_refused():
    with pytest.raises(HttpError) as caught:
        read(ChunkedFraming(), [b"64\r\n" + b"a" * 100 + b"\r\n"] * 11)

    assert (caught.value.status, caught.value.message) == (413, "The body is larger than 1000 bytes")

"""What a service is given for a request."""

import json

import pytest

from inference.decoding import Request, UnknownContent, decode
from inference.engines.base import BadRequest

JSON = "application/json"
URLENCODED = "application/x-www-form-urlencoded"


def data(body=b"", content_type="", query="", *, as_text=False, form=None):
    return decode(Request(query, content_type, body, form), as_text=as_text)


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b'{"a": [1]}', JSON, {"a": [1]}),
        (b"[1, 2]", JSON, [1, 2]),
        (b"\xef\xbb\xbf{}", JSON, {}),
        (b'{"a": NaN}', "application/json; charset=utf-8", {"a": pytest.approx(float("nan"), nan_ok=True)}),
        ('{"a": "é"}'.encode("latin-1"), "application/json;charset=latin-1", {"a": "é"}),
        (b'{"a": 1}', "", {"a": 1}),
        (b'{"a": 1}', "applicaton/json", {"a": 1}),
        (b'{"a": 1}', "application/vnd.x+json", {"a": 1}),
        (b'{"a": 1}', "text/plain", {"a": 1}),
        (b"hello", "text/plain", "hello"),
        (b'{"a": 1}', URLENCODED, {"a": 1}),
        (b"a=1&b=%C3%A9&a=2&c=", URLENCODED, {"a": "2", "b": "é", "c": ""}),
    ],
)
def test_body_is_what_it_says_or_looks_like(body, content_type, expected):
    assert data(body, content_type) == expected


@pytest.mark.parametrize("content_type", [JSON, "", "text/plain", URLENCODED])
def test_classic_engines_are_given_the_text(content_type):
    assert data(b'\xef\xbb\xbf{"a": 1}', content_type, as_text=True) == '{"a": 1}'


def test_query_is_the_data_without_a_body_and_fields_beside_a_form():
    assert data(query="a=1&b=2") == {"a": "1", "b": "2"}
    assert data(query="a=1&b=2", form={"b": "own"}) == {"a": "1", "b": "own"}
    assert data(b'{"c": 3}', JSON, "a=1") == {"c": 3}
    assert data() == {}


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b'{"a": 1,\n}', JSON, "The body is not JSON: "),
        (b"\xff", JSON, "The body is not text in utf-8: "),
        (b"{}", "application/json; charset=zip", "The charset zip is unknown"),
        (b"{}", "application/json; charset=base64", "The charset base64 is unknown"),
        (b"[" * 100_000, JSON, "The body is JSON that cannot be read: "),
        (b"1" * 5_000, JSON, "The body is JSON that cannot be read: "),
        (b"&".join([b"a=1"] * 1_001), URLENCODED, "The parameters cannot be read: "),
    ],
)
def test_body_that_cannot_be_read_is_refused_with_the_reason(body, content_type, reason):
    with pytest.raises(BadRequest) as caught:
        data(body, content_type)

    assert str(caught.value).startswith(reason)


def test_place_of_a_mistake_in_json_is_told():
    with pytest.raises(BadRequest) as caught:
        data(b'{"a": 1,\n "b" 2}', JSON)

    assert str(caught.value).endswith("(line 2, column 6)")


@pytest.mark.parametrize("content_type", ["image/png", "application/octet-stream", "text/html"])
def test_body_no_service_is_given_is_refused(content_type):
    with pytest.raises(UnknownContent) as caught:
        data(json.dumps({}).encode(), content_type)

    assert str(caught.value) == f"The body is {content_type}; send application/json or multipart/form-data"

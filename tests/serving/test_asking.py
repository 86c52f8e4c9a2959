"""From what an interface declares to the request it is asked with."""

import json
import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.multipart import boundary_of
from registry.config import FORM_TYPE, JSON_TYPE, Api
from serving.asking import (
    Asked,
    Field,
    Kind,
    NotAskable,
    SentFile,
    Way,
    attached_request,
    example_text,
    fields,
    json_request,
    request_of,
    sample_of,
    snippets,
    ways,
)
from serving.asking.requests import pretty
from tests.serving.apis_asked import NUMBERS, PICTURE, api_of, form_of, hostile_texts

ROWS = {
    "type": "object",
    "properties": {
        "req_data": {"type": "array", "items": [{"type": "object", "properties": {"x": {"type": "float"}}}]}
    },
}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
KEYWORDS = (
    "type",
    "properties",
    "items",
    "required",
    "default",
    "enum",
    "minimum",
    "maximum",
    "minItems",
    "description",
)
WORDS = ("object", "array", "string", "number", "integer", "boolean", "file", "list", "NULL")
schemas = st.recursive(
    json_values | st.fixed_dictionaries({"type": st.sampled_from(WORDS)}),
    lambda inner: (
        st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=6)
        | st.builds(
            lambda names, types: {"type": "object", "properties": dict(zip(names, types, strict=False))},
            st.lists(st.text(), max_size=4),
            st.lists(inner, max_size=4),
        )
    ),
    max_leaves=20,
)


def test_fields_follow_the_schema():
    schema = {
        "type": "object",
        "required": ["images"],
        "properties": {
            "images": {"type": "file", "description": "A picture"},
            "more": {"type": "array", "items": {"type": "file"}},
            "k": {"type": "integer", "default": 3, "minimum": 1, "maximum": 9},
            "label": {"enum": ["cat", "dog"]},
            "flag": {"type": "boolean"},
            "box": {"type": "list"},
            "anything": {},
        },
    }

    assert fields(api_of(schema, FORM_TYPE)) == (
        Field("images", Kind.FILE, required=True, description="A picture"),
        Field("more", Kind.FILE, many=True),
        Field("k", Kind.INTEGER, default="3", minimum="1", maximum="9"),
        Field("label", Kind.CHOICE, choices=("cat", "dog")),
        Field("flag", Kind.BOOLEAN),
        Field("box", Kind.JSON),
        Field("anything", Kind.TEXT),
    )


@pytest.mark.parametrize(
    ("api", "expected"),
    [
        (api_of(PICTURE, FORM_TYPE), (Way.FORM,)),
        (api_of(PICTURE, JSON_TYPE), (Way.FORM, Way.JSON)),
        (api_of(NUMBERS), (Way.JSON, Way.FORM)),
        (api_of({}), (Way.JSON,)),
        (api_of(NUMBERS, method="get"), (Way.FORM,)),
        (Api(), (Way.JSON,)),
    ],
)
def test_ways_follow_the_declared_request(api, expected):
    assert ways(api) == expected


def test_json_types_follow_the_schema():
    schema = {
        "properties": {
            "a": {"type": "number"},
            "n": {"type": "integer"},
            "t": {"type": "string"},
            "b": {"type": "boolean"},
            "l": {"type": "array"},
            "c": {"type": "integer", "enum": [1, 2]},
            "left_out": {"type": "number"},
        }
    }
    values = {"a": "1.5", "n": "4", "t": "7", "b": "true", "l": "[1, null]", "c": "2", "left_out": "", "other": "x"}

    asked = request_of(api_of(schema), values, {})

    assert (asked.method, asked.path, asked.headers) == ("POST", "/", {"Content-Type": JSON_TYPE})
    assert json.loads(asked.body) == {"a": 1.5, "n": 4, "t": "7", "b": True, "l": [1, None], "c": 2}


def test_every_field_that_cannot_be_sent_is_named():
    schema = {
        "required": ["t"],
        "properties": {
            "images": {"type": "file", "required": True},
            "t": {"type": "string"},
            "a": {"type": "number"},
            "n": {"type": "integer"},
            "b": {"type": "boolean"},
            "l": {"type": "array"},
            "c": {"enum": ["x"]},
        },
    }
    values = {"a": "one", "n": "1.5", "b": "perhaps", "l": "[NaN]", "c": "y"}

    with pytest.raises(NotAskable) as refused:
        request_of(api_of(schema, FORM_TYPE), values, {})

    assert [(problem.name, problem.code) for problem in refused.value.problems] == [
        ("images", "ask.file_missing"),
        ("t", "ask.value_missing"),
        ("a", "ask.not_number"),
        ("n", "ask.not_integer"),
        ("b", "ask.not_boolean"),
        ("l", "ask.not_json"),
        ("c", "ask.not_choice"),
    ]


def test_a_get_carries_its_fields_in_the_query():
    asked = request_of(api_of(NUMBERS, method="GET", url="/a b\r\nX: y"), {"a": "1", "n": "2"}, {})

    assert asked == Asked("GET", "/a%20b%0D%0AX:%20y?a=1&n=2")


def test_a_file_makes_a_form_even_where_json_was_declared():
    asked = request_of(api_of(PICTURE), {"k": "5"}, {"images": [SentFile("a.png", "image/png", b"\x89PNG\r\n--")]})

    form = form_of(asked)
    assert form["k"] == "5"
    assert {name: file.read() for name, file in form["images"].items()} == {"a.png": b"\x89PNG\r\n--"}


@given(hostile_texts, hostile_texts, hostile_texts, st.binary(max_size=200))
def test_no_name_or_content_breaks_out_of_a_form(parameter, name, media, data):
    api = api_of({"properties": {parameter: {"type": "file"}}}, FORM_TYPE)

    form = form_of(request_of(api, {}, {parameter: [SentFile(name, media, data)]}))

    assert [[file.read() for file in files.values()] for files in form.values()] == [[data]]


def test_the_boundary_is_never_in_what_is_sent():
    api = api_of(PICTURE, FORM_TYPE)
    first = request_of(api, {}, {"images": [SentFile("a", "", b"x")]})
    boundary = boundary_of(first.headers["Content-Type"])

    again = request_of(api, {}, {"images": [SentFile("a", "", b"\r\n--" + boundary + b"--\r\n")]})

    assert list(form_of(again)) == ["images"]


@pytest.mark.parametrize("text", ["", "{", "[1,]", '{"a": NaN}', "[" * 100_000])
def test_no_json_is_refused(text):
    with pytest.raises(NotAskable):
        json_request(Api(), text)


def test_malformed_json_says_where():
    with pytest.raises(NotAskable) as refused:
        json_request(Api(), '{"a": 1,\n "b" 2}')

    assert refused.value.problems[0].params == {"line": 2, "column": 6, "error": "Expecting ':' delimiter"}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (NUMBERS, {"a": 0, "n": 3}),
        (ROWS, {"req_data": [{"x": 0}]}),
        ({"properties": {"p": {"type": "array", "items": {"type": "number"}, "minItems": 3}}}, {"p": [0, 0, 0]}),
        ({"properties": {"s": {"type": "string", "default": "x"}, "e": {"enum": ["a", "b"]}}}, {"s": "x", "e": "a"}),
        ({"properties": {"x": {"type": "number", "maximum": -2}}}, {"x": -2}),
        ({"properties": {"x": {"type": "number", "default": "2.5"}}}, {"x": 2.5}),
        ({"properties": {"x": {"type": "number", "examples": [7], "minimum": 1}}}, {"x": 7}),
        ({"properties": {"t": {"type": "array", "items": [{"type": "string"}, {"type": "number"}]}}}, {"t": ["", 0]}),
    ],
)
def test_a_sample_follows_from_the_schema(schema, expected):
    assert json.loads(sample_of(api_of(schema)).body) == expected


@pytest.mark.parametrize(
    "api",
    [
        api_of({}),
        api_of({"properties": {}}),
        api_of(PICTURE, FORM_TYPE),
        api_of(PICTURE),
        api_of({"properties": {"x": {"type": "array", "items": {}, "minItems": 10**9}}}),
        api_of({"properties": {"x": {"type": "string", "minLength": 10**9}}}),
    ],
)
def test_nothing_is_asked_where_nothing_follows(api):
    assert sample_of(api) is None


def test_a_sample_of_a_form_has_its_defaults_as_fields():
    asked = sample_of(api_of({"properties": {"k": {"type": "integer", "default": 3}}}, FORM_TYPE))

    assert form_of(asked) == {"k": "3"}


def test_a_deep_schema_is_bounded():
    schema = {"type": "number"}
    for _ in range(500):
        schema = {"type": "object", "properties": {"x": schema}}

    assert sample_of(api_of(schema)) is None
    assert example_text(api_of(schema)) == "{}"


def test_a_wide_schema_is_bounded():
    schema = {"type": "array", "items": {"type": "number"}, "minItems": 4000}
    for _ in range(6):
        schema = {"type": "array", "items": schema, "minItems": 4000}

    assert sample_of(api_of({"properties": {"x": schema}})) is None


@settings(max_examples=150)
@given(
    schemas, st.sampled_from([JSON_TYPE, FORM_TYPE, "text/plain"]), st.sampled_from(["get", "POST", ""]), hostile_texts
)
def test_no_schema_breaks_anything(schema, content_type, method, url):
    api = api_of(schema, content_type, method, url)

    asked = sample_of(api)
    shown = snippets("http://localhost:8001/infer/x", api)

    assert isinstance(fields(api), tuple)
    assert asked is None or (asked.path.isascii() and len(asked.body) < 1024 * 1024)
    assert asked is None or not set(asked.path) & set(" \r\n\0")
    assert Asked.from_dict(asked.as_dict()) == asked if asked else True
    json.loads(example_text(api))
    compile(shown.python, "snippet", "exec")
    assert not shown.curl or shlex.split(shown.curl)[0] == "curl"


def test_an_attached_file_goes_by_the_first_parameter_that_takes_one():
    kept = {"json": '{"k": 7}', "files": [{"parameter": "", "name": "d.png", "type": "image/png", "data": "iVBORw=="}]}

    form = form_of(attached_request(api_of(PICTURE, FORM_TYPE), kept))

    assert form["k"] == "7"
    assert {name: file.read() for name, file in form["images"].items()} == {"d.png": b"\x89PNG"}


@pytest.mark.parametrize(
    ("api", "kept"),
    [
        (api_of(NUMBERS), {}),
        (api_of(NUMBERS), {"json": "{"}),
        (api_of(PICTURE, FORM_TYPE), {"files": [{"data": "no base64"}]}),
    ],
)
def test_an_attachment_that_makes_no_request_asks_nothing(api, kept):
    assert attached_request(api, kept) is None


@given(json_values)
def test_no_attachment_breaks_anything(value):
    kept = {"json": value, "files": [{"parameter": value, "name": value, "type": value, "data": ""}]}

    assert attached_request(api_of(PICTURE, FORM_TYPE), kept).method == "POST"


@given(json_values)
def test_pretty_json_is_the_same_json(value):
    text = pretty(value)

    assert json.dumps(json.loads(text)) == json.dumps(json.loads(json.dumps(value)))


def test_pretty_json_fills_lines_with_long_plain_lists():
    text = pretty({"pixels": [0] * 64, "rows": [[1] * 64]})

    assert json.loads(text) == {"pixels": [0] * 64, "rows": [[1] * 64]}
    assert len(text.splitlines()) == 17
    assert max(map(len, text.splitlines())) <= 52


def test_pretty_json_keeps_plain_lists_on_their_line():
    assert pretty({"boxes": [[1, 2], [3, 4]], "none": {}, "é": []}) == (
        '{\n  "boxes": [\n    [1, 2],\n    [3, 4]\n  ],\n  "none": {},\n  "é": []\n}'
    )

"""What the parameter viewer shows of schemas, and that it stays within what a page can hold."""

import pytest
from django.template import Context, Template
from django.utils.translation import override

from registry.config import Api, ModelConfig, Payload
from registry.config_view import DEEPEST, MOST_BARS, MOST_PARTS, MOST_ROWS, Fact, bars_of


def shown(properties, **schema):
    """The rows of an input with these properties."""
    payload = Payload(schema={"type": "object", "properties": properties, **schema})
    (bar,) = bars_of(ModelConfig(apis=(Api(request=payload),))).bars
    return bar.input


def rows_in(rows):
    return sum(1 + rows_in(row.parts) for row in rows)


def html_of(properties):
    config = ModelConfig(apis=(Api(request=Payload(schema={"properties": properties})),))
    return Template('{% include "components/parameters.html" %}').render(Context({"config": config}))


@pytest.mark.parametrize(
    ("schema", "facts", "rest"),
    [
        ({"minimum": 0, "maximum": 1.5}, [Fact("Range", "0 – 1.5")], ""),
        ({"minimum": 0}, [Fact("Range", "≥ 0")], ""),
        ({"exclusiveMinimum": 0, "maximum": 9}, [Fact("Range", "≤ 9, > 0")], ""),
        ({"minimum": "0", "exclusiveMaximum": True}, [], '"minimum": "0", "exclusiveMaximum": true'),
        ({"minLength": 1, "maxLength": 8}, [Fact("Length", "1 – 8")], ""),
        ({"maxItems": 3}, [Fact("Items", "≤ 3")], ""),
        ({"default": None}, [Fact("Default", "null")], ""),
        ({"default": "快"}, [Fact("Default", '"快"')], ""),
        ({"enum": ["a", 1, None]}, [Fact("One of", '"a", 1, null')], ""),
        ({"enum": "a"}, [], '"enum": "a"'),
        ({"const": 7, "format": "date", "pattern": "^x"}, None, ""),
        ({"x-unit": {"of": "mm"}}, [], '"x-unit": {"of": "mm"}'),
    ],
)
def test_row_says_what_its_schema_says(schema, facts, rest):
    (row,) = shown({"a": {"type": "number"} | schema}).rows

    expected = facts if facts is not None else [Fact("Always", "7"), Fact("Format", '"date"'), Fact("Pattern", '"^x"')]
    assert (row.name, row.type, list(row.facts), row.rest) == ("a", "number", expected, rest)
    assert not row.folds


def test_row_unfolds_objects_arrays_and_tuples():
    box = {"type": "object", "required": ["x", 3], "properties": {"x": {"type": "number"}, "any": True}}
    side = shown(
        {
            "boxes": {"type": "array", "items": box, "description": "面"},
            "pair": {"type": "array", "items": [{"type": "string"}, True]},
        },
        required=["pair"],
    )

    boxes, pair = side.rows
    (items,) = boxes.parts
    assert (boxes.description, boxes.required, pair.required) == ("面", False, True)
    assert (items.name, items.type, items.rest) == ("[ ]", "object", "")
    assert [(part.name, part.type, part.required) for part in items.parts] == [
        ("x", "number", True),
        ("any", "", False),
    ]
    assert [(part.name, part.type) for part in pair.parts] == [("[0]", "string"), ("[1]", "")]


def test_what_lies_too_deep_is_json():
    schema = {"type": "string"}
    for _level in range(60):
        schema = {"type": "object", "properties": {"a": schema}}

    (row,) = shown({"a": schema}).rows

    for _level in range(DEEPEST):
        assert row.json == ""
        (row,) = row.parts
    assert row.json.startswith('{\n  "type": "object"')
    assert row.parts == ()


def test_a_level_shows_so_many_and_counts_the_others():
    side = shown({f"p{number}": {"type": "string"} for number in range(MOST_PARTS + 7)})

    assert (len(side.rows), side.left_out) == (MOST_PARTS, 7)


def test_a_page_shows_so_many_rows_whatever_is_declared():
    inner = {f"q{number}": {"type": "string"} for number in range(MOST_PARTS)}
    payload = Payload(schema={"properties": {f"p{n}": {"properties": inner} for n in range(50)}})

    bars = bars_of(ModelConfig(apis=(Api(request=payload, response=payload),) * (MOST_BARS + 3)))

    sides = [side for bar in bars.bars for side in (bar.input, bar.output)]
    assert (len(bars.bars), bars.left_out) == (MOST_BARS, 3)
    assert sum(rows_in(side.rows) for side in sides) == MOST_ROWS
    assert (len(sides[0].rows), sides[0].rows[-1].left_out, sides[-1].left_out) == (50, MOST_PARTS, 50)


def test_long_texts_are_cut():
    (row,) = shown({"n" * 9000: {"type": "t" * 9000, "description": "d" * 9000, "enum": ["e" * 9000]}}).rows

    assert max(map(len, (row.name, row.type, row.description, row.facts[0].text))) == 500


def test_marks_upon_letters_count_when_texts_are_cut():
    marks = "a" + "\u0301\u0323" * 2000

    (row,) = shown({"n": {"description": marks}}).rows

    assert row.description == f"{marks[:499]}…"


def test_viewer_escapes_names_and_folds_without_javascript():
    html = html_of({"<script>": {"type": "<b>", "description": "<i>", "properties": {"<u>": {"default": "<s>"}}}})

    assert html.count('<details class="parameter-fold">') == 1
    assert "&lt;script&gt;" in html
    assert [tag for tag in ("<script>", "<b>", "<i>", "<u>", "<s>") if tag in html] == []


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Range", "One of", "required", "7 more are not shown"]),
        ("zh-hans", ["范围", "可选值", "必填", "还有7项"]),
    ],
)
def test_viewer_speaks_both_languages(language, words):
    many = {f"p{number}": {} for number in range(MOST_PARTS + 7)}
    with override(language):
        html = html_of({"a": {"properties": many, "required": ["p0"]}, "b": {"minimum": 0, "enum": [1]}})

    assert [word for word in words if word not in html] == []

"""What is read from an answer of a model: classes, boxes, pictures."""

import base64
import json
import struct

import pytest

from serving.asking.answers import Reading, Score
from serving.asking.pictures import media_type, size_of
from tests.serving.services_asked import PNG


@pytest.mark.parametrize(
    ("value", "label", "scores"),
    [
        (
            {"predicted_label": "rose", "scores": [["rose", "0.99"], ["tulip", 0.01]]},
            "rose",
            (Score("rose", "0.99", 0.99), Score("tulip", "0.01", 0.01)),
        ),
        ({"data": {"resp_data": [{"predicted_label": 7, "scores": [0.9, 0.1]}]}}, "7", ()),
        ({"scores": "many", "predicted_label": None}, "", ()),
        ([1, 2], "", ()),
    ],
)
def test_a_classification_is_read(value, label, scores):
    reading = Reading(json.dumps(value).encode())

    assert (reading.label, reading.scores) == (label, scores)


@pytest.mark.parametrize(
    ("boxes", "size", "expected"),
    [
        ([[0.1, 0.2, 0.5, 0.6]], (100, 200), [("", 20.0, 20.0, 40.0, 80.0)]),
        ([[10, 20, 50, 60]], (100, 200), [("", 20.0, 10.0, 40.0, 40.0)]),
        ([[50, 60, 10, 20]], None, [("", 20.0, 10.0, 40.0, 40.0)]),
        ([[1, 2, 3], "x", [None] * 4, ["a"] * 4, [1e300] * 4], (10, 10), []),
        ("nothing", (10, 10), []),
    ],
)
def test_boxes_are_read_however_they_are_written(boxes, size, expected):
    reading = Reading(json.dumps({"detection_boxes": boxes}).encode())

    found = [(box.label, box.x, box.y, round(box.width, 6), round(box.height, 6)) for box in reading.boxes(size)]
    assert found == expected


def test_pictures_in_an_answer_are_found():
    picture = PNG + b"\0" * 100
    reading = Reading(json.dumps({"image": "data:image/png;base64," + base64.b64encode(picture).decode()}).encode())

    assert [(each.media_type, each.size) for each in reading.pictures] == [("image/png", len(picture))]
    assert Reading(picture).text == ""
    assert Reading(b"\xff\xfe no json").text == "\ufffd\ufffd no json"


@pytest.mark.parametrize(
    ("data", "kind", "size"),
    [
        (PNG, "image/png", (640, 480)),
        (b"GIF89a" + struct.pack("<HH", 3, 4), "image/gif", (3, 4)),
        (b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\0\x10\0\x20", "image/jpeg", (32, 16)),
        (b"BM" + b"\0" * 16 + struct.pack("<ii", 5, -6), "image/bmp", (5, 6)),
        (b"RIFF\0\0\0\0WEBPVP8X" + b"\0" * 8 + b"\x09\0\0\x04\0\0", "image/webp", (10, 5)),
        (b"\xff\xd8\xff", "image/jpeg", None),
        (b"\x89PNG\r\n\x1a\n", "image/png", None),
        (b"<svg/>", "", None),
        (b"", "", None),
    ],
)
def test_kind_and_size_of_pictures_are_read_from_their_head(data, kind, size):
    assert (media_type(data), size_of(data)) == (kind, size)


def test_a_deeply_nested_answer_is_shown_in_a_moment():
    body = b"[" * 200 + b"1," * 20_000 + b"1" + b"]" * 200

    reading = Reading(body)

    assert len(reading.text) < 2 * len(body)
    assert json.loads(reading.text) == json.loads(body)

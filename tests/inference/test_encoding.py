"""Answers of services: everything that has a meaning in JSON is written."""

import dataclasses
import datetime
import decimal
import enum
import json
import uuid
from collections import OrderedDict, deque, namedtuple
from pathlib import PurePosixPath

import numpy as np
import pytest

from inference.encoding import BYTES, JSON, TEXT, CannotEncode, encode


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Box:
    left: float
    label: str


class Tensor:
    """What matters of a tensor: it turns into a list."""

    def tolist(self):
        return [[1.0, float("nan")]]


class Frame:
    def to_dict(self, orient):
        return [{"a": np.int64(1), "orient": orient}]


Frame.__name__ = "DataFrame"
Pair = namedtuple("Pair", "x y")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [1, 2.5, None, True, "é"]}, {"a": [1, 2.5, None, True, "é"]}),
        ([], []),
        (None, None),
        (3, 3),
        (float("nan"), None),
        ({"a": [float("inf"), -float("inf")]}, {"a": [None, None]}),
        (np.float32(0.5), 0.5),
        (np.float64("nan"), None),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (np.array([[1, 2], [3, 4]], dtype="uint8"), [[1, 2], [3, 4]]),
        (np.array(5), 5),
        (np.array([1.5, np.nan]), [1.5, None]),
        ({"scores": np.array([0.25]), "label": np.str_("cat")}, {"scores": [0.25], "label": "cat"}),
        ({np.int64(3): "a", 2: "b", None: "c", (1, 2): "d", True: "e", 0.5: "f"},
         {"3": "a", "2": "b", "null": "c", "(1, 2)": "d", "true": "e", "0.5": "f"}),
        ((1, {2}, frozenset({3}), deque([4])), [1, [2], [3], [4]]),
        (OrderedDict(b=np.int8(1), a=2), {"b": 1, "a": 2}),
        (Pair(np.int64(1), 2), [1, 2]),
        (map(int, ["1"]), [1]),
        (Tensor(), [[1.0, None]]),
        (Frame(), [{"a": 1, "orient": "records"}]),
        ([Box(1.0, "x"), Colour.RED], [{"left": 1.0, "label": "x"}, "red"]),
        ([decimal.Decimal("1.5"), decimal.Decimal("NaN")], [1.5, None]),
        ([datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2, 3), datetime.timedelta(seconds=2)],
         ["2020-01-02", "2020-01-02T03:00:00", 2.0]),
        ([np.datetime64("2020-01-02"), uuid.UUID(int=0), PurePosixPath("a/b")],
         ["2020-01-02", "00000000-0000-0000-0000-000000000000", "a/b"]),
        ([b"text", b"\xff\x00"], ["text", "/wA="]),
    ],
)  # fmt: skip
def test_value_is_written_as_json(value, expected):
    encoded = encode(value)

    assert json.loads(encoded.body) == expected
    assert encoded.content_type == JSON


@pytest.mark.parametrize(
    ("value", "body", "kind"),
    [
        ('{"a": 1}', b'{"a": 1}', JSON),
        (' [1]', b" [1]", JSON),
        ("{not json", b"{not json", TEXT),
        ("setosa", b"setosa", TEXT),
        ("12", b"12", TEXT),
        ("猫", "猫".encode(), TEXT),
        ("\ud800", b"?", TEXT),
        (b'{"a": 1}', b'{"a": 1}', JSON),
        (b"plain", b"plain", TEXT),
        (b"\x89PNG", b"\x89PNG", BYTES),
    ],
)  # fmt: skip
def test_text_and_bytes_stay_as_they_are(value, body, kind):
    encoded = encode(value)

    assert (encoded.body, encoded.content_type) == (body, kind)


def test_text_is_written_readable_and_broken_text_does_not_break_the_answer():
    assert encode({"a": "猫"}).body == '{"a": "猫"}'.encode()
    assert encode({"a": "\ud800"}).body == b'{"a": "?"}'


def test_value_that_is_no_json_is_refused_with_its_place():
    with pytest.raises(CannotEncode) as caught:
        encode({"rows": [{"model": object()}]})

    assert str(caught.value) == "The answer holds a object at $.rows[0].model, which is no JSON"


def test_value_that_holds_itself_is_refused():
    value = []
    value.append(value)

    with pytest.raises(CannotEncode) as caught:
        encode(value)

    assert str(caught.value) == "The answer is nested too deep, or in itself"

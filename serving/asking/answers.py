"""Reads an answer for people: as JSON or text, with the boxes, scores and pictures that stand in it."""

import base64
import binascii
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from serving.asking.pictures import Size, media_type
from serving.asking.requests import pretty

LONGEST_SHOWN = 200_000
MOST_BOXES = 300
MOST_SCORES = 20
MOST_PICTURES = 4
LARGEST_PICTURE = 2 * 1024 * 1024
_DEEP = 4
_SHORTEST_PICTURE = 64


@dataclass(frozen=True)
class Box:
    """One detected thing in a picture, in its pixels."""

    label: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Score:
    label: str
    value: str
    share: float | None


@dataclass(frozen=True)
class Picture:
    media_type: str
    data: str
    size: int


@dataclass(frozen=True)
class Reading:
    """An answer's body. Everything in it is the model's word: it is looked for, never relied on."""

    body: bytes
    cut: bool = False

    @cached_property
    def value(self) -> Any:
        """What the JSON says; None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def picture(self) -> bool:
        return bool(media_type(self.body))

    @property
    def text(self) -> str:
        """JSON as people read it, else the text as it came; nothing of a picture."""
        if self.picture:
            return ""
        try:
            text = self.body.decode(errors="replace") if self.value is None else pretty(self.value)
        except RecursionError:
            text = self.body.decode(errors="replace")
        return _readable(text[:LONGEST_SHOWN])

    @property
    def shortened(self) -> bool:
        return self.cut or len(self.body) > LONGEST_SHOWN

    def boxes(self, size: Size | None) -> tuple[Box, ...]:
        """What `detection_boxes` (each `[y_min, x_min, y_max, x_max]`) draw on a picture of this size.

        Coordinates up to 1 are shares of width and height.
        """
        found = next((each for each in _mappings(self.value) if isinstance(each.get("detection_boxes"), list)), None)
        if found is None:
            return ()
        corners = [_corners(box) for box in found["detection_boxes"][:MOST_BOXES]]
        shares = bool(size) and all(abs(number) <= 1 for each in corners if each for number in each)
        wide, high = size if size and shares else (1, 1)
        labels, scores = found.get("detection_classes"), found.get("detection_scores")
        return tuple(
            Box(
                _label(_at(labels, index), _at(scores, index)),
                min(each[1], each[3]) * wide,
                min(each[0], each[2]) * high,
                abs(each[3] - each[1]) * wide,
                abs(each[2] - each[0]) * high,
            )
            for index, each in enumerate(corners)
            if each
        )

    @property
    def label(self) -> str:
        """What a classification decided for."""
        found = next((each for each in _mappings(self.value) if isinstance(each.get("predicted_label"), str | int)), {})
        return _readable(str(found.get("predicted_label", ""))[:200])

    @property
    def scores(self) -> tuple[Score, ...]:
        """The pairs of label and score of a classification."""
        listed: list[Any] = next(
            (each["scores"] for each in _mappings(self.value) if isinstance(each.get("scores"), list)), []
        )
        pairs = [pair for pair in listed if isinstance(pair, list) and len(pair) == 2]
        return tuple(
            Score(_readable(str(name)[:200]), _readable(str(value)[:40]), _share(value))
            for name, value in pairs[:MOST_SCORES]
        )

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The pictures in it: its body, or texts that are pictures in base64."""
        if self.picture:
            return () if self.cut else (_picture(self.body),)
        found = (_decoded(text) for text in _texts(self.value))
        return tuple([_picture(data) for data in found if media_type(data)][:MOST_PICTURES])


def extent_of(boxes: Sequence[Box]) -> Size:
    """A size that all boxes fit in, where that of the picture is not known."""
    wide = max((box.x + box.width for box in boxes), default=1)
    high = max((box.y + box.height for box in boxes), default=1)
    return max(1, math.ceil(wide)), max(1, math.ceil(high))


def _mappings(value: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """The objects of an answer, the outer ones first; of a list the first few."""
    if isinstance(value, Mapping):
        yield value
        inner = list(value.values())
    else:
        inner = value[:3] if isinstance(value, list) else []
    if depth < _DEEP:
        for each in inner:
            yield from _mappings(each, depth + 1)


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str) and _SHORTEST_PICTURE <= len(value) <= 2 * LARGEST_PICTURE:
        yield value
    inner = list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else []
    if depth < _DEEP:
        for each in inner[:50]:
            yield from _texts(each, depth + 1)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.rpartition("base64,")[2], validate=True)
    except (binascii.Error, ValueError):
        return b""


def _readable(text: str) -> str:
    """Without lone surrogates, which JSON can write and no page can hold."""
    return text.encode(errors="replace").decode()


def _picture(data: bytes) -> Picture:
    return Picture(media_type(data), base64.b64encode(data).decode(), len(data))


def _corners(box: Any) -> tuple[float, float, float, float] | None:
    if not isinstance(box, list) or len(box) != 4:
        return None
    numbers = [_float(number) for number in box]
    top, left, bottom, right = numbers
    if top is None or left is None or bottom is None or right is None:
        return None
    return top, left, bottom, right


def _float(value: Any) -> float | None:
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and abs(number) < 10**7 else None


def _share(value: Any) -> float | None:
    number = _float(value)
    return number if number is not None and 0 <= number <= 1 else None


def _at(values: Any, index: int) -> Any:
    return values[index] if isinstance(values, list) and index < len(values) else None


def _label(name: Any, score: Any) -> str:
    """`face(70%)`."""
    text = _readable(str(name)[:80]) if isinstance(name, str | int | float) else ""
    share = _share(score)
    return f"{text}({share:.0%})" if share is not None else text

"""Reading JSON that a stranger wrote: objects alone, with every value of the kind it must have."""

import json
from typing import Any

from stores.paths import visible

_LONGEST = 4096
_MOST = 500


class MalformedAnswer(Exception):
    """What arrived cannot be understood; the text says which part, for people who make images."""


def read_object(body: bytes) -> dict[str, Any]:
    """The object a text holds; raises MalformedAnswer for all else, also for one nested without end."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedAnswer("JSON") from error
    if not isinstance(value, dict):
        raise MalformedAnswer("JSON")
    return value


def object_in(values: dict[str, Any], name: str) -> dict[str, Any]:
    """An object of an object; what is missing or null is empty."""
    value = values.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedAnswer(name)
    return value


def objects_in(values: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = values.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise MalformedAnswer(name)
    return value


def text_in(values: dict[str, Any], name: str) -> str:
    """A text that can be shown and stored: visible characters, not without end."""
    value = values.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise MalformedAnswer(name)
    return clean(value)


def texts_in(values: dict[str, Any], name: str) -> tuple[str, ...]:
    value = values.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise MalformedAnswer(name)
    return tuple(clean(each) for each in value[:_MOST])


def pairs_in(values: dict[str, Any], name: str) -> tuple[tuple[str, str], ...]:
    """An object whose values are texts, sorted by its names."""
    value = object_in(values, name)
    if not all(isinstance(each, str) for each in value.values()):
        raise MalformedAnswer(name)
    return tuple((clean(key), clean(value[key])) for key in sorted(value)[:_MOST])


def size_in(values: dict[str, Any], name: str) -> int:
    value = values.get(name)
    if type(value) is not int or not 0 <= value < 2**53:
        raise MalformedAnswer(name)
    return value


def clean(text: str) -> str:
    return visible(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")

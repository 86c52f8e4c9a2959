"""Reads the schemas of configurations as people write them: tolerant of every value, and never deeper than a bound."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

DEEPEST = 16
MOST_PROPERTIES = 100
MOST_ITEMS = 4096
MOST_VALUES = 20_000
LONGEST_TEXT = 4096
_WORDS = {
    "float": "number",
    "double": "number",
    "int": "integer",
    "long": "integer",
    "str": "string",
    "text": "string",
    "bool": "boolean",
    "list": "array",
    "dict": "object",
    "json": "object",
}
_KINDS = frozenset({"object", "array", "string", "number", "integer", "boolean", "file", "null"})
_TRUE, _FALSE = frozenset({"true", "1", "yes", "on"}), frozenset({"false", "0", "no", "off"})


class TooLarge(Exception):
    """What the schema describes is more than a sample may be."""


class NotOfKind(ValueError):
    """A value is not of the kind that the schema declares."""


def kind_of(schema: Any) -> str:
    """The type of a schema as one word; empty where it says none that is known."""
    if not isinstance(schema, Mapping):
        return ""
    for said in _listed(schema.get("type")):
        word = said.strip().lower() if isinstance(said, str) else ""
        word = _WORDS.get(word, word)
        if word in _KINDS and word != "null":
            return word
    if isinstance(schema.get("properties"), Mapping):
        return "object"
    return "array" if "items" in schema else ""


def item_of(schema: Mapping[str, Any]) -> Any:
    """What each item is; a list of one schema means the same as the schema itself."""
    items = schema.get("items", schema.get("item"))
    return (items[0] if items else {}) if isinstance(items, list) else items


def properties_of(schema: Any) -> Iterator[tuple[str, Any]]:
    """The first properties of an object, in their order."""
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if isinstance(properties, Mapping):
        yield from [(str(name), inner) for name, inner in properties.items()][:MOST_PROPERTIES]


def takes_file(schema: Any) -> bool:
    """Whether it is a file, or a list of files."""
    if kind_of(schema) == "array":
        return kind_of(item_of(schema)) == "file"
    return kind_of(schema) == "file"


def number_of(schema: Any, *names: str) -> float | None:
    """The first of these bounds that is a finite number."""
    for name in names:
        value = schema.get(name) if isinstance(schema, Mapping) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and _finite(value):
            return value
    return None


def given_values(schema: Any) -> Iterator[Any]:
    """What the author wrote down as a value, the best first."""
    if not isinstance(schema, Mapping):
        return
    for name in ("default", "example", "const"):
        if name in schema:
            yield schema[name]
    for name in ("examples", "enum"):
        if isinstance(schema.get(name), Sequence) and not isinstance(schema[name], str):
            yield from schema[name][:1]


def cast(kind: str, value: Any) -> Any:
    """The value as JSON has it for this kind; NotOfKind where it is none. Texts are read as people type them."""
    if kind in {"number", "integer"}:
        return _number(value, whole=kind == "integer")
    if kind == "boolean":
        return _boolean(value)
    if kind == "string":
        return value if isinstance(value, str) else _refuse()
    wanted = {"object": Mapping, "array": list}.get(kind, object)
    return value if isinstance(value, wanted) else _refuse()


def sample_of_schema(schema: Any) -> Any:
    """A small value that the schema allows; TooLarge where there is none within the bounds."""
    return _Sampler().value(schema, 0)


class _Sampler:
    def __init__(self) -> None:
        self._left = MOST_VALUES

    def value(self, schema: Any, depth: int) -> Any:
        self._left -= 1
        if depth > DEEPEST or self._left < 0:
            raise TooLarge
        kind = kind_of(schema)
        for given in given_values(schema):
            try:
                return self._bounded(cast(kind, given), depth)
            except NotOfKind:
                continue
        if kind == "object":
            return {name: self.value(inner, depth + 1) for name, inner in properties_of(schema)}
        return self._array(schema, depth) if kind == "array" else _scalar(kind, schema)

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        items = schema.get("items", schema.get("item"))
        if isinstance(items, list) and len(items) > 1:
            return [self.value(inner, depth + 1) for inner in items[:MOST_ITEMS]]
        least = number_of(schema, "minItems") or 0
        if least > MOST_ITEMS:
            raise TooLarge
        inner = item_of(schema)
        wanted = max(int(least), 1 if isinstance(inner, Mapping) and inner else 0)
        return [self.value(inner, depth + 1) for _ in range(wanted)]

    def _bounded(self, value: Any, depth: int) -> Any:
        """A value the author wrote, if it is one that JSON has and within the bounds."""
        self._left -= 1
        if depth > DEEPEST or self._left < 0:
            raise TooLarge
        if isinstance(value, Mapping):
            return {str(name): self._bounded(inner, depth + 1) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._bounded(inner, depth + 1) for inner in value]
        if isinstance(value, float) and not math.isfinite(value):
            raise NotOfKind
        if isinstance(value, str) and len(value) > LONGEST_TEXT:
            raise TooLarge
        return value


def _scalar(kind: str, schema: Any) -> Any:
    if kind in {"number", "integer"}:
        return _within(schema, whole=kind == "integer")
    if kind == "boolean":
        return False
    if kind == "string":
        least = number_of(schema, "minLength") or 0
        if least > LONGEST_TEXT:
            raise TooLarge
        return "a" * int(least)
    return None


def _within(schema: Any, *, whole: bool) -> float:
    low, above = number_of(schema, "minimum"), number_of(schema, "exclusiveMinimum")
    high = number_of(schema, "maximum", "exclusiveMaximum")
    value = low if low is not None else above + 1 if above is not None else min(0, high if high is not None else 0)
    return math.ceil(value) if whole else value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _finite(value: float) -> bool:
    """Whether floating point holds it: JSON has whole numbers of any length."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _number(value: Any, *, whole: bool) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or len(str(value)[:400]) > 300:
        raise NotOfKind
    try:
        if isinstance(value, str):
            value = int(value) if value.strip().lstrip("+-").isdecimal() else float(value)
        if not _finite(value) or (whole and value != int(value)):
            raise NotOfKind
    except ValueError:
        raise NotOfKind from None
    return int(value) if whole else value


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in _TRUE | _FALSE:
        raise NotOfKind
    return word in _TRUE


def _refuse() -> Any:
    raise NotOfKind

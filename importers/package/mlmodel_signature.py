"""The signature of a logged model: columns or tensors in, columns or tensors out, in the words of JSON Schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from importers.package.notes import shown

MOST_COLUMNS = 2000
LONGEST_NAME = 200
DEEPEST = 8
RESULT = "predictresult"
_WORDS = {
    "boolean": "boolean",
    "integer": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "string": "string",
    "binary": "string",
    "datetime": "string",
}


@dataclass(frozen=True)
class Column:
    """One column of a table; `kind` is the word the signature has for it, empty for what is no plain value."""

    name: str
    kind: str
    schema: Mapping[str, Any]
    required: bool = True


@dataclass(frozen=True)
class Shape:
    """Either `columns`, or one tensor of `dtype` whose rows have `row` as their shape; `known` is False for neither."""

    known: bool = False
    columns: tuple[Column, ...] = ()
    dtype: str = ""
    row: tuple[int, ...] = ()

    @property
    def named(self) -> bool:
        return bool(self.columns) and all(column.name for column in self.columns)


NOTHING = Shape()


def read_shape(said: Any) -> Shape:
    """What the list of a signature describes; NOTHING where it is missing or describes what no table is."""
    if not isinstance(said, list) or not 0 < len(said) <= MOST_COLUMNS:
        return NOTHING
    if any(isinstance(each, dict) and each.get("type") == "tensor" for each in said):
        return _tensor(said)
    columns = tuple(_column(each) for each in said)
    names = [column.name for column in columns if column is not None and column.name]
    if None in columns or len(names) not in (0, len(columns)) or len(set(names)) != len(names):
        return NOTHING
    return Shape(known=True, columns=tuple(column for column in columns if column is not None))


def _tensor(said: Sequence[Any]) -> Shape:
    """Several tensors have names and belong to models of other kinds."""
    spec = said[0].get("tensor-spec") if len(said) == 1 else None
    if not isinstance(spec, dict) or not isinstance(spec.get("dtype"), str):
        return NOTHING
    shape = spec.get("shape")
    if not isinstance(shape, list) or not shape or len(shape) > DEEPEST or not all(_is_size(size) for size in shape):
        return NOTHING
    return Shape(known=True, dtype=shown(spec["dtype"], 40), row=tuple(shape[1:]))


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -1 <= value <= 10**9


def _column(said: Any) -> Column | None:
    if not isinstance(said, dict):
        return None
    name = said.get("name")
    if name is not None and (not isinstance(name, str) or not name or shown(name, LONGEST_NAME) != name):
        return None
    schema = _schema(said, 0)
    if schema is None:
        return None
    kind = said["type"] if said["type"] in _WORDS else ""
    return Column(name or "", kind, schema, required=said.get("required") is not False)


def _schema(said: Any, depth: int) -> dict[str, Any] | None:
    """The schema of one value; None for what the signature's own rules do not know."""
    kind = said.get("type") if isinstance(said, dict) else None
    if not isinstance(kind, str) or depth > DEEPEST:
        return None
    if kind in _WORDS:
        return {"type": _WORDS[kind]}
    if kind == "array":
        items = _schema(said.get("items"), depth + 1)
        return None if items is None else {"type": "array", "items": items}
    return {"type": "object"} if kind in ("object", "map", "any") else None


def row_schema(shape: Shape) -> dict[str, Any]:
    """One row of what the model is asked with."""
    if shape.named:
        return _record(shape)
    if shape.columns:
        return _fixed([dict(column.schema) for column in shape.columns])
    return _nested(shape.row, _number(shape.dtype)) if shape.known else {"type": "object"}


def result_schema(shape: Shape) -> dict[str, Any]:
    """One row of what it answers with: what has no name is called as the classic engines call it."""
    if shape.named:
        return _record(shape) | {"required": [column.name for column in shape.columns]}
    if len(shape.columns) == 1:
        return _result(dict(shape.columns[0].schema))
    if shape.columns:
        return _result(_fixed([dict(column.schema) for column in shape.columns]))
    return _result(_nested(shape.row, _number(shape.dtype)) if shape.known else {"type": "number"})


def _record(shape: Shape) -> dict[str, Any]:
    asked = [column.name for column in shape.columns if column.required]
    properties = {column.name: dict(column.schema) for column in shape.columns}
    return {"type": "object", "properties": properties, "required": asked}


def _result(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {RESULT: schema}}


def _fixed(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": len(items), "maxItems": len(items)}


def _nested(row: Sequence[int], value: dict[str, Any]) -> dict[str, Any]:
    for size in reversed(row):
        limits = {"minItems": size, "maxItems": size} if size >= 0 else {}
        value = {"type": "array", "items": value} | limits
    return value


def _number(dtype: str) -> dict[str, Any]:
    if dtype.startswith(("int", "uint")):
        return {"type": "integer"}
    if dtype.startswith("bool"):
        return {"type": "boolean"}
    return {"type": "number" if dtype.startswith("float") else "string"}

"""Sizes of numpy arrays that lie raw inside other content, worked out without numpy and only when they are certain."""

import ast
import re
from dataclasses import dataclass, field
from typing import Any

from importers.package.streams import ScanStop, Stream

# Values whose content does not matter, and text too long to be kept.
OPAQUE = object()
LONG_TEXT = object()
LARGEST = 1 << 62
_SIZES = {
    "b": (1,), "?": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8, 12, 16), "c": (8, 16, 24, 32),
    "m": (8,), "M": (8,),
}  # fmt: skip
_TYPE = re.compile(r"[<>|=]?([a-zA-Z?])(\d{0,9})(\[\w+\])?")
NPY_MAGIC = b"\x93NUMPY"
NPY_HEADER_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Global:
    """A name a pickle imports."""

    module: str
    name: str

    @property
    def full(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True)
class Blob:
    """A bytes literal; `analysed` when a container or pickle in it was followed to its end."""

    analysed: bool = False


@dataclass(slots=True, eq=False)
class Made:
    """An object a pickle makes: by which callable, of what, and with which state."""

    maker: Global | None
    args: Any = ()
    state: Any = None
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Items:
    """A list a pickle builds; only short ones keep what is in them."""

    values: list[Any] = field(default_factory=list)
    whole: bool = True


@dataclass(slots=True, eq=False)
class Table:
    """A dict a pickle builds; only small ones with text keys are kept."""

    values: dict[str, Any] = field(default_factory=dict)
    whole: bool = True


@dataclass(frozen=True)
class Layout:
    """What follows in the stream: a pickle when `objects`, else `size` raw bytes, after padding when `padded`."""

    size: int
    objects: bool = False
    padded: bool = False


def wrapper_layout(attributes: dict[str, Any]) -> Layout:
    """What follows a joblib array placeholder; raises when it is not certain what a loader would read."""
    size, objects = _dtype(attributes.get("dtype"))
    count = _count(attributes.get("shape"))
    alignment = attributes.get("numpy_array_alignment_bytes")
    if alignment is not None and type(alignment) is not int:
        raise ScanStop("scan.ambiguous")
    return Layout(_product(count, size), objects, padded=alignment is not None)


def _count(shape: Any) -> int:
    if not isinstance(shape, tuple) or not all(type(length) is int and 0 <= length < LARGEST for length in shape):
        raise ScanStop("scan.ambiguous")
    count = 1
    for length in shape:
        count = _product(count, length)
    return count


def _product(left: int, right: int) -> int:
    if left * right >= LARGEST:
        raise ScanStop("scan.ambiguous")
    return left * right


def _dtype(value: Any) -> tuple[int, bool]:
    """Item size and whether items are objects, from the only form in which numpy itself writes a dtype."""
    if not isinstance(value, Made) or value.maker != Global("numpy", "dtype"):
        raise ScanStop("scan.ambiguous")
    if not isinstance(value.args, tuple) or len(value.args) != 3:
        raise ScanStop("scan.ambiguous")
    if not isinstance(value.args[0], str) or not all(flag in (0, 1) for flag in value.args[1:]):
        raise ScanStop("scan.ambiguous")
    kind, size = _named_type(value.args[0])
    objects = _state_has_objects(value.state, kind, size)
    return size, objects


def _named_type(text: str) -> tuple[str, int]:
    match = _TYPE.fullmatch(text)
    if match is None:
        raise ScanStop("scan.ambiguous")
    kind, digits = match[1], match[2]
    size = int(digits or 0)
    if kind in "SVa" and digits:
        return kind, size
    if kind == "U" and digits:
        return kind, size * 4
    if kind == "O":
        return kind, 8
    if kind == "?":
        return kind, 1
    if size not in _SIZES.get(kind, ()):
        raise ScanStop("scan.ambiguous")
    return kind, size


def _state_has_objects(state: Any, kind: str, size: int) -> bool:
    """Whether items are objects; the state must agree with the name in everything that decides what is read."""
    if state is None:
        return kind == "O"
    if not isinstance(state, tuple) or not 8 <= len(state) <= 9 or state[0] not in (3, 4) or state[2] is not None:
        raise ScanStop("scan.ambiguous")
    fields, item_size, flags = state[4], state[5], state[7]
    if type(flags) is not int or type(item_size) is not int:
        raise ScanStop("scan.ambiguous")
    inside = any(_field_has_objects(value) for value in fields.values.values()) if isinstance(fields, Table) else False
    objects = bool(flags & 1)
    agrees = objects == (kind == "O" or inside) and (kind not in "SUVa" or item_size == size)
    if not agrees or (fields is not None and not (isinstance(fields, Table) and fields.whole and kind == "V")):
        raise ScanStop("scan.ambiguous")
    return objects


def _field_has_objects(value: Any) -> bool:
    if not isinstance(value, tuple) or not value:
        raise ScanStop("scan.ambiguous")
    made = value[0]
    if isinstance(made, Made) and isinstance(made.state, tuple) and len(made.state) > 2 and made.state[2] is not None:
        # A field that is itself an array: (base type, shape).
        base = made.state[2]
        return _dtype(base[0])[1] if isinstance(base, tuple) and base else True
    return _dtype(made)[1]


def read_npy_header(stream: Stream) -> Layout:
    """Pass over the head of a .npy file and say what follows."""
    version = stream.read(8)[6]
    if version not in (1, 2, 3):
        raise ScanStop("scan.damaged")
    size = int.from_bytes(stream.read(2 if version == 1 else 4), "little")
    if size > NPY_HEADER_LIMIT:
        raise ScanStop("scan.too_complex")
    try:
        head = ast.literal_eval(stream.read(size).decode("latin-1" if version < 3 else "utf-8").strip())
        item_size, objects = _described(head["descr"], 0)
        return Layout(_product(_count(head["shape"]), item_size), objects)
    except (ValueError, SyntaxError, TypeError, KeyError, IndexError, RecursionError, MemoryError) as error:
        raise ScanStop("scan.damaged") from error


def _described(descr: Any, depth: int) -> tuple[int, bool]:
    if isinstance(descr, str):
        kind, size = _named_type(descr)
        return size, kind == "O"
    if depth > 16 or not isinstance(descr, list):
        raise ScanStop("scan.ambiguous")
    total, objects = 0, False
    for part in descr:
        size, has = _described(part[1], depth + 1)
        count = _count(part[2] if isinstance(part[2], tuple) else (part[2],)) if len(part) > 2 else 1
        total, objects = total + _product(size, count), objects or has
    return total, objects

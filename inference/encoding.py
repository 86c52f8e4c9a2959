"""From what a service returns to the body of an answer: whatever has a meaning in JSON is written, NaN as null."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import asdict, dataclass, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
_DEEPEST = 100
# Making one for each answer would take as long as it writes.
_QUICK = json.JSONEncoder(allow_nan=False, ensure_ascii=False)


class CannotEncode(Exception):
    """An answer holds something that is no JSON; the text says what and where."""


@dataclass
class Encoded:
    """A body and its type."""

    body: bytes
    content_type: str


def encode(value: Any) -> Encoded:
    """A dict, a list, a number …: JSON. Text that is JSON stays as it is, other text is plain text."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _encode_bytes(bytes(value))
    if isinstance(value, str) and type(value) is str:
        return Encoded(value.encode("utf-8", "replace"), JSON if _is_json(value) else TEXT)
    return Encoded(dumps(value), JSON)


def dumps(value: Any) -> bytes:
    """JSON of a value; the quick way is enough for most of them."""
    try:
        text = _QUICK.encode(value)
    except (TypeError, ValueError, RecursionError):
        text = json.dumps(plain(value), allow_nan=False, ensure_ascii=False)
    return text.encode("utf-8", "replace")


def plain(value: Any, where: str = "$", depth: int = 0) -> Any:
    """The same value of nothing but JSON's own types. Raises CannotEncode."""
    if depth > _DEEPEST:
        raise CannotEncode("The answer is nested too deep, or in itself")
    if value is None or value is True or value is False or type(value) in (str, int):
        return value
    if isinstance(value, dict):
        return {_key(key): plain(item, f"{where}.{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)) or type(value).__name__ in ("deque", "generator", "map"):
        return [plain(item, f"{where}[{at}]", depth + 1) for at, item in enumerate(value)]
    known, found = _scalar(value)
    if known:
        return found
    known, found = _foreign(value)
    if known:
        return plain(found, where, depth + 1)
    raise CannotEncode(f"The answer holds a {type(value).__name__} at {where}, which is no JSON")


def _key(key: Any) -> str:
    if isinstance(key, str):
        return str(key)
    found = plain(key) if hasattr(key, "item") or key is None or isinstance(key, (bool, int, float)) else str(key)
    return found if isinstance(found, str) else json.dumps(found)


def _scalar(value: Any) -> tuple[bool, Any]:
    """Types of the standard library."""
    if isinstance(value, float):
        return True, float(value) if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return True, float(value) if value.is_finite() else None
    if isinstance(value, Enum):
        return True, plain(value.value)
    if isinstance(value, int):
        return True, int(value)
    if isinstance(value, (str, UUID, PurePath)):
        return True, str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return True, _bytes(bytes(value))
    if isinstance(value, (datetime, date, time)):
        return True, value.isoformat()
    return (True, value.total_seconds()) if isinstance(value, timedelta) else (False, None)


def _foreign(value: Any) -> tuple[bool, Any]:
    """Types of libraries, told by what they can do: arrays, scalars and tensors; data frames; data classes."""
    if is_dataclass(value) and not isinstance(value, type):
        return True, asdict(value)
    if type(value).__name__ == "DataFrame" and hasattr(value, "to_dict"):
        return True, value.to_dict("records")
    for turn in ("tolist", "to_list", "item", "numpy", "isoformat"):
        method = getattr(value, turn, None)
        if callable(method) and not isinstance(value, type):
            found = method()
            # numpy's scalars of types Python lacks answer with themselves.
            return (True, str(found)) if type(found) is type(value) else (True, found)
    return False, None


def _bytes(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def _encode_bytes(value: bytes) -> Encoded:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return Encoded(value, BYTES)
    return Encoded(value, JSON if _is_json(text) else TEXT)


def _is_json(text: str) -> bool:
    """Objects and arrays only: a lone word or number is an answer in plain text."""
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True

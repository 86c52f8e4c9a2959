"""Rows of values in, one result for each row out: the convention of the classic engines.

{"meta": {"uuid": "1"}, "data": {"req_data": [{"a": 1, "b": 2}]}} is answered
{"meta": {"uuid": "1"}, "data": {"resp_data": [{"predictresult": 0}]}}.
"""

from __future__ import annotations

import json
from typing import Any, Sequence

from .base import BadRequest, Engine, library

EXPECTED = 'expected {"data": {"req_data": [{"name": value, …}, …]}}'
RESULT = "predictresult"


def parse(request: Any) -> Any:
    """The value of a request that may still be JSON text."""
    if not isinstance(request, (str, bytes, bytearray)):
        return request
    try:
        return json.loads(request)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The body is not JSON ({error}): {EXPECTED}") from None


def has_rows(request: Any) -> bool:
    """Whether a parsed request keeps to the convention; `data` may be left out."""
    inner = request.get("data", request) if isinstance(request, dict) else None
    return isinstance(inner, dict) and "req_data" in inner


def rows_of(request: Any) -> list[Any]:
    """The rows of a request; also of a bare list."""
    value = parse(request)
    if has_rows(value):
        value = value.get("data", value)["req_data"]
    if not isinstance(value, list) or not value:
        raise BadRequest("No rows: " + EXPECTED)
    return value


def table(rows: Sequence[Any], names: Sequence[str] = (), width: int = 0) -> list[list[Any]]:
    """The values of rows, in the order of the names the model was trained with, else in that of the keys.

    A value that is a list counts as its items. Raises BadRequest where values are missing or rows differ in length.
    """
    lines = [_flat(_in_order(row, names, number)) for number, row in enumerate(rows)]
    wanted = width or len(lines[0])
    for number, line in enumerate(lines):
        if len(line) != wanted:
            raise BadRequest(f"req_data[{number}] has {len(line)} values, expected {wanted}")
    return lines


def _in_order(row: Any, names: Sequence[str], number: int) -> list[Any]:
    if not isinstance(row, dict):
        return list(row) if isinstance(row, list) else [row]
    missing = [name for name in names if name not in row]
    if not missing:
        return [row[name] for name in names] if names else list(row.values())
    # Keys of the caller's own choice are taken as they come; half of the model's names is a mistake.
    if len(missing) < len(names):
        raise BadRequest("req_data[{}] lacks {}".format(number, ", ".join(missing[:10])))
    return list(row.values())


def _flat(values: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if isinstance(value, list):
            found.extend(_flat(value))
        else:
            found.append(value)
    return found


def is_numeric(lines: Sequence[Sequence[Any]]) -> bool:
    """Whether every value is a number or missing."""
    return all(value is None or isinstance(value, (int, float)) for line in lines for value in line)


def matrix(lines: Sequence[Sequence[Any]]) -> Any:
    """The values as an array of floats; None is missing, and text may hold a number."""
    numpy = library("numpy")
    try:
        return numpy.array([[float("nan") if v is None else float(v) for v in line] for line in lines], dtype=float)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadRequest(f"req_data holds what is no number: {error}") from None


def in_convention(results: Sequence[Any]) -> Any:
    """One result for each row, as the classic engines answer."""
    return {"data": {"resp_data": [row if isinstance(row, dict) else {RESULT: row} for row in results]}}


class TabularEngine(Engine):
    """What the classic engines have in common."""

    def answer(self, outcome: Any) -> Any:
        values = outcome.tolist() if hasattr(outcome, "tolist") else outcome
        return in_convention(values if isinstance(values, (list, tuple)) else [values])

    def finish(self, answer: Any, request: Any) -> Any:
        """Echo `meta`; its uuid is empty where none was sent."""
        value = parse(request)
        meta = value.get("meta") if isinstance(value, dict) else None
        echoed = dict({"uuid": ""}, **meta) if isinstance(meta, dict) else {"uuid": ""}
        return dict({"meta": echoed}, **answer) if isinstance(answer, dict) else answer

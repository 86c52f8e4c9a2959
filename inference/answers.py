"""Answers and their bytes. Errors are JSON with the documentation's codes where it names them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from .encoding import JSON

# What the documentation calls them; others are `Modelport.<status>`.
_CODES = {404: "APIG.0101", 413: "APIG.0201", 503: "ModelArts.4206", 504: "ModelArts.4503"}
MODEL_FAILED = "MR.0105"
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_REASONS.setdefault(431, "Request Header Fields Too Large")


@dataclass
class Answer:
    """A status, a body and further headers."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


def json_answer(status: int, value: Any, **headers: str) -> Answer:
    """An answer of JSON; the names of headers are written with `_` for `-`."""
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    return Answer(status, body, headers=tuple((name.replace("_", "-"), value) for name, value in headers.items()))


def refusal(status: int, message: str, **headers: str) -> Answer:
    """The server's own refusal."""
    code = _CODES.get(status, f"Modelport.{status:04}")
    return json_answer(status, {"error_code": code, "error_msg": message}, **headers)


def model_error(status: int, message: str) -> Answer:
    """An error of the model's own code, in both of the forms that callers know."""
    both = {"erno": MODEL_FAILED, "msg": message, "error_code": MODEL_FAILED, "error_msg": message}
    return json_answer(status, both)


def render(answer: Answer, date: str, *, close: bool, keep_old: bool = False, head_only: bool = False) -> bytes:
    """The bytes of an answer; `keep_old` tells a client of HTTP/1.0 that the connection stays."""
    lines = [
        "HTTP/1.1 {} {}".format(answer.status, _REASONS.get(answer.status, "")),
        "Date: " + date,
        "Content-Type: " + answer.content_type,
        f"Content-Length: {len(answer.body)}",
    ]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    if close:
        lines.append("Connection: close")
    elif keep_old:
        lines.append("Connection: keep-alive")
    head = "\r\n".join(lines) + "\r\n\r\n"
    return head.encode("latin-1", "replace") + (b"" if head_only else answer.body)

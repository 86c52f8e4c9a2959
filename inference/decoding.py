"""From a request to what a service is given as `data`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from .engines.base import BadRequest
from .multipart import Form, parameters_of

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
# What `curl -d` sends unless told otherwise.
_LOOKS_LIKE_JSON = re.compile(rb"(?:\xef\xbb\xbf)?\s*[{\[]")
_MOST_FIELDS = 1_000


class UnknownContent(Exception):
    """A body of a kind that services are never given; the text says which are."""


@dataclass
class Request:
    """A request that was read to its end. A multipart body is there as `form`, every other one as `body`."""

    query: str = ""
    content_type: str = ""
    body: bytes = b""
    form: Form | None = None
    id: str = ""


def decode(request: Request, *, as_text: bool) -> Any:
    """The `data` of a request: a form, JSON (as text for the classic engines), or the parameters of the query.

    Raises BadRequest and UnknownContent.
    """
    if request.form is not None:
        return dict(_fields(request.query), **request.form)
    if not request.body:
        return _fields(request.query)
    kind = kind_of(request.content_type)
    if kind == _FORM and not _LOOKS_LIKE_JSON.match(request.body):
        return dict(_fields(request.query), **_fields(_text(request)))
    if kind in (_JSON, _FORM, "", "text/json", "application/x-json") or kind.endswith("+json"):
        return _text(request) if as_text else _json(request)
    if kind == "text/plain":
        return _text(request) if as_text else _json_or_text(request)
    raise UnknownContent(f"The body is {kind[:100]}; send application/json or multipart/form-data")


def kind_of(content_type: str) -> str:
    """The type alone, in lower case; the documentation's own misprint counts as what it means."""
    if content_type == _JSON:
        return _JSON
    kind = content_type.partition(";")[0].strip().lower()
    return _JSON if kind == "applicaton/json" else kind


def _fields(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise BadRequest(f"The parameters cannot be read: {error}") from None


def _text(request: Request) -> str:
    given = request.content_type
    charset = parameters_of(given).get("charset", "utf-8") if ";" in given else "utf-8"
    try:
        return request.body.decode("utf-8-sig" if charset.lower() in ("utf-8", "utf8") else charset)
    except LookupError:
        raise BadRequest(f"The charset {charset[:50]} is unknown") from None
    except UnicodeError as error:
        raise BadRequest(f"The body is not text in {charset[:50]}: {error}") from None


def _json(request: Request) -> Any:
    try:
        return json.loads(_text(request))
    except json.JSONDecodeError as error:
        raise BadRequest(f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The body is JSON that cannot be read: {error}") from None


def _json_or_text(request: Request) -> Any:
    text = _text(request)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text

"""Requests nobody typed: what a schema alone suggests, and what was attached to an import."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from registry.config import FORM_TYPE, Api
from serving.asking.fields import fields, method_of, text_of
from serving.asking.requests import Asked, NotAskable, SentFile, form_request, json_request, pretty, request_of
from serving.asking.schema import TooLarge, kind_of, sample_of_schema

LARGEST_SAMPLE = 256 * 1024


def place_to_ask(apis: Sequence[Api]) -> int:
    """The place of the API that a sample is for: the first that takes something, else the first."""
    return next((place for place, api in enumerate(apis) if method_of(api) == "POST"), 0)


def sample_of(api: Api) -> Asked | None:
    """A request that follows from what the API declares; None where nothing does.

    A file follows from no schema: any bytes we made up would say nothing of the model.
    """
    declared = fields(api)
    if not declared or any(field.is_file for field in declared):
        return None
    try:
        value = sample_of_schema(dict(api.request.schema) | {"type": "object"})
    except TooLarge:
        return None
    if method_of(api) == "GET" or api.request.content_type == FORM_TYPE:
        return _by_fields(api, {name: text_of(inner) for name, inner in value.items() if inner is not None})
    text = json.dumps(value, ensure_ascii=False)
    return json_request(api, text) if len(text) <= LARGEST_SAMPLE else None


def example_text(api: Api) -> str:
    """What a JSON editor for the API begins with."""
    schema = api.request.schema
    try:
        text = pretty(sample_of_schema(schema)) if kind_of(schema) in {"object", "array"} else "{}"
    except TooLarge:
        return "{}"
    return text if len(text) <= LARGEST_SAMPLE else "{}"


def attached_request(api: Api, kept: Mapping[str, Any]) -> Asked | None:
    """The request that a version's sample makes: `{"json": text, "files": [{"parameter", "name", "type", "data"}]}`.

    Files go as a form, with the members of the JSON text as fields beside them; a file without a parameter goes by
    the first one that takes files. None where it makes no request.
    """
    files = _files(api, kept)
    text = str(kept.get("json") or "")
    try:
        if not files:
            return _json_or_form(api, text) if text else None
        return form_request(api, dict(_members(text)), files)
    except NotAskable:
        return None


def attached_values(api: Api, kept: Mapping[str, Any]) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """What the fields of a form hold for that sample, and of its files the parameters and names."""
    named = [(name, file.name or "file") for name, group in _files(api, kept).items() for file in group]
    return dict(_members(str(kept.get("json") or ""))), tuple(named)


def first_file_parameter(api: Api) -> str:
    return next((field.name for field in fields(api) if field.is_file), "file")


def _by_fields(api: Api, values: Mapping[str, str]) -> Asked | None:
    try:
        return request_of(api, values, {})
    except NotAskable:
        return None


def _json_or_form(api: Api, text: str) -> Asked | None:
    """JSON, but where a form or a query was declared its members are the fields."""
    if method_of(api) == "GET":
        return _by_fields(api, dict(_members(text)))
    declared_form = api.request.content_type == FORM_TYPE and not api.request.takes_file
    return form_request(api, dict(_members(text)), {}) if declared_form else json_request(api, text)


def _members(text: str) -> Iterator[tuple[str, str]]:
    try:
        value = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return
    if isinstance(value, Mapping):
        yield from ((str(name), text_of(inner)) for name, inner in value.items())


def _files(api: Api, kept: Mapping[str, Any]) -> dict[str, list[SentFile]]:
    found: dict[str, list[SentFile]] = {}
    for entry in kept.get("files") or ():
        name = str(entry.get("parameter") or "") or first_file_parameter(api)
        try:
            data = base64.b64decode(entry.get("data", ""), validate=True)
        except (binascii.Error, ValueError):
            continue
        found.setdefault(name, []).append(SentFile(str(entry.get("name", "")), str(entry.get("type", "")), data))
    return found

"""The fields that a form for an API has."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from registry.config import FORM_TYPE, Api
from serving.asking.schema import LONGEST_TEXT, given_values, kind_of, number_of, properties_of, takes_file

MOST_CHOICES = 100


class Kind(StrEnum):
    FILE = "file"
    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    JSON = "json"


class Way(StrEnum):
    """How an API is asked: by a form with its fields, or by a JSON text."""

    FORM = "form"
    JSON = "json"


@dataclass(frozen=True)
class Field:
    """One parameter. `default`, `minimum` and `maximum` are texts, empty where there is none; `many` files may be sent.

    `choices` are what `enum` lists, as texts.
    """

    name: str
    kind: Kind
    required: bool = False
    description: str = ""
    default: str = ""
    choices: tuple[str, ...] = ()
    minimum: str = ""
    maximum: str = ""
    many: bool = False

    @property
    def is_file(self) -> bool:
        return self.kind is Kind.FILE

    @property
    def span(self) -> str:
        """The range as people write it: `0 … 10`, `≥ 0`, `≤ 10`."""
        if self.minimum and self.maximum:
            return f"{self.minimum} … {self.maximum}"
        return f"≥ {self.minimum}" if self.minimum else f"≤ {self.maximum}" if self.maximum else ""


def fields(api: Api) -> tuple[Field, ...]:
    """The parameters of a request, in their order; none where nothing was declared."""
    schema = api.request.schema
    listed = schema.get("required") if isinstance(schema, Mapping) else None
    return tuple(_field(name, inner, listed) for name, inner in properties_of(schema))


def ways(api: Api) -> tuple[Way, ...]:
    """How the API may be asked, the declared way first. A file can only be sent by a form, whatever was declared."""
    declared = fields(api)
    if not declared:
        return (Way.FORM,) if method_of(api) == "GET" else (Way.JSON,)
    if method_of(api) == "GET" or api.request.content_type == FORM_TYPE:
        return (Way.FORM,)
    return (Way.FORM, Way.JSON) if api.request.takes_file else (Way.JSON, Way.FORM)


def method_of(api: Api) -> str:
    return "GET" if api.method.strip().upper() == "GET" else "POST"


def sends_form(api: Api) -> bool:
    """Whether the fields travel as a form: that was declared, or there is a file among them."""
    return api.request.content_type == FORM_TYPE or any(field.is_file for field in fields(api))


def text_of(value: Any) -> str:
    """A value as it stands in a field."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _field(name: str, schema: Any, listed: Any) -> Field:
    said: Mapping[str, Any] = schema if isinstance(schema, Mapping) else {}
    is_file = takes_file(said)
    marked = said.get("required") is True or (isinstance(listed, list) and name in listed)
    description = said.get("description", said.get("title", ""))
    return Field(
        name=name,
        kind=Kind.FILE if is_file else _kind(said),
        required=marked or (is_file and not isinstance(listed, list)),
        description=description[:LONGEST_TEXT] if isinstance(description, str) else "",
        default="" if is_file else _default(said),
        choices=_choices(said),
        minimum=_bound(said, "minimum", "exclusiveMinimum"),
        maximum=_bound(said, "maximum", "exclusiveMaximum"),
        many=is_file and kind_of(said) == "array",
    )


def _kind(schema: Mapping[str, Any]) -> Kind:
    if _choices(schema):
        return Kind.CHOICE
    kinds = {"number": Kind.NUMBER, "integer": Kind.INTEGER, "boolean": Kind.BOOLEAN, "string": Kind.TEXT}
    kind = kind_of(schema)
    return kinds.get(kind, Kind.JSON if kind in {"object", "array"} else Kind.TEXT)


def _choices(schema: Mapping[str, Any]) -> tuple[str, ...]:
    listed = schema.get("enum")
    plain = isinstance(listed, list) and all(isinstance(value, str | int | float | bool) for value in listed)
    return tuple(text_of(value)[:LONGEST_TEXT] for value in listed[:MOST_CHOICES]) if plain and listed else ()


def _default(schema: Mapping[str, Any]) -> str:
    """The default, else an example; the first of a list of choices is no default."""
    value = next(given_values({name: value for name, value in schema.items() if name != "enum"}), None)
    text = "" if value is None else text_of(value)
    return text if len(text) <= LONGEST_TEXT else ""


def _bound(schema: Mapping[str, Any], *names: str) -> str:
    value = number_of(schema, *names)
    return "" if value is None else text_of(value)

"""What the parameter viewer shows of a configuration: bars, rows and their parts, within a bound for the whole page."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from registry.config import Api, ModelConfig, Parameter, Payload, properties_of, type_label

# A page stays one that a browser shows, whatever a configuration of a megabyte holds.
MOST_BARS = 100
MOST_PARTS = 300
MOST_ROWS = 1000
DEEPEST = 6
LONGEST_TEXT = 500
LONGEST_JSON = 4000

_STRUCTURE = frozenset({"type", "properties", "items"})
_VALUES: dict[str, Promise] = {
    "default": pgettext_lazy("of a parameter", "Default"),
    "const": pgettext_lazy("of a parameter", "Always"),
    "format": pgettext_lazy("of a parameter", "Format"),
    "pattern": pgettext_lazy("of a parameter", "Pattern"),
}
# A label, and the keywords of the least, the most, and of both where they themselves do not count.
_RANGES: tuple[tuple[Promise, tuple[str, str, str, str]], ...] = (
    (
        pgettext_lazy("of a parameter", "Range"),
        ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    ),
    (pgettext_lazy("of a parameter", "Length"), ("minLength", "maxLength", "", "")),
    (pgettext_lazy("of a parameter", "Items"), ("minItems", "maxItems", "", "")),
)
_SIGNS = ("≥", "≤", ">", "<")
_ONE_OF = _("One of")


@dataclass(frozen=True)
class Fact:
    """One thing a schema says beside type and structure."""

    label: str
    text: str


@dataclass(frozen=True)
class Row:
    """One parameter. `parts` unfold; `left_out` of them are not shown; `json` stands for parts that lie too deep."""

    name: str
    type: str
    required: bool = False
    description: str = ""
    facts: tuple[Fact, ...] = ()
    rest: str = ""
    parts: tuple["Row", ...] = ()
    left_out: int = 0
    json: str = ""

    @property
    def folds(self) -> bool:
        return bool(self.parts or self.left_out or self.json)


@dataclass(frozen=True)
class Side:
    """The input or the output of an API."""

    content_type: str
    rows: tuple[Row, ...]
    left_out: int


@dataclass(frozen=True)
class Bar:
    api: Api
    input: Side
    output: Side


@dataclass(frozen=True)
class Bars:
    bars: tuple[Bar, ...]
    left_out: int


def bars_of(config: ModelConfig) -> Bars:
    """All a configuration declares, as far as a page can show it; what is left out is counted."""
    budget = _Budget(MOST_ROWS)
    shown = config.apis[:MOST_BARS]
    bars = tuple(Bar(api, budget.side(api.request), budget.side(api.response)) for api in shown)
    return Bars(bars, len(config.apis) - len(shown))


class _Budget:
    """How many rows may still be shown; a level takes its own before those below it take theirs."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def side(self, payload: Payload) -> Side:
        rows, left_out = self.level(payload.parameters, _required(payload.schema), 1)
        return Side(payload.content_type, rows, left_out)

    def level(
        self, parameters: tuple[Parameter, ...], required: frozenset[str], depth: int
    ) -> tuple[tuple[Row, ...], int]:
        shown = parameters[: min(MOST_PARTS, self.rows)]
        self.rows -= len(shown)
        rows = tuple(self.row(parameter, parameter.name in required, depth) for parameter in shown)
        return rows, len(parameters) - len(shown)

    def row(self, parameter: Parameter, required: bool, depth: int) -> Row:
        schema, parts = parameter.schema, parts_of(parameter.schema)
        said = dict(schema)
        facts = tuple(_facts(said))
        below = json.dumps(schema, indent=2, ensure_ascii=False, default=str) if parts and depth > DEEPEST else ""
        rows, left_out = ((), 0) if below else self.level(parts, _required(schema), depth + 1)
        return Row(
            name=_cut(parameter.name),
            type=_cut(parameter.type),
            required=required,
            description=_description(said),
            facts=facts,
            rest="" if below else _rest(said),
            parts=rows,
            left_out=left_out,
            json=_cut(below, LONGEST_JSON),
        )


def parts_of(schema: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """What it is made of: the items of an array, one or one for each place; the properties of an object."""
    items = schema.get("items")
    if isinstance(items, Mapping):
        return (Parameter("[ ]", type_label(items), items),)
    if isinstance(items, list):
        return tuple(
            Parameter(f"[{place}]", type_label(item), item if isinstance(item, Mapping) else {})
            for place, item in enumerate(items)
        )
    return properties_of(schema)


def _required(schema: Mapping[str, Any]) -> frozenset[str]:
    names = schema.get("required")
    return frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else frozenset()


def _description(said: dict[str, Any]) -> str:
    return _cut(said.pop("description")) if isinstance(said.get("description"), str) else ""


def _facts(said: dict[str, Any]) -> Iterable[Fact]:
    """Takes what it could put into words out of `said`."""
    for label, names in _RANGES:
        if text := _range(said, names):
            yield Fact(str(label), text)
    values = said.get("enum")
    if isinstance(values, list):
        yield Fact(str(_ONE_OF), _cut(", ".join(_plain(value) for value in said.pop("enum"))))
    for name, label in _VALUES.items():
        if name in said:
            yield Fact(str(label), _cut(_plain(said.pop(name))))


def _range(said: dict[str, Any], names: tuple[str, str, str, str]) -> str:
    """`0 – 1`, `≥ 0`, `> 0, < 1`; empty when nothing limits it."""
    given = [(sign, said.pop(name)) for name, sign in zip(names, _SIGNS, strict=True) if _is_number(said.get(name))]
    if [sign for sign, _value in given] == ["≥", "≤"]:
        return f"{given[0][1]} – {given[1][1]}"
    return ", ".join(f"{sign} {value}" for sign, value in given)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _rest(said: dict[str, Any]) -> str:
    """What no words were found for, as JSON without the outer braces."""
    rest = {name: value for name, value in said.items() if name not in _STRUCTURE}
    if isinstance(rest.get("required"), list):
        del rest["required"]
    return _cut(json.dumps(rest, ensure_ascii=False, default=str)[1:-1])


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _cut(text: str, most: int = LONGEST_TEXT) -> str:
    # Django's own takes marks upon letters for nothing, and quadratic time to put them into order.
    return text if len(text) <= most else f"{text[: most - 1]}…"

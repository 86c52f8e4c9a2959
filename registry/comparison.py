"""What differs between two versions, section by section; values are compared as they are shown."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from registry.config import ModelConfig, Parameter


class Change(StrEnum):
    SAME = "same"
    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True)
class Row:
    """One thing on both sides; None where a side does not have it."""

    name: str
    before: Any
    after: Any

    @property
    def change(self) -> Change:
        if self.before == self.after:
            return Change.SAME
        if self.before is None:
            return Change.ADDED
        return Change.REMOVED if self.after is None else Change.CHANGED


def rows_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Row, ...]:
    """A row for each name of either side, those of the first in its order and then what is new."""
    names = [*before, *(name for name in after if name not in before)]
    return tuple(Row(name, before.get(name), after.get(name)) for name in names)


def sorted_rows(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Row, ...]:
    """The same by name: for files, where what came and what went should stand side by side."""
    return tuple(Row(name, before.get(name), after.get(name)) for name in sorted(before.keys() | after.keys()))


def differing(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple(row for row in rows if row.change is not Change.SAME)


def parameters_of(config: ModelConfig) -> dict[str, str]:
    """Each parameter of each API with its type and what else its schema says."""
    found: dict[str, str] = {}
    for api in config.apis:
        for side, payload in (("→", api.request), ("←", api.response)):
            place = f"{api.method} {api.url} {side}"
            found |= {f"{place} {parameter.name}": _described(parameter) for parameter in payload.parameters}
    return found


def dependencies_of(config: ModelConfig) -> dict[str, str]:
    """Each package with the requirement as pip reads it."""
    return {f"{row.installer}: {row.name}": row.requirement.line for row in config.requirements}


def metrics_of(config: ModelConfig) -> dict[str, str]:
    return {metric.name: metric.text for metric in config.metrics}


def _described(parameter: Parameter) -> str:
    rest = {name: value for name, value in parameter.schema.items() if name != "type"}
    return f"{parameter.type} {_compact(rest)}".strip() if rest else parameter.type


def _compact(value: Any) -> str:
    """A schema in one line, in the words of JSON."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)

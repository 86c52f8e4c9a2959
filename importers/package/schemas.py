"""Rules for the schemas of requests and answers: other words for types are mapped to those of JSON Schema."""

from collections.abc import Mapping
from typing import Any

from importers.package.config_notes import ConfigNotes
from importers.package.notes import shown
from importers.package.source_map import JsonProblem, parse, pointer_to
from importers.package.spelling import schema_type


def read_data(data: Any, pointer: str, notes: ConfigNotes) -> Mapping[str, Any]:
    """The schema of a `data` key. The documentation calls it a string, so one that holds a JSON object is read."""
    if isinstance(data, str):
        data = _in_text(data)
    return _Reader(notes).schema(data, pointer)


def _in_text(text: str) -> Any:
    try:
        return parse(text).value if text.strip() else {}
    except JsonProblem:
        return None


class _Reader:
    """Recursion is bounded by the depth the configuration's reader allows."""

    def __init__(self, notes: ConfigNotes) -> None:
        self.notes = notes

    def schema(self, schema: Any, pointer: str) -> dict[str, Any]:
        if not isinstance(schema, dict):
            self.notes.warning("config.schema_unreadable", pointer)
            return {}
        read: dict[str, Any] = {}
        for key, value in schema.items():
            place = pointer + pointer_to(key)
            name = "items" if key == "item" and "items" not in schema else key
            if name != key:
                self.notes.warning("config.key_spelling", place, found=key, meant=name)
            read[name] = self._keyword(name, value, place)
        return read

    def _keyword(self, name: str, value: Any, pointer: str) -> Any:
        if name == "type":
            return self._type(value, pointer)
        if name == "properties":
            return self._properties(value, pointer)
        if name == "items" and isinstance(value, list):
            return [self.schema(member, pointer + pointer_to(i)) for i, member in enumerate(value)]
        return self.schema(value, pointer) if name == "items" and isinstance(value, dict) else value

    def _properties(self, value: Any, pointer: str) -> dict[str, Any]:
        if isinstance(value, dict):
            return {key: self.schema(member, pointer + pointer_to(key)) for key, member in value.items()}
        self.notes.warning("config.schema_unreadable", pointer)
        return {}

    def _type(self, value: Any, pointer: str) -> Any:
        if isinstance(value, list):
            return [self._type(member, pointer + pointer_to(i)) for i, member in enumerate(value)]
        meant = schema_type(value) if isinstance(value, str) else ""
        if not meant:
            self.notes.warning("config.schema_type_unknown", pointer, found=shown(value))
            return shown(value, 40)
        if meant != value:
            self.notes.warning("config.schema_type", pointer, found=value, meant=meant)
        return meant

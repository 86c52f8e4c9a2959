"""The shape of a configuration: wrong types are said and taken out, so that the rules see only what they expect."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from importers.package.config_notes import ConfigNotes
from importers.package.source_map import pointer_to
from registry.findings import Severity

# Beyond these a configuration describes no model; it is cut before anything walks through it.
MOST_APIS = 200
MOST_PACKAGES = 1_000
_VALIDATOR = Draft202012Validator(json.loads(Path(__file__).with_name("config.schema.json").read_text("utf-8")))
_TYPE_NAMES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "number", float: "number"}


def prepare(value: dict[str, Any], notes: ConfigNotes) -> None:
    """Bring the value into the accepted shape, in place. `null` counts as absent and leaves no trace."""
    _drop_nulls(value)
    _cut(value, notes)
    for problem in list(_VALIDATOR.iter_errors(value)):
        _report(problem, notes)
        _take_out(value, list(problem.absolute_path))


def _drop_nulls(owner: dict[str, Any]) -> None:
    for key in [key for key, member in owner.items() if member is None]:
        del owner[key]


def _cut(value: dict[str, Any], notes: ConfigNotes) -> None:
    for key, most in (("apis", MOST_APIS), ("dependencies", MOST_APIS)):
        _cut_list(value, key, most, pointer_to(key), notes)
    dependencies = value.get("dependencies")
    left = MOST_PACKAGES
    for index, entry in enumerate(dependencies if isinstance(dependencies, list) else ()):
        if isinstance(entry, dict):
            _cut_list(entry, "packages", left, pointer_to("dependencies", index, "packages"), notes)
            packages = entry.get("packages")
            left -= len(packages) if isinstance(packages, list) else 0


def _cut_list(owner: dict[str, Any], key: str, most: int, pointer: str, notes: ConfigNotes) -> None:
    members = owner.get(key)
    if not isinstance(members, list):
        return
    if len(members) > most:
        notes.error("config.too_many", pointer, count=len(members), most=most)
        del members[most:]
    for member in members:
        if isinstance(member, dict):
            _drop_nulls(member)


def _report(problem: ValidationError, notes: ConfigNotes) -> None:
    pointer = pointer_to(*problem.absolute_path)
    schema: Mapping[str, Any] = problem.schema if isinstance(problem.schema, Mapping) else {}
    severity = Severity(schema.get("verdict", "error"))
    instance: Any = problem.instance
    if problem.validator == "required":
        missing = next(key for key in schema["required"] if key not in instance)
        notes.error("config.missing_key", pointer, key=missing)
    elif problem.validator == "minLength":
        notes.error("config.empty_value", pointer)
    else:
        expected = schema["type"] if isinstance(schema["type"], str) else " / ".join(schema["type"])
        code = "config.wrong_type" if severity is Severity.ERROR else "config.wrong_type_ignored"
        notes.say(severity, code, pointer, expected=expected, found=_TYPE_NAMES.get(type(instance), "null"))


def _take_out(value: dict[str, Any], path: list[str | int]) -> None:
    """Remove one value; in a list None holds its place, so that the other pointers stay true."""
    owner: Any = value
    for part in path[:-1]:
        owner = owner[part]
        if owner is None:  # taken out by an earlier problem
            return
    if path and isinstance(owner, list):
        owner[int(path[-1])] = None
    elif path:
        owner.pop(path[-1], None)

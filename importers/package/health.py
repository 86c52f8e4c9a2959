"""Putting how an image is asked whether it is well into a configuration, leaving the rest of the text as it is."""

import json
from collections.abc import Mapping

from importers.package.source_map import JsonProblem, parse

_KEY = "health"


def with_health(text: str, health: Mapping[str, str]) -> str:
    """The text with these settings in place of its own; unchanged where it is no JSON object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(value, dict):
        return text
    if not value:
        return json.dumps({_KEY: dict(health)}, indent=2, ensure_ascii=False)
    if _KEY in value:
        return _replaced(text, json.dumps(dict(health), ensure_ascii=False))
    body = text.rstrip()[:-1].rstrip()
    written = json.dumps(dict(health), indent=2, ensure_ascii=False).replace("\n", "\n  ")
    return f'{body},\n  "{_KEY}": {written}\n}}\n'


def _replaced(text: str, written: str) -> str:
    """All other lines stay as they are, and so do the places of what is said about them."""
    try:
        start = parse(text).offset(f"/{_KEY}")
    except JsonProblem:
        return text
    _value, end = json.JSONDecoder().raw_decode(text, start)
    return text[:start] + written + "\n" * text[start:end].count("\n") + text[end:]

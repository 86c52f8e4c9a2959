"""Putting how an image is asked whether it is well into a configuration, leaving the rest of the text as it is."""

import json
from collections.abc import Mapping

_KEY = "health"


def with_health(text: str, health: Mapping[str, str]) -> str:
    """The text with these settings in place of its own; unchanged where it is no JSON object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(value, dict):
        return text
    if _KEY in value or not value:
        return json.dumps(value | {_KEY: dict(health)}, indent=2, ensure_ascii=False)
    body = text.rstrip()[:-1].rstrip()
    written = json.dumps(dict(health), indent=2, ensure_ascii=False).replace("\n", "\n  ")
    return f'{body},\n  "{_KEY}": {written}\n}}\n'

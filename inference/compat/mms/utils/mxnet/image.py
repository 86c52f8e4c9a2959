"""Images of MXNet."""

from typing import Any

from . import absent


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return absent("image." + name)

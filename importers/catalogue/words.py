"""Words of the catalogue, which are part of its data and not of the console's own language files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import get_language


@dataclass(frozen=True)
class Words:
    """The same in both languages; shown in the active one."""

    en: str
    zh: str

    def __str__(self) -> str:
        return self.zh if (get_language() or "").startswith("zh") else self.en


def words_of(stored: Mapping[str, str]) -> Words:
    return Words(stored["en"], stored["zh"])


def entries(name: str) -> list[dict[str, Any]]:
    """What a data file of this folder lists."""
    read: list[dict[str, Any]] = json.loads((Path(__file__).parent / name).read_text("utf-8"))
    return read

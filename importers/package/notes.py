"""Collecting findings: safe texts, bounded numbers, errors first."""

import re
from collections import Counter
from typing import Any

from registry.findings import Finding, Severity, Where

SHOWN_CHARACTERS = 160
# A hostile package can be wrong ten thousand times; what is stored and shown stays readable.
PER_CODE = 50
_UNIT = 1024
_ORDER = list(Severity)
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]")


def shown(text: object, limit: int = SHOWN_CHARACTERS) -> str:
    """The text as it may be stored and shown: hidden characters as escapes, long ones cut."""
    whole = str(text) if not isinstance(text, str) else text
    safe = _HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", whole[: limit + 1])
    return safe if len(safe) <= limit else safe[: limit - 1] + "…"


def _safe(value: Any) -> Any:
    return shown(value) if isinstance(value, str) else value


def size_text(size: int) -> str:
    """Bytes in the largest unit that fits, for messages."""
    value, units = float(size), ["bytes", "KB", "MB", "GB", "TB"]
    while value >= _UNIT and len(units) > 1:
        value, units = value / _UNIT, units[1:]
    return f"{value:.2f}".rstrip("0").rstrip(".") + f" {units[0]}"


class Notes:
    """The findings of one check, in the order they were made."""

    def __init__(self) -> None:
        self._kept: list[Finding] = []
        self._counts: Counter[str] = Counter()

    def error(self, code: str, where: Where | None = None, **params: Any) -> None:
        self.say(Severity.ERROR, code, where, **params)

    def warning(self, code: str, where: Where | None = None, **params: Any) -> None:
        self.say(Severity.WARNING, code, where, **params)

    def info(self, code: str, where: Where | None = None, **params: Any) -> None:
        self.say(Severity.INFO, code, where, **params)

    def say(self, severity: Severity, code: str, where: Where | None = None, **params: Any) -> None:
        self._counts[code] += 1
        if self._counts[code] <= PER_CODE:
            place = where or Where()
            safe = Where(shown(place.file), place.line, place.column, shown(place.pointer))
            self._kept.append(Finding(code, severity, safe, {name: _safe(value) for name, value in params.items()}))

    def has_enough(self, code: str) -> bool:
        """Whether another finding of this code would only be counted, so that its place need not be known."""
        return self._counts[code] >= PER_CODE

    def findings(self) -> tuple[Finding, ...]:
        """Errors first, otherwise as made; what was too much of one kind is counted in a last one."""
        more = sum(max(0, count - PER_CODE) for count in self._counts.values())
        kept = sorted(self._kept, key=lambda finding: _ORDER.index(finding.severity))
        return (*kept, Finding("check.more", Severity.INFO, params={"count": more})) if more else tuple(kept)

"""Findings: what a check says, as a code with parameters that is translated when shown."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Where:
    """A place: a file of the package, and a line and column (from 1) or a JSON pointer in it."""

    file: str = ""
    line: int | None = None
    column: int | None = None
    pointer: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing a check has to say. `code` is stable; `params` are JSON values that fill its message."""

    code: str
    severity: Severity
    where: Where = field(default_factory=Where)
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """The sentence in the active language; the code itself when no app registered one."""
        return str(_MESSAGES.get(self.code, self.code)) % self.params if self.code in _MESSAGES else self.code

    def as_dict(self) -> dict[str, Any]:
        """The form that is stored; `from_dict` reads it back."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "where": {
                "file": self.where.file,
                "line": self.where.line,
                "column": self.where.column,
                "pointer": self.where.pointer,
            },
            "params": dict(self.params),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Finding":
        return cls(stored["code"], Severity(stored["severity"]), Where(**stored["where"]), stored["params"])


_MESSAGES: dict[str, Promise] = {}


def register_messages(messages: Mapping[str, Promise]) -> None:
    """Add lazy messages by code, with %(name)s placeholders; a code has one meaning for ever."""
    for code, message in messages.items():
        if _MESSAGES.setdefault(code, message) is not message:
            raise ValueError(f"message code {code} is registered twice")


def known_codes() -> frozenset[str]:
    return frozenset(_MESSAGES)


def message_for(code: str, params: Mapping[str, Any]) -> str:
    """The sentence of `code` in the active language, for reasons and events that are not findings."""
    return Finding(code, Severity.INFO, params=params).message


def has_errors(findings: Iterable[Finding]) -> bool:
    return any(finding.severity is Severity.ERROR for finding in findings)

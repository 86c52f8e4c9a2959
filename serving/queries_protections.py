"""Which protections of the sandbox were found active, as sentences."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from registry.findings import message_for
from serving.models import Instance


@dataclass(frozen=True)
class ShownProtection:
    """One line of `serving/_protections.html`; `reason` says why it is not active."""

    sentence: str
    active: bool
    reason: str


def protections_of(instance: Instance) -> list[ShownProtection]:
    """Those under which it was started last; empty before its first start."""
    return [_shown(each) for each in instance.protections]


def protections_here() -> list[ShownProtection]:
    """What the supervisor of this host found when it started; empty where none did."""
    try:
        found: Iterable[Mapping[str, Any]] = json.loads((Path(settings.DATA) / "run" / "protections.json").read_text())
    except (OSError, ValueError):
        return []
    return [_shown(each) for each in found]


def _shown(stored: Mapping[str, Any]) -> ShownProtection:
    reason = message_for(stored["reason"], {}) if stored["reason"] else ""
    return ShownProtection(message_for(f"protection.{stored['code']}", {}), bool(stored["active"]), reason)

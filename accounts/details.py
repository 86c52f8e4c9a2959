"""An audit event in words: what was done to which object, and the rest of what was kept about it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from accounts.messages import AUDIT, DETAILS
from accounts.models import AuditEvent
from accounts.roles import Role

EMPTY = "--"
# The object is what stands under the first of these names, with its version where it has one.
OBJECTS = ("name", "bucket", "path", "registry")
LONGEST = 300


@dataclass(frozen=True)
class Detail:
    """`before` is set where something was changed from it to `value`."""

    label: str
    value: str
    before: str | None = None


@dataclass(frozen=True)
class AuditLine:
    event: AuditEvent
    what: str
    subject: str
    details: tuple[Detail, ...]


def line_of(event: AuditEvent) -> AuditLine:
    """In the active language."""
    params = dict(event.params)
    subject = _subject(params)
    return AuditLine(event, str(AUDIT.get(event.code, event.code)), subject, tuple(_details(params)))


def _subject(params: dict[str, Any]) -> str:
    """The object's name, taken out of the parameters."""
    key = next((key for key in OBJECTS if params.get(key)), None)
    if key is None:
        return ""
    name, version = str(params.pop(key)), params.pop("version", "")
    return f"{name} {version}" if version else name


def _details(params: dict[str, Any]) -> list[Detail]:
    changed = params.pop("changed", None)
    details = [Detail(_("Changed"), ", ".join(map(_label, changed)))] if isinstance(changed, list) else []
    if isinstance(changed, Mapping):
        details = [_change(name, *pair) for name, pair in changed.items()]
    if "before" in params and "after" in params:
        field = str(params.pop("field", ""))
        details.append(_change(field, params.pop("before"), params.pop("after")))
    return details + [Detail(_label(name), _words(name, value)) for name, value in params.items()]


def _change(name: str, before: Any, after: Any) -> Detail:
    return Detail(_label(name) if name else _("Changed"), _words(name, after), _words(name, before))


def _label(name: str) -> str:
    return str(DETAILS.get(name, name))


def _words(name: str, value: Any) -> str:
    """A value as people write it; a long text is cut."""
    text = _plain(name, value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _plain(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if value is None or value in ("", [], {}):
        return EMPTY
    if name == "role" and value in Role.values:
        return str(Role(value).label)
    if name in {"bytes", "size"} and isinstance(value, int):
        return filesizeformat(value)
    return _stored(value) if name == "changes" and isinstance(value, str) else _compound(value)


def _compound(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_plain("", each) for each in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{_label(name)}: {_plain(name, each)}" for name, each in value.items())
    return str(value)


def _stored(text: str) -> str:
    """What the desk keeps of a change, as JSON. No other text is read so: what people wrote is shown as they did."""
    try:
        return _compound(json.loads(text))
    except ValueError:
        return text

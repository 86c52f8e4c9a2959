"""How runs of training are shown."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse

from importers.models import RunStatus
from stores.errors import SourceRefused
from stores.paths import parse_location

register = template.Library()

KINDS = {
    RunStatus.INITIALIZING: "idle",
    RunStatus.DEPLOYING: "busy",
    RunStatus.RUNNING: "busy",
    RunStatus.SUCCESSFUL: "good",
    RunStatus.FAILED: "bad",
    RunStatus.CANCELLED: "idle",
}


@register.inclusion_tag("components/status.html")
def run_status(status: str) -> dict[str, Any]:
    """Sign and words of a run's status."""
    return {"kind": KINDS[RunStatus(status)], "words": RunStatus(status).label}


@register.filter
def parameter(value: Any) -> str:
    """A parameter as it would be typed."""
    return value if isinstance(value, str) else str(value)


@register.filter
def clock(length: timedelta) -> str:
    """`1:02:03`: hours, minutes, seconds."""
    seconds = int(length.total_seconds())
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


@register.filter
def storage_page(path: str) -> str:
    """The page of the storage browser that shows this folder; empty for what cannot be one."""
    try:
        place = parse_location(path).folder
    except SourceRefused:
        return ""
    return f"{reverse('stores:browse', args=[place.bucket])}?{urlencode({'prefix': place.key})}"

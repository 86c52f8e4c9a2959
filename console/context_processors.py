"""What every page's template may use."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from console.demo_state import read_demo_state


def page(request: HttpRequest) -> dict[str, Any]:
    return {
        "workspace": getattr(request, "workspace", None),
        "may": {action.value: True for action in getattr(request, "actions", ())},
        "poll_seconds": settings.PAGE_POLL_SECONDS,
        "demo": SimpleLazyObject(read_demo_state),
    }

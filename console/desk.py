"""The review desk: the Django admin, opened on what awaits a decision, its models in the order of the work."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.functional import SimpleLazyObject

from registry.models import Review, ReviewState
from registry.queries import LARGE, MOST_COUNTED
from registry.queries_review import awaiting_review, reviews_for

WAITING_SHOWN = 6
APPS = ("registry", "serving", "importers", "stores", "accounts")
MODELS = ("Review", "ModelVersion", "RegisteredModel", "Workspace", "User", "AuditEvent")


class DeskSite(AdminSite):
    """What every page of the desk may show beside its own content."""

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        def count() -> int:
            return awaiting_review(request.user).order_by()[: MOST_COUNTED + 1].count()

        return {**super().each_context(request), "awaiting": SimpleLazyObject(count)}

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {"waiting": _longest_waiting(request), **(extra_context or {})})

    def get_urls(self) -> list[Any]:
        """Without the address that leads from any row of any workspace to its page."""
        return [each for each in super().get_urls() if getattr(each, "name", "") != "view_on_site"]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps = sorted(super().get_app_list(request, app_label), key=lambda app: _place(app["app_label"], APPS))
        for app in apps:
            app["models"].sort(key=lambda model: _place(model["object_name"], MODELS))
        return apps


def _longest_waiting(request: HttpRequest) -> list[Review]:
    asked = awaiting_review(request.user).order_by().values("pk")
    rows = reviews_for(request.user).filter(version__in=asked, version__review=ReviewState.REQUESTED)
    rows = rows.defer(*(f"version__{name}" for name in LARGE))
    return list(rows.order_by("requested_at", "pk")[:WAITING_SHOWN])


def _place(name: str, order: tuple[str, ...]) -> tuple[int, str]:
    return (order.index(name) if name in order else len(order), name)

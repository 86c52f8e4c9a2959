"""The list of real-time services, and what of a service moves on any page."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect, reswap, retarget, trigger_client_event

from accounts.requests import ConsoleRequest, allowed
from registry.views.base import Column, headings, is_part
from serving.models import Desired, ServiceState
from serving.queries_services import REAL_TIME, ServiceFilter, current_revisions, service_page, services_for
from serving.views.base import MOVED, service_of

COLUMNS = (
    Column(_("Name"), "name"),
    Column(_("Status")),
    Column(_("Failed/Total calls"), css="numeric"),
    Column(_("Source")),
    Column(_("Created at"), "created_at", descends=True),
    Column(_("Description")),
)
STATUSES = [(value, label) for value, label in ServiceState.choices if value != ServiceState.FINISHED]


@require_safe
@vary_on_headers("HX-Request")
def service_list(request: ConsoleRequest) -> HttpResponse:
    wanted = ServiceFilter.from_query(request.GET)
    context = _listed(request, wanted)
    if not is_part(request, "services"):
        return render(request, "serving/service_list.html", context | {"statuses": STATUSES})
    response = render(request, "serving/_services.html", context)
    response["HX-Push-Url"] = f"{request.path}?{wanted.as_query(after=wanted.after, before=wanted.before)}".rstrip("?")
    return response


@require_safe
def service_status(request: ConsoleRequest, code: UUID) -> HttpResponse:
    """The status of a service, which asks for itself again; with what else changes when its state does.

    `on` says on which page it stands, `seen` which state that page shows.
    """
    on_page = request.GET.get("on") == "page"
    if request.htmx and not services_for(request.user).filter(uuid=code).exists():
        return _gone(request, on_page=on_page)
    service = service_of(request, code)
    moved = request.GET.get("seen") != f"{service.desired}-{service.state}"
    context = {
        "service": service,
        "allowed": allowed(request, service.workspace),
        "on_page": on_page,
        "moved": moved,
    }
    if on_page:
        context["revisions"] = current_revisions(service)
    response = render(request, "serving/_status_answer.html", context)
    if moved and service.desired != Desired.DELETED:
        trigger_client_event(response, MOVED)
    return response


def _listed(request: ConsoleRequest, wanted: ServiceFilter) -> dict[str, Any]:
    services = services_for(request.user).filter(workspace=request.workspace, kind=REAL_TIME)
    return {
        "wanted": wanted,
        "page": service_page(services, wanted),
        "headings": headings(COLUMNS, wanted),
        "allowed": allowed(request, request.workspace),
    }


def _gone(request: ConsoleRequest, *, on_page: bool) -> HttpResponse:
    """For a page that still asks for a service whose deletion has ended: the list without it, as the page has it."""
    if on_page:
        return HttpResponseClientRedirect(reverse("serving:service-list"))
    shown = QueryDict((request.htmx.current_url or "").partition("#")[0].partition("?")[2])
    response = render(request, "serving/_services.html", _listed(request, ServiceFilter.from_query(shown)))
    trigger_client_event(response, MOVED)
    return retarget(reswap(response, "outerHTML"), "#services")

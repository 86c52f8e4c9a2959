"""The list of real-time services, and what of a service moves on any page."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from accounts.requests import ConsoleRequest, allowed
from registry.views.base import Column, headings, is_part
from serving.models import ServiceState
from serving.queries_services import REAL_TIME, ServiceFilter, current_revisions, service_page, services_for
from serving.views.base import service_of

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
    services = services_for(request.user).filter(workspace=request.workspace, kind=REAL_TIME)
    context = {
        "wanted": wanted,
        "page": service_page(services, wanted),
        "headings": headings(COLUMNS, wanted),
        "statuses": STATUSES,
        "allowed": allowed(request, request.workspace),
    }
    if not is_part(request, "services"):
        return render(request, "serving/service_list.html", context)
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
        return _gone(request, code, on_page=on_page)
    service = service_of(request, code)
    context = {
        "service": service,
        "allowed": allowed(request, service.workspace),
        "on_page": on_page,
        "moved": request.GET.get("seen") != f"{service.desired}-{service.state}",
    }
    if on_page:
        context["revisions"] = current_revisions(service)
    return render(request, "serving/_status_answer.html", context)


def _gone(request: ConsoleRequest, code: UUID, *, on_page: bool) -> HttpResponse:
    """A page that still asks for a service whose deletion has ended: its row goes, from its page people come back."""
    if on_page:
        return HttpResponseClientRedirect(reverse("serving:service-list"))
    return render(request, "serving/_gone.html", {"code": code})

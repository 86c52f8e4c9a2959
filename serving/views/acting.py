"""What people do to a service: start, stop, delete, and change what may be changed while it runs."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.requests import ConsoleRequest, allowed, workspace_for
from accounts.roles import Action
from registry.findings import message_for
from registry.views.base import as_uuid, way_back
from serving import services
from serving.errors import ServiceRefused
from serving.forms import AutoStopForm, ServiceDescriptionForm, auto_stop_initial
from serving.models import Desired, Service
from serving.queries_services import PAGE_SIZE, services_for
from serving.views.base import FLEETING, answer, deployable_service, go_on, service_of


@require_POST
def service_start(request: ConsoleRequest, code: UUID) -> HttpResponse:
    service = deployable_service(request, code)
    back = way_back(request, service.get_absolute_url())
    try:
        if services.start(service, by=request.user):
            messages.success(request, _("%(name)s is being deployed.") % {"name": service.name}, extra_tags=FLEETING)
        else:
            messages.warning(request, _wrong_state(service))
    except ServiceRefused as refused:
        messages.error(request, refused.message)
    return go_on(request, back)


@require_http_methods(["GET", "HEAD", "POST"])
def service_stop(request: ConsoleRequest, code: UUID) -> HttpResponse:
    """Ask once what it means, then stop it."""
    service = deployable_service(request, code)
    back = way_back(request, service.get_absolute_url())
    if request.method != "POST":
        title = _("Stop the service?")
        context = {"service": service, "title": title, "back": back, "submit": _("Stop"), "danger": True}
        return answer(request, "_stop", context)
    if services.stop(service, by=request.user):
        messages.success(request, _("%(name)s is stopping.") % {"name": service.name}, extra_tags=FLEETING)
    else:
        messages.warning(request, _wrong_state(service))
    return go_on(request, back)


@require_http_methods(["GET", "HEAD", "POST"])
def service_delete(request: ConsoleRequest, code: UUID) -> HttpResponse:
    service = deployable_service(request, code)
    if request.method != "POST":
        return _confirm_delete(request, [service])
    return _delete(request, [service])


@require_http_methods(["GET", "HEAD", "POST"])
def services_delete(request: ConsoleRequest) -> HttpResponse:
    """Several at once: those ticked in the list are named first, then deleted by the button below their names."""
    workspace = workspace_for(request, Action.DEPLOY)
    given = request.POST if request.method == "POST" else request.GET
    codes = [code for text in given.getlist("service")[:PAGE_SIZE] if (code := as_uuid(text))]
    rows = services_for(request.user, Action.DEPLOY).filter(workspace=workspace, uuid__in=codes)
    chosen = list(rows.exclude(desired=Desired.DELETED))
    if not chosen:
        messages.warning(request, _("Tick the services to delete first."))
        return go_on(request, _list_address())
    if request.method == "POST" and "confirmed" in request.POST:
        return _delete(request, chosen)
    return _confirm_delete(request, chosen)


@require_http_methods(["GET", "HEAD", "POST"])
def service_auto_stop(request: ConsoleRequest, code: UUID) -> HttpResponse:
    service = deployable_service(request, code)
    data = request.POST if request.method == "POST" else None
    form = AutoStopForm(data, initial=auto_stop_initial(service.auto_stop_seconds))
    back = way_back(request, service.get_absolute_url())
    if data is None or not form.is_valid():
        title = _("Automatic stop")
        context = {"service": service, "form": form, "title": title, "back": back, "submit": _("Save")}
        return answer(request, "_auto_stop", context, status=422 if form.is_bound else 200)
    if services.set_auto_stop(service, form.seconds, by=request.user):
        messages.success(request, _("The automatic stop was changed."))
    else:
        messages.warning(request, _("The service is being deleted."))
    return go_on(request, back)


@require_http_methods(["GET", "HEAD", "POST"])
def service_edit(request: ConsoleRequest, code: UUID) -> HttpResponse:
    """The description; with htmx in its place, else on a page of its own."""
    if request.htmx and "shown" in request.GET:
        return _shown(request, service_of(request, code))
    service = deployable_service(request, code)
    initial = {"description": service.description}
    data = request.POST if request.method == "POST" else None
    form = ServiceDescriptionForm(data, initial=initial, auto_id=f"id_{service.uuid}_%s")
    back = way_back(request, service.get_absolute_url())
    if data is not None and form.is_valid():
        services.edit_description(service, form.cleaned_data["description"], by=request.user)
        return _shown(request, service) if request.htmx else go_on(request, back)
    context = {"subject": service, "form": form, "back": back, "address": f"{request.path}?{request.GET.urlencode()}"}
    template = "serving/_edit.html" if request.htmx else "serving/edit.html"
    return render(request, template, context, status=422 if form.is_bound else 200)


def _shown(request: ConsoleRequest, service: Service) -> HttpResponse:
    context = {"service": service, "allowed": allowed(request, service.workspace)}
    return render(request, "serving/_description.html", context)


def _confirm_delete(request: ConsoleRequest, chosen: list[Service]) -> HttpResponse:
    title = ngettext("Delete the service?", "Delete the services?", len(chosen))
    context: dict[str, Any] = {
        "services": chosen,
        "title": title,
        "back": way_back(request, _list_address()),
        "submit": _("Delete"),
        "danger": True,
    }
    return answer(request, "_delete", context)


def _delete(request: ConsoleRequest, chosen: list[Service]) -> HttpResponse:
    begun = [service.name for service in chosen if services.delete(service, by=request.user)]
    if begun:
        text = ngettext("%(names)s is being deleted.", "%(names)s are being deleted.", len(begun))
        messages.success(request, text % {"names": ", ".join(begun)}, extra_tags=FLEETING)
    return go_on(request, _list_address())


def _list_address() -> str:
    return reverse("serving:service-list")


def _wrong_state(service: Service) -> str:
    current = Service.objects.filter(pk=service.pk).first() or service
    return message_for("service.wrong_state", {"state": current.get_state_display()})

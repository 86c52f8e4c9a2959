"""The list of MLflow connections: what their last synchronisation found, reading one now, and removing one."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from accounts.queries import require
from accounts.requests import ConsoleRequest, allowed
from accounts.roles import Action
from importers.models import MLflowConnection
from importers.queries_mlflow import ConnectionFilter, connection_page, connections_for
from importers.services_mlflow import ask_for_sync, remove_connection
from registry.views.base import Column, headings, is_part

COLUMNS = (
    Column(gettext_lazy("Name"), "name"),
    Column(gettext_lazy("Address"), "address"),
    Column(gettext_lazy("Experiments")),
    Column(pgettext_lazy("column", "Training jobs"), css="numeric"),
    Column(gettext_lazy("Last synchronised")),
)


@require_safe
@vary_on_headers("HX-Request")
def connection_list(request: ConsoleRequest) -> HttpResponse:
    wanted = ConnectionFilter.from_query(request.GET)
    connections = connections_for(request.user).filter(workspace=request.workspace)
    context = {
        "wanted": wanted,
        "page": connection_page(connections, wanted),
        "headings": headings(COLUMNS, wanted),
        "allowed": allowed(request, request.workspace),
    }
    if not is_part(request, "connections"):
        return render(request, "importers/mlflow_list.html", context)
    response = render(request, "importers/_mlflow_connections.html", context)
    response["HX-Push-Url"] = f"{request.path}?{wanted.as_query(after=wanted.after, before=wanted.before)}".rstrip("?")
    return response


@require_safe
def connection_status(request: ConsoleRequest, code: UUID) -> HttpResponse:
    """The rows of one connection, which ask for themselves while it is read."""
    return _rows(request, get_object_or_404(connections_for(request.user), uuid=code))


@require_POST
@vary_on_headers("HX-Request")
def connection_sync(request: ConsoleRequest, code: UUID) -> HttpResponse:
    connection = get_object_or_404(connections_for(request.user), uuid=code)
    require(request.user, Action.IMPORT, connection.workspace)
    ask_for_sync(connection, by=request.user)
    if request.htmx:
        return _rows(request, connection)
    messages.success(request, _("%(name)s is synchronised in a moment.") % {"name": connection.name})
    return HttpResponseRedirect(reverse("importers:training-connections"))


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def connection_remove(request: ConsoleRequest, code: UUID) -> HttpResponse:
    connection = get_object_or_404(connections_for(request.user), uuid=code)
    require(request.user, Action.MANAGE, connection.workspace)
    back = reverse("importers:training-connections")
    if request.method != "POST":
        context: dict[str, Any] = {"connection": connection, "back": back, "address": request.path}
        part = "_mlflow_remove_dialog" if request.htmx else "mlflow_remove"
        return render(request, f"importers/{part}.html", context)
    remove_connection(connection, by=request.user)
    messages.success(request, _("Connection %(name)s was removed.") % {"name": connection.name})
    return HttpResponseClientRedirect(back) if request.htmx else HttpResponseRedirect(back)


def _rows(request: ConsoleRequest, connection: MLflowConnection) -> HttpResponse:
    context = {"connection": connection, "allowed": allowed(request, connection.workspace)}
    return render(request, "importers/_mlflow_connection.html", context)

"""The list of container registries, testing one, and removing one."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.requests import ConsoleRequest, allowed, own_address
from accounts.roles import Action
from stores.errors import SourceRefused, SourceUnavailable
from stores.messages import message_of
from stores.models import RegistryConnection
from stores.paths_images import parse_reference
from stores.queries import registries_for
from stores.services_registries import check_registry, connection_for, remove_registry
from stores.views.base import Picking, go_on, picking
from stores.views.columns import Heading, headings
from stores.views.images import IMAGE, picker_response
from stores.views.registry_base import LastTest, connection_of, last_test, log_unavailable

# From this many on, the list can be searched.
SEARCHED_FROM = 10
_COLUMNS = {"name": "name", "address": "address", "tested": "checked_at"}


@dataclass(frozen=True)
class Row:
    connection: RegistryConnection
    test: LastTest


@require_safe
@vary_on_headers("HX-Request")
def registry_list(request: ConsoleRequest) -> HttpResponse:
    picker = picking(request, (IMAGE,))
    connections = registries_for(request.user, request.workspace)
    context: dict[str, Any] = {"allowed": allowed(request, request.workspace), "picker": picker}
    if picker:
        return _pick(request, picker, context | {"connections": connections})
    # PostgreSQL takes no text with a NUL in it, and no name holds one.
    search, sort = request.GET.get("q", "").replace("\0", "").strip(), request.GET.get("sort", "")
    rows = [Row(connection, last_test(connection)) for connection in _wanted(connections, search, sort)]
    context |= {"rows": rows, "search": search, "searchable": bool(search) or len(rows) >= SEARCHED_FROM}
    return render(request, "stores/registry_list.html", context | {"headings": _headings(sort)})


def _wanted(connections: QuerySet[RegistryConnection], search: str, sort: str) -> QuerySet[RegistryConnection]:
    if search:
        connections = connections.filter(Q(name__icontains=search) | Q(address__icontains=search))
    column = _COLUMNS.get(sort.removeprefix("-"), "name")
    return connections.order_by(f"-{column}" if sort.startswith("-") else column, "name")


def _headings(sort: str) -> list[Heading]:
    labels = {"name": _("Name"), "address": _("Address"), "repositories": _("Allowed repositories")}
    labels |= {"tested": _("Last test"), "operation": _("Operation")}
    return headings(labels, _COLUMNS, sort)


def _pick(request: ConsoleRequest, picker: Picking, context: dict[str, Any]) -> HttpResponse:
    """The picker at its top, or where a typed reference or the field points; a typed one is answered in any case."""
    typed = request.GET.get("reference", "").strip()
    text = typed or request.GET.get(picker.parameter, "")
    if not text or request.workspace is None:
        return picker_response(request, context)
    try:
        image = parse_reference(text)
        connection = connection_for(request.workspace, image)
    except SourceRefused as refused:
        if typed:
            context |= {"typed": typed, "refused": message_of(refused)}
        return picker_response(request, context)
    wanted = {"repository": image.repository}
    if typed:
        wanted |= {"tag": image.tag, "digest": image.digest}
    query = urlencode({name: value for name, value in wanted.items() if value})
    return redirect(f"{connection.get_absolute_url()}?{query}&{picker.query}")


@require_POST
def registry_check(request: ConsoleRequest, code: UUID) -> HttpResponse:
    connection = connection_of(request, code, Action.MANAGE)
    outcome = check_registry(connection)
    if isinstance(outcome, SourceRefused | SourceUnavailable):
        log_unavailable(connection.address, outcome)
        messages.error(request, message_of(outcome))
    else:
        messages.success(request, _("Connection %(name)s works.") % {"name": connection.name})
    return go_on(request, own_address(request, request.POST.get("next", "")) or connection.get_absolute_url())


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def registry_remove(request: ConsoleRequest, code: UUID) -> HttpResponse:
    connection = connection_of(request, code, Action.MANAGE)
    back = reverse("stores:registry-list")
    if request.method == "POST":
        remove_registry(connection, by=request.user)
        messages.success(request, _("Connection %(name)s was removed.") % {"name": connection.name})
        return go_on(request, back)
    part = "_registry_remove.html" if request.htmx else "registry_remove.html"
    return render(request, f"stores/{part}", {"connection": connection, "back": back})

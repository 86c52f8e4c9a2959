"""Connecting a container registry, changing a connection, and trying whether it works."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from accounts.requests import ConsoleRequest, own_address, workspace_for
from accounts.roles import Action
from stores.errors import SourceRefused, SourceUnavailable
from stores.forms_registries import RegistryForm
from stores.messages import message_of
from stores.models import RegistryConnection
from stores.oci_place import RegistryPlace
from stores.services_registries import Checked, connect_registry, edit_registry, probe_registry, record_check
from stores.views.base import go_on
from stores.views.connecting import Line
from stores.views.registry_base import connection_of, log_unavailable


@dataclass(frozen=True)
class Trial:
    """What a test came to: what was seen, or why the registry cannot be used."""

    checked: Checked | None = None
    failure: SourceRefused | SourceUnavailable | None = None

    @property
    def error(self) -> str:
        return message_of(self.failure) if self.failure else ""

    @property
    def lines(self) -> Iterator[Line]:
        if self.checked is None:
            return
        asked = self.checked.signed_in
        yield Line(
            _("Sign-in"), "good" if asked else "idle", _("Accepted") if asked else _("The registry asks nobody.")
        )
        catalog = self.checked.catalog
        if catalog is True:
            yield Line(_("Listing"), "good", _("Allowed"))
        else:
            yield Line(_("Listing"), "warn", message_of(catalog))

    @property
    def lists_nothing(self) -> bool:
        return self.checked is not None and self.checked.catalog is not True


def _try(place: RegistryPlace) -> Trial:
    try:
        return Trial(probe_registry(place))
    except (SourceRefused, SourceUnavailable) as error:
        log_unavailable(place.address, error)
        return Trial(failure=error)


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
@sensitive_post_parameters("password")
def registry_create(request: ConsoleRequest) -> HttpResponse:
    workspace = workspace_for(request, Action.MANAGE)
    form = RegistryForm(request.POST if request.method == "POST" else None)
    trial = None
    if form.is_valid():
        trial = _trial(request, form)
        if _is_to_be_saved(request, trial):
            try:
                connection = connect_registry(workspace, form.entry(), by=request.user)
            except SourceRefused as refused:
                form.add_error("name", message_of(refused))
            else:
                _keep(connection, trial)
                messages.success(request, _("Connection %(name)s was created.") % {"name": connection.name})
                return go_on(request, connection.get_absolute_url())
    context = {"form": form, "trial": trial, "action": reverse("stores:registry-create")}
    return _answer(request, "registry_create.html", context | {"back": reverse("stores:registry-list")})


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
@sensitive_post_parameters("password")
def registry_edit(request: ConsoleRequest, code: UUID) -> HttpResponse:
    connection = connection_of(request, code, Action.MANAGE)
    posted = request.POST if request.method == "POST" else None
    form = RegistryForm(posted, connection=connection, initial=_initial(connection))
    back = own_address(request, (posted or request.GET).get("next", "")) or connection.get_absolute_url()
    trial = None
    if form.is_valid():
        trial = _trial(request, form)
        if _is_to_be_saved(request, trial):
            try:
                edit_registry(connection, form.entry(), by=request.user)
            except SourceRefused as refused:
                form.add_error("name", message_of(refused))
            else:
                _keep(connection, trial)
                messages.success(request, _("Connection %(name)s was changed.") % {"name": connection.name})
                return go_on(request, back)
    context = {"connection": connection, "form": form, "trial": trial, "back": back}
    context["action"] = reverse("stores:registry-edit", args=[connection.uuid])
    return _answer(request, "registry_edit.html", context)


def _trial(request: ConsoleRequest, form: RegistryForm) -> Trial | None:
    """Try what a valid form says; None when it is to be saved whatever the test would say."""
    if form.cleaned_data["anyway"] and "test" not in request.POST:
        return None
    return _try(form.entry().place)


def _is_to_be_saved(request: ConsoleRequest, trial: Trial | None) -> bool:
    return "test" not in request.POST and (trial is None or trial.checked is not None)


def _keep(connection: RegistryConnection, trial: Trial | None) -> None:
    if trial and trial.checked:
        record_check(connection, trial.checked)


def _initial(connection: RegistryConnection) -> dict[str, Any]:
    names = ("name", "repositories", "username", "token_host", "blob_hosts", "ca")
    return {name: getattr(connection, name) for name in names} | {"address": connection.where}


def _answer(request: ConsoleRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """The form again. The server never sends the password back: without JavaScript it has to be typed once more."""
    trial: Trial | None = context["trial"]
    failed = trial is not None and trial.failure is not None
    context["retype"] = not request.htmx and bool(request.POST.get("password"))
    context["failed"] = failed or "anyway" in request.POST
    part = "_registry_form.html" if request.htmx else template
    status = 422 if context["form"].errors or (failed and "test" not in request.POST) else 200
    return render(request, f"stores/{part}", context, status=status)

"""Adding an MLflow connection, changing one, and trying whether its server can be read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from accounts.models import Workspace
from accounts.queries import require
from accounts.requests import ConsoleRequest, workspace_for
from accounts.roles import Action
from importers.forms_mlflow import ConnectionForm, initial_of
from importers.queries_mlflow import connections_for
from importers.services_mlflow import SECRETS, Found, add_connection, edit_connection, try_server
from registry.findings import message_for
from stores.errors import SourceRefused, SourceUnavailable


@dataclass(frozen=True)
class Line:
    """One thing a test asked; `kind` is that of a status sign."""

    words: str
    kind: str
    answer: str


@dataclass(frozen=True)
class Trial:
    """What a test of a server came to: what was found, or why it cannot be read."""

    found: Found | None = None
    error: str = ""

    @property
    def lines(self) -> Iterator[Line]:
        found = self.found
        if found is None:
            return
        yield Line(_("Version"), "good" if found.version else "idle", found.version or _("The server tells none."))
        counted = ngettext("%(count)s experiment", "%(count)s experiments", found.experiments)
        yield Line(_("Experiments"), "good", counted % {"count": found.experiments})
        if found.unknown:
            yield Line(_("Not found"), "warn", ", ".join(found.unknown))
        if found.logged_models is not None:
            listed, searched = _("The server lists them."), _("They are looked for among the artifacts of each run.")
            yield Line(_("Logged models"), "good", listed if found.logged_models else searched)
        for name, path, refusal in found.artifacts:
            answer = path if refusal is None else message_for(refusal.code, refusal.params)
            yield Line(name, "good" if refusal is None else "warn", answer)

    @property
    def doubtful(self) -> bool:
        """Whether the server can be read, but not everything of it."""
        found = self.found
        return found is not None and bool(found.unknown or any(refusal for _name, _path, refusal in found.artifacts))


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
@sensitive_post_parameters(*SECRETS)
def connection_new(request: ConsoleRequest) -> HttpResponse:
    workspace = workspace_for(request, Action.MANAGE)
    form = ConnectionForm(request.POST if request.method == "POST" else None)
    trial = _trial(request, form, workspace) if form.is_valid() else None
    if _is_to_be_saved(request, form, trial):
        try:
            connection = add_connection(workspace, form.wanted(), by=request.user)
        except SourceRefused as refusal:
            form.add_error("name", message_for(refusal.code, refusal.params))
        else:
            messages.success(request, _("Connection %(name)s was added.") % {"name": connection.name})
            return _leave(request)
    return _answer(request, form, trial, "mlflow_new.html", {"action": request.path})


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
@sensitive_post_parameters(*SECRETS)
def connection_edit(request: ConsoleRequest, code: UUID) -> HttpResponse:
    connection = get_object_or_404(connections_for(request.user), uuid=code)
    require(request.user, Action.MANAGE, connection.workspace)
    posted = request.POST if request.method == "POST" else None
    form = ConnectionForm(posted, connection=connection, initial=initial_of(connection))
    trial = _trial(request, form, connection.workspace) if form.is_valid() else None
    if _is_to_be_saved(request, form, trial):
        try:
            edit_connection(connection, form.wanted(), by=request.user)
        except SourceRefused as refusal:
            form.add_error("name", message_for(refusal.code, refusal.params))
        else:
            messages.success(request, _("Connection %(name)s was changed.") % {"name": connection.name})
            return _leave(request)
    context = {"action": request.path, "connection": connection, "saved": connection.credentials != ""}
    return _answer(request, form, trial, "mlflow_edit.html", context)


def _trial(request: ConsoleRequest, form: ConnectionForm, workspace: Workspace) -> Trial | None:
    """Try the server of a valid form; None when it is to be saved whatever the test would say."""
    if form.cleaned_data["anyway"] and "test" not in request.POST:
        return None
    try:
        return Trial(try_server(workspace, form.wanted()))
    except (SourceRefused, SourceUnavailable) as error:
        return Trial(error=message_for(error.code, error.params))


def _is_to_be_saved(request: ConsoleRequest, form: ConnectionForm, trial: Trial | None) -> bool:
    return form.is_valid() and "test" not in request.POST and (trial is None or trial.found is not None)


def _leave(request: ConsoleRequest) -> HttpResponse:
    address = reverse("importers:training-connections")
    return HttpResponseClientRedirect(address) if request.htmx else HttpResponseRedirect(address)


def _answer(
    request: ConsoleRequest, form: ConnectionForm, trial: Trial | None, template: str, context: dict[str, Any]
) -> HttpResponse:
    """The form again. The server never sends secrets back: without JavaScript they have to be typed once more."""
    failed = trial is not None and bool(trial.error)
    context |= {"form": form, "trial": trial, "back": reverse("importers:training-connections")}
    context["secret_needed"] = not context.get("saved")
    context["retype"] = not request.htmx and any(request.POST.get(name) for name in SECRETS)
    context["failed"] = failed or "anyway" in request.POST
    part = "_mlflow_form.html" if request.htmx else template
    status = 422 if form.errors or (failed and "test" not in request.POST) else 200
    return render(request, f"importers/{part}", context, status=status)

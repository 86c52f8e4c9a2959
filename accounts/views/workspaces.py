"""The workspace itself: choosing one, making one, its name and policies."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import WorkspaceNameTaken
from accounts.forms import WorkspaceForm
from accounts.forms_people import SettingsForm, WorkspaceNameForm
from accounts.queries import is_operator, require, workspaces_for
from accounts.requests import SESSION_KEY, ConsoleRequest
from accounts.roles import Action
from accounts.services_workspaces import WorkspaceSettings, change_workspace, create_workspace


@require_POST
def workspace_switch(request: HttpRequest) -> HttpResponseRedirect:
    """Work in another workspace from now on; one that is not the user's does not exist."""
    form = WorkspaceForm(request.POST, workspaces=workspaces_for(request.user))
    if not form.is_valid():
        raise Http404
    chosen = form.cleaned_data["workspace"]
    request.session[SESSION_KEY] = chosen.pk
    messages.success(request, _("You are now in workspace %(name)s.") % {"name": chosen.name})
    return redirect("console:overview")


@require_http_methods(["GET", "HEAD", "POST"])
def workspace_new(request: ConsoleRequest) -> HttpResponse:
    """For operators; who makes it administers it and works in it from now on."""
    if not is_operator(request.user):
        raise PermissionDenied
    form = WorkspaceNameForm(request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return render(request, "accounts/workspace_new.html", {"form": form})
    if form.is_valid():
        try:
            workspace = create_workspace(name=form.cleaned_data["name"], by=request.user)
        except WorkspaceNameTaken:
            form.name_is_taken()
        else:
            request.session[SESSION_KEY] = workspace.pk
            messages.success(request, _("Workspace %(name)s was made. You administer it.") % {"name": workspace.name})
            return redirect("accounts:member-list")
    return render(request, "accounts/workspace_new.html", {"form": form}, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
def policies(request: ConsoleRequest) -> HttpResponse:
    """Every member may read what was decided; administrators change it, and the name."""
    workspace = request.workspace
    if workspace is None:
        raise PermissionDenied
    editable = Action.MANAGE in request.actions
    if request.method != "POST":
        form = SettingsForm(workspace=workspace, editable=editable)
        return render(request, "accounts/policies.html", {"form": form, "editable": editable})
    require(request.user, Action.MANAGE, workspace)
    form = SettingsForm(request.POST, workspace=workspace, editable=True)
    if form.is_valid():
        try:
            changed = change_workspace(workspace, WorkspaceSettings(**form.cleaned_data), by=request.user)
        except WorkspaceNameTaken:
            form.name_is_taken()
        else:
            messages.success(request, _("Saved.") if changed else _("Nothing was changed."))
            return redirect("accounts:policies")
    return render(request, "accounts/policies.html", {"form": form, "editable": True}, status=422)

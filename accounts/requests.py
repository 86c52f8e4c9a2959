"""What every page behind the sign-in asks of its request: who, in which workspace, what they may do, and where to."""

from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django_htmx.middleware import HtmxDetails

from accounts.models import User, Workspace
from accounts.queries import actions_in, require
from accounts.roles import Action

SESSION_KEY = "workspace"


class ConsoleRequest(HttpRequest):
    """A request behind the sign-in, as the middlewares leave it."""

    user: User
    workspace: Workspace | None
    actions: frozenset[Action]
    htmx: HtmxDetails


@dataclass(frozen=True)
class Allowed:
    """What the controls of a page may offer; `start` is to bring in files and models."""

    start: bool = False
    edit: bool = False
    delete: bool = False
    manage: bool = False
    approve: bool = False
    deploy: bool = False


def allowed(request: ConsoleRequest, workspace: Workspace | None) -> Allowed:
    actions = actions_in(request.user, workspace) if workspace else frozenset()
    wanted = (Action.IMPORT, Action.EDIT, Action.DELETE, Action.MANAGE, Action.APPROVE, Action.DEPLOY)
    return Allowed(*(action in actions for action in wanted))


def workspace_for(request: ConsoleRequest, action: Action) -> Workspace:
    """The workspace the request works in; PermissionDenied unless this person may do `action` there."""
    if request.workspace is None:
        raise PermissionDenied
    require(request.user, action, request.workspace)
    return request.workspace


def follow_to(request: ConsoleRequest, workspace: Workspace) -> None:
    """Work from now on in the workspace of what a page shows, and say so: its header never names another one."""
    if request.workspace == workspace or request.htmx or request.user.acting_token:
        return
    request.session[SESSION_KEY] = workspace.pk
    request.workspace = workspace
    request.actions = actions_in(request.user, workspace)
    messages.info(request, _("This belongs to workspace %(name)s: you work there now.") % {"name": workspace.name})


def own_address(request: HttpRequest, wanted: str) -> str:
    """The address when it leads to a page of ours, else nothing: what a request asks for must not lead elsewhere."""
    ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if ours else ""

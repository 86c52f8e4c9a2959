"""Puts the workspace a signed-in user is working in on the request."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts.models import Workspace
from accounts.queries import workspaces_for

SESSION_KEY = "workspace"


class WorkspaceMiddleware:
    """Sets `request.workspace`: the one chosen in the session, else the user's first, else None."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.workspace = _current_workspace(request)  # type: ignore[attr-defined]
        return self.get_response(request)


def _current_workspace(request: HttpRequest) -> Workspace | None:
    if not request.user.is_authenticated:
        return None
    mine = list(workspaces_for(request.user).order_by("name"))
    chosen = request.session.get(SESSION_KEY)
    request.workspaces = mine  # type: ignore[attr-defined]
    return next((workspace for workspace in mine if workspace.pk == chosen), mine[0] if mine else None)

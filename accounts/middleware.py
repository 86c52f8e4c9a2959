"""Puts on the request who asks where: the workspace a signed-in user works in, or the person a token acts for."""

from collections.abc import Callable
from typing import Any

from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse

from accounts.digests import TOKEN_MARK
from accounts.models import ApiToken, Membership, User, Workspace
from accounts.queries import actions_in, is_operator, may, workspaces_for
from accounts.queries_people import token_behind
from accounts.requests import SESSION_KEY
from accounts.requests_tokens import not_allowed, not_here, secret_in, unauthorized
from accounts.roles import Action, allowed_by
from accounts.transitions import note_use


class WorkspaceMiddleware:
    """Sets `request.workspace`: the one chosen in the session, else the user's first, else None.

    And `request.actions`, all that the user may do there: what the navigation offers costs no query of its own.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.workspace = _current_workspace(request)  # type: ignore[attr-defined]
        return self.get_response(request)


class TokenMiddleware:
    """Lets a program in by its API token, on views marked with `accepts_token` alone.

    Its request has no session, so nobody can be made to send it by a page elsewhere, and it needs no CSRF token.
    Stands before CsrfViewMiddleware and LoginRequiredMiddleware, whose turn comes after the person is known.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        action = getattr(view, "token_action", None)
        secret = secret_in(request)
        if secret is None:
            return None
        if action is None:  # A header that a proxy adds for itself is none of ours.
            return not_here() if secret.startswith(TOKEN_MARK) else None
        token = token_behind(secret)
        if token is None or token.expired:
            return unauthorized(expired=token is not None)
        _act(request, token)
        note_use(token)
        return None if may(token.user, action, token.workspace) else not_allowed()


def _act(request: HttpRequest, token: ApiToken) -> None:
    """From here on the request is one of the token's maker, with the token between them and what they may do."""
    user = token.user
    user.acting_token = token
    request.user = request._cached_user = user  # type: ignore[attr-defined]
    request.workspace, request.workspaces = token.workspace, [token.workspace]  # type: ignore[attr-defined]
    request.actions = actions_in(user, token.workspace)  # type: ignore[attr-defined]
    request.csrf_processing_done = True  # type: ignore[attr-defined]


def _current_workspace(request: HttpRequest) -> Workspace | None:
    user = request.user
    if not isinstance(user, User):
        return None
    role = Membership.objects.filter(workspace=OuterRef("pk"), user=user).values("role")
    mine = list(workspaces_for(user).annotate(role=Subquery(role)).order_by("name"))
    chosen = request.session.get(SESSION_KEY)
    current = next((workspace for workspace in mine if workspace.pk == chosen), mine[0] if mine else None)
    request.workspaces = mine  # type: ignore[attr-defined]
    request.actions = _actions(user, current)  # type: ignore[attr-defined]
    return current


def _actions(user: User, workspace: Any) -> frozenset[Action]:
    if workspace is None:
        return frozenset()
    return frozenset(Action) if is_operator(user) else allowed_by(workspace.role)

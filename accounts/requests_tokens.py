"""Requests of programs: where their token stands, which views take one, and how they are refused."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from accounts.roles import Action

BEARER = "bearer "
View = Callable[..., HttpResponseBase]


def accepts_token(action: Action) -> Callable[[View], View]:
    """Let programs ask for a view with an API token that allows `action`; what it refuses them is JSON."""

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if getattr(request.user, "acting_token", None) is None:
                return view(request, *args, **kwargs)
            try:
                return view(request, *args, **kwargs)
            except Http404:
                return api_error(404, "ModelArts.3001", _("There is nothing at this address for this token."))
            except PermissionDenied:
                return not_allowed()

        answer.token_action = action  # type: ignore[attr-defined]
        return answer

    return decorate


def secret_in(request: HttpRequest) -> str | None:
    """What the request gives as its token; None when it gives none."""
    given = request.headers.get("Authorization", "")
    if given.lower().startswith(BEARER):
        return given[len(BEARER) :].strip()
    return request.headers.get("X-Auth-Token")


def unauthorized(*, expired: bool = False) -> JsonResponse:
    """The token opens nothing; of one that is unknown and one that was revoked nobody learns which it was."""
    if expired:
        response = api_error(401, "ModelArts.0202", _("The API token has expired. Make a new one on the console."))
    else:
        response = api_error(401, "ModelArts.0203", _("The API token is wrong, or it was revoked."))
    response["WWW-Authenticate"] = 'Bearer realm="modelport", error="invalid_token"'
    return response


def not_allowed() -> JsonResponse:
    return api_error(403, "ModelArts.0108", _("The role of the API token, or its maker's, does not allow this."))


def not_here() -> JsonResponse:
    return api_error(403, "ModelArts.0108", _("API tokens do not open this address; the help page People says which."))


def api_error(status: int, code: str, message: str) -> JsonResponse:
    """In the form that programs of the documented API read."""
    response = JsonResponse({"error_code": code, "error_msg": message}, status=status)
    response["Cache-Control"] = "no-store"
    return response

"""API tokens: the list, making one, revoking."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.forms_people import TokenForm
from accounts.queries_people import TokenFilter, token_page, tokens_for
from accounts.requests import ConsoleRequest, own_address, workspace_for
from accounts.requests_lists import Column, headings, is_part, way_back
from accounts.roles import Action, Role, roles_within
from accounts.services_tokens import make_token, revoke_token
from accounts.views.base import answer, as_uuid, go_on, keep_once, take_once

COLUMNS = (
    Column(gettext_lazy("Name"), "name"),
    Column(gettext_lazy("Made by"), "who"),
    Column(gettext_lazy("Role")),
    Column(gettext_lazy("Made at"), "created_at", descends=True),
    Column(gettext_lazy("Last used"), "used", descends=True),
    Column(gettext_lazy("Expires")),
)


@require_safe
@vary_on_headers("HX-Request")
def token_list(request: ConsoleRequest) -> HttpResponse:
    """One's own tokens, or all of the workspace for its administrators; one made just now with its secret."""
    workspace = workspace_for(request, Action.IMPORT)
    wanted = TokenFilter.from_query(request.GET)
    tokens = tokens_for(request.user).filter(workspace=workspace)
    context = {"wanted": wanted, "page": token_page(tokens, wanted), "headings": headings(COLUMNS, wanted)}
    if is_part(request, "tokens"):
        response = render(request, "accounts/_tokens.html", context)
        query = wanted.as_query(after=wanted.after, before=wanted.before)
        response["HX-Push-Url"] = f"{request.path}?{query}".rstrip("?")
        return response
    secret = take_once(request, as_uuid(request.GET.get("made", "")))
    context |= {"secret": secret, "base": request.build_absolute_uri("/"), "back": _back(request)}
    return render(request, "accounts/tokens.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def token_new(request: ConsoleRequest) -> HttpResponse:
    workspace = workspace_for(request, Action.IMPORT)
    roles = roles_within(request.actions)
    initial = {"role": Role.VIEWER}
    form = TokenForm(request.POST if request.method == "POST" else None, roles=roles, initial=initial)
    context = {
        "form": form,
        "parent": _("API tokens"),
        "title": _("Make an API token"),
        "submit": _("Make the token"),
        "back": _list_address(request),
    }
    if request.method != "POST":
        return answer(request, "_token_new", context)
    if not form.is_valid():
        return answer(request, "_token_new", context, status=422)
    name, role = form.cleaned_data["name"], Role(form.cleaned_data["role"])
    token, secret = make_token(workspace, name=name, role=role, expires_at=form.expires_at, by=request.user)
    keep_once(request, token.uuid, secret)
    return go_on(request, _list_address(request, made=str(token.uuid)))


@require_http_methods(["GET", "HEAD", "POST"])
def token_revoke(request: ConsoleRequest, code: UUID) -> HttpResponse:
    token = get_object_or_404(tokens_for(request.user), uuid=code)
    back = way_back(request, reverse("accounts:token-list"))
    if request.method != "POST":
        context = {"token": token, "back": back, "parent": _("API tokens"), "title": _("Revoke API token")}
        context |= {"submit": _("Revoke"), "danger": True}
        return answer(request, "_token_revoke", context)
    if revoke_token(token, by=request.user):
        messages.success(request, _("Token “%(name)s” was revoked.") % {"name": token.name})
    return go_on(request, back)


def _back(request: ConsoleRequest) -> str:
    """The page of ours from which somebody came to make a token; empty without one."""
    return own_address(request, request.GET.get("next", ""))


def _list_address(request: ConsoleRequest, **query: str) -> str:
    """The list, from which that page can still be reached."""
    back = _back(request)
    return reverse("accounts:token-list", query=query | ({"next": back} if back else {}))

"""Who is in the workspace: the list, another role, removing."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.errors import LastAdministrator
from accounts.forms_people import LeaveForm, RoleForm
from accounts.messages import last_administrator
from accounts.models import ApiToken, Membership
from accounts.queries import require
from accounts.queries_people import MemberFilter, invitations_for, member_page, members_for
from accounts.requests import ConsoleRequest
from accounts.requests_lists import Column, headings, is_part, way_back
from accounts.roles import Action, Role
from accounts.services_members import change_role, remove_member
from accounts.views.base import answer, as_uuid, go_on, take_once

COLUMNS = (
    Column(gettext_lazy("Name"), "name"),
    Column(gettext_lazy("Role"), "role"),
    Column(gettext_lazy("Member since"), "since", descends=True),
    Column(gettext_lazy("Last sign-in"), "signed_in", descends=True),
)
INVITATIONS_SHOWN = 100


@require_safe
@vary_on_headers("HX-Request")
def member_list(request: ConsoleRequest) -> HttpResponse:
    """Every member may see who else is here, administrators also the open invitations."""
    if request.workspace is None:
        raise PermissionDenied
    wanted = MemberFilter.from_query(request.GET)
    members = members_for(request.user).filter(workspace=request.workspace)
    context = {
        "wanted": wanted,
        "page": member_page(members, wanted),
        "headings": headings(COLUMNS, wanted),
        "roles": Role.choices,
    }
    if is_part(request, "members"):
        response = render(request, "accounts/_members.html", context)
        query = wanted.as_query(after=wanted.after, before=wanted.before)
        response["HX-Push-Url"] = f"{request.path}?{query}".rstrip("?")
        return response
    return render(request, "accounts/members.html", context | _invitations(request))


def _invitations(request: ConsoleRequest) -> dict[str, Any]:
    """Those still open, and the link of one that was made just now."""
    if Action.MANAGE not in request.actions:
        return {}
    rows = invitations_for(request.user).filter(workspace=request.workspace)[:INVITATIONS_SHOWN]
    secret = take_once(request, as_uuid(request.GET.get("invited", "")))
    link = request.build_absolute_uri(reverse("accounts:invitation", args=[secret])) if secret else ""
    return {"invitations": rows, "link": link}


@require_POST
def member_role(request: ConsoleRequest, pk: int) -> HttpResponse:
    membership = _member(request, pk)
    back = way_back(request, reverse("accounts:member-list"))
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("There is no such role. Choose one from the list."))
        return go_on(request, back)
    try:
        changed = change_role(membership, Role(form.cleaned_data["role"]), by=request.user)
    except LastAdministrator:
        messages.error(request, _last_administrator(membership))
        return go_on(request, back)
    if changed:
        words = {"name": membership.user.get_username(), "role": Role(membership.role).label}
        messages.success(request, _("%(name)s is now: %(role)s.") % words)
    return go_on(request, back)


@require_http_methods(["GET", "HEAD", "POST"])
def member_remove(request: ConsoleRequest, pk: int) -> HttpResponse:
    membership = _member(request, pk)
    oneself = membership.user_id == request.user.pk
    form = LeaveForm(request.POST if request.method == "POST" else None) if oneself else None
    context = {
        "member": membership,
        "form": form,
        "tokens": ApiToken.objects.filter(
            workspace=membership.workspace, user=membership.user, revoked_at=None
        ).count(),
        "parent": _("Members"),
        "title": _("Remove yourself") if oneself else _("Remove member"),
        "submit": _("Remove"),
        "danger": True,
        "back": way_back(request, reverse("accounts:member-list")),
    }
    if request.method != "POST":
        return answer(request, "_member_remove", context)
    if form is not None and not form.is_valid():
        return answer(request, "_member_remove", context, status=422)
    try:
        remove_member(membership, by=request.user)
    except LastAdministrator:
        return answer(request, "_member_remove", context | {"error": _last_administrator(membership)}, status=409)
    words = {"name": membership.user.get_username(), "workspace": membership.workspace.name}
    messages.success(request, _("%(name)s is no longer a member of workspace %(workspace)s.") % words)
    gone = oneself and not request.user.is_superuser
    return go_on(request, reverse("console:overview") if gone else reverse("accounts:member-list"))


def _member(request: ConsoleRequest, pk: int) -> Membership:
    membership = get_object_or_404(members_for(request.user), pk=pk)
    require(request.user, Action.MANAGE, membership.workspace)
    return membership


def _last_administrator(membership: Membership) -> str:
    return last_administrator(membership.user.get_username(), membership.workspace.name)

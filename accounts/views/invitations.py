"""Inviting by a link, and the page the link leads to."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import InvitationClosed
from accounts.forms_people import AccountForm, InvitationForm
from accounts.models import Invitation, User
from accounts.queries_people import invitations_for, open_invitation, role_of
from accounts.requests import SESSION_KEY, ConsoleRequest, workspace_for
from accounts.roles import Action, Role
from accounts.services import record_audit
from accounts.services_invitations import (
    accept_invitation,
    join_with_account,
    make_invitation,
    revoke_invitation,
    would_change,
)
from accounts.views.base import answer, go_on, keep_once

# Links that lead nowhere, from one address in so many seconds, before it has to wait.
WRONG_LINKS = 20
WRONG_SECONDS = 300


@require_http_methods(["GET", "HEAD", "POST"])
def invitation_new(request: ConsoleRequest) -> HttpResponse:
    workspace = workspace_for(request, Action.MANAGE)
    form = InvitationForm(request.POST if request.method == "POST" else None)
    context = {
        "form": form,
        "parent": _("Members"),
        "title": _("Invite by link"),
        "submit": _("Make the link"),
        "back": reverse("accounts:member-list"),
        "days": round(settings.INVITATION_SECONDS / 86400),
    }
    if request.method != "POST":
        return answer(request, "_invitation_new", context)
    if not form.is_valid():
        return answer(request, "_invitation_new", context, status=422)
    role, note = Role(form.cleaned_data["role"]), form.cleaned_data["note"]
    invitation, secret = make_invitation(workspace, role=role, note=note, by=request.user)
    keep_once(request, invitation.uuid, secret)
    return go_on(request, reverse("accounts:member-list", query={"invited": str(invitation.uuid)}))


@require_POST
def invitation_revoke(request: ConsoleRequest, code: UUID) -> HttpResponse:
    invitation = get_object_or_404(invitations_for(request.user), uuid=code)
    if revoke_invitation(invitation, by=request.user):
        messages.success(request, _("The invitation was revoked. Its link leads nowhere from now on."))
    return go_on(request, reverse("accounts:member-list"))


@login_not_required
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_page(request: HttpRequest, token: str) -> HttpResponse:
    """What one is invited to; people who are signed in accept, others sign in first or make an account."""
    if cache.get(_counter(request), 0) >= WRONG_LINKS:
        return render(request, "accounts/invitation_closed.html", {"too_often": True}, status=429)
    invitation = open_invitation(token)
    if invitation is None:
        return _closed(request)
    try:
        return _answer(request, invitation)
    except InvitationClosed:
        return _closed(request)


def _answer(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    user = request.user
    makes_account = request.POST.get("account") == "new"
    if request.method == "POST" and makes_account != isinstance(user, User):
        return _join(request, invitation) if makes_account else _accept(request, invitation)
    return _show(request, invitation, form=AccountForm())


def _show(request: HttpRequest, invitation: Invitation, *, form: AccountForm) -> HttpResponse:
    """A form with mistakes is answered like a wrong password: other answers are logged with the link in them."""
    user = request.user
    context: dict[str, Any] = {"invitation": invitation, "form": form, "has": ""}
    if isinstance(user, User):
        present = role_of(user, invitation.workspace)
        context |= {"has": Role(present).label if present else "", "gains": would_change(invitation, user)}
    return render(request, "accounts/invitation.html", context)


def _accept(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    if not accept_invitation(invitation, by=user):
        return redirect(request.path)  # Which says that there is nothing to accept.
    return _enter(request, invitation)


def _join(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    form = AccountForm(request.POST)
    if not form.is_valid():
        return _show(request, invitation, form=form)
    name, password = form.cleaned_data["username"], form.cleaned_data["password1"]
    try:
        user = join_with_account(invitation, username=name, password=password)
    except IntegrityError:
        form.name_is_taken()
        return _show(request, invitation, form=form)
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[-1])
    record_audit(None, "person.signed_in", by=user)
    return _enter(request, invitation)


def _enter(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    request.session[SESSION_KEY] = invitation.workspace_id
    words = {"name": invitation.workspace.name, "role": Role(invitation.role).label}
    messages.success(request, _("Welcome to workspace %(name)s. Your role: %(role)s.") % words)
    return redirect("console:overview")


def _closed(request: HttpRequest) -> HttpResponse:
    """Of an unknown, used, revoked and expired link the same is said: it tells nothing to those who guess."""
    cache.set(_counter(request), cache.get(_counter(request), 0) + 1, WRONG_SECONDS)
    return render(request, "accounts/invitation_closed.html", status=404)


def _counter(request: HttpRequest) -> str:
    return f"invitation.wrong.{request.META.get('REMOTE_ADDR', '')}"

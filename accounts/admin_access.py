"""The desk of what lets people and programs in: invitations and API tokens to read; digests are never shown."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Case, CharField, QuerySet, Value, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.admin_base import EMPTY, Choice, Managed, ManagedWorkspaceFilter, dot, moment
from accounts.models import ApiToken, Invitation

# What the sign of a state looks like, and its words.
INVITATION_STATES: Mapping[str, tuple[str, str | Promise]] = {
    "open": ("waiting", pgettext_lazy("invitation", "Open")),
    "used": ("good", pgettext_lazy("invitation", "Accepted")),
    "expired": ("idle", pgettext_lazy("invitation", "Expired")),
    "revoked": ("bad", pgettext_lazy("invitation", "Revoked")),
}
TOKEN_STATES: Mapping[str, tuple[str, str | Promise]] = {
    "valid": ("good", pgettext_lazy("API token", "Valid")),
    "expired": ("idle", pgettext_lazy("API token", "Expired")),
    "revoked": ("bad", pgettext_lazy("API token", "Revoked")),
}


class StateFilter(Choice):
    title = _("state")
    parameter_name = column = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return [(state, words) for state, (_kind, words) in model_admin.states.items()]


class AccessDesk(Managed, admin.ModelAdmin):  # type: ignore[type-arg]
    """Their state follows from three moments; the database tells it, so that the list is sorted and filtered by it."""

    states: Mapping[str, tuple[str, str | Promise]] = {}
    list_filter = [ManagedWorkspaceFilter, StateFilter, "role", "created_at"]
    ordering = ["-id"]

    @admin.display(description=_("state"), ordering="state")
    def shown_state(self, row: Any) -> str:
        return dot(*self.states[row.state])

    @admin.display(description=_("created at"), ordering="id")
    def created(self, row: Any) -> str:
        return moment(row.created_at)

    @admin.display(description=_("valid until"), ordering="expires_at")
    def expires(self, row: Any) -> str:
        return moment(row.expires_at)

    @admin.display(description=_("revoked at"))
    def revoked(self, row: Any) -> str:
        return moment(row.revoked_at)


@admin.register(Invitation)
class InvitationAdmin(AccessDesk):
    states = INVITATION_STATES
    list_display = ["whom", "workspace", "role", "shown_state", "created_by_name", "created", "expires"]
    search_fields = ["note", "created_by_name"]
    search_help_text = _("By note or by who invited.")
    fieldsets = [
        (None, {"fields": ["workspace", "role", "shown_note", "created_by_name", "created"]}),
        (_("State"), {"fields": ["shown_state", "expires", "used", "guest", "revoked"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        people = super().get_queryset(request).select_related("workspace", "used_by")
        rows: QuerySet[Any] = people.annotate(state=_state("open", used="used_at"))
        return rows

    def title_of(self, obj: Invitation) -> str:
        return self.whom(obj)

    def view_on_site(self, invitation: Invitation) -> str:
        return reverse("accounts:member-list")

    @admin.display(description=_("invitation"), ordering="note")
    def whom(self, invitation: Invitation) -> str:
        return invitation.note or invitation.get_role_display()

    @admin.display(description=_("note"))
    def shown_note(self, invitation: Invitation) -> str:
        return invitation.note or EMPTY

    @admin.display(description=_("used at"))
    def used(self, invitation: Invitation) -> str:
        return moment(invitation.used_at)

    @admin.display(description=_("used by"))
    def guest(self, invitation: Invitation) -> str:
        return invitation.used_by.get_username() if invitation.used_by else EMPTY


@admin.register(ApiToken)
class ApiTokenAdmin(AccessDesk):
    states = TOKEN_STATES
    list_display = ["name", "begins", "workspace", "maker", "role", "shown_state", "created", "used", "expires"]
    search_fields = ["name", "prefix", "user__username"]
    search_help_text = _("By name, by how the token begins, or by who made it.")
    fieldsets = [
        (None, {"fields": ["name", "begins", "workspace", "maker", "role", "created"]}),
        (_("State"), {"fields": ["shown_state", "used", "expires", "revoked"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        people = super().get_queryset(request).select_related("workspace", "user")
        rows: QuerySet[Any] = people.annotate(state=_state("valid"))
        return rows

    def title_of(self, obj: ApiToken) -> str:
        return obj.name

    def view_on_site(self, token: ApiToken) -> str:
        return reverse("accounts:token-list")

    @admin.display(description=_("begins with"), ordering="prefix")
    def begins(self, token: ApiToken) -> str:
        return format_html('<bdi class="mono">{}…</bdi>', token.prefix)

    @admin.display(description=_("made by"), ordering="user__username")
    def maker(self, token: ApiToken) -> str:
        return token.user.get_username()

    @admin.display(description=_("last used at"), ordering="last_used_at")
    def used(self, token: ApiToken) -> str:
        return moment(token.last_used_at)


def _state(otherwise: str, **moments: str) -> Case:
    """The state a row is in: revoked, then one for each given moment that has come, then expired."""
    came = {"revoked": "revoked_at"} | moments
    cases = [When(**{f"{column}__isnull": False}, then=Value(state)) for state, column in came.items()]
    expired = When(expires_at__lte=now(), then=Value("expired"))
    return Case(*cases, expired, default=Value(otherwise), output_field=CharField())

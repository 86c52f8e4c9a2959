"""The desk's audit trail: everything to read, in the words of the console's own page of it."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from accounts.admin_base import EMPTY, Choice, ReadOnly, manages, moment
from accounts.details import line_of
from accounts.messages import AUDIT
from accounts.models import AuditEvent
from accounts.queries import workspaces_for
from accounts.roles import Action


class WhatFilter(Choice):
    title = _("what")
    parameter_name = column = "code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return sorted(AUDIT.items(), key=lambda known: str(known[1]))


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["when", "actor_name", "what", "subject", "where", "details"]
    list_display_links = ["when"]
    list_filter = ["at", WhatFilter]
    search_fields = ["actor_name", "code"]
    search_help_text = _("By who did it, or by the code of what was done.")
    ordering = ["-id"]  # The order in which they were written, and the only one with an index for everybody.
    list_select_related = ["workspace"]
    fields = ["when", "actor_name", "what", "subject", "where", "details"]

    def title_of(self, obj: AuditEvent) -> str:
        return f"{self.what(obj)} · {obj.actor_name}"

    @admin.display(description=_("when"), ordering="id")
    def when(self, event: AuditEvent) -> str:
        return moment(event.at)

    @admin.display(description=_("what"), ordering="code")
    def what(self, event: AuditEvent) -> str:
        return line_of(event).what

    @admin.display(description=_("object"))
    def subject(self, event: AuditEvent) -> str:
        return line_of(event).subject or EMPTY

    @admin.display(description=_("workspace"), ordering="workspace__name")
    def where(self, event: AuditEvent) -> str:
        return event.workspace.name if event.workspace else EMPTY

    @admin.display(description=_("details"))
    def details(self, event: AuditEvent) -> str:
        return render_to_string("accounts/_audit_details.html", {"details": line_of(event).details})

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        rows = AuditEvent.objects.order_by(*self.ordering)
        if request.user.is_superuser:
            return rows
        return rows.filter(workspace__in=workspaces_for(request.user, Action.MANAGE))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return manages(request)

"""The operator's desk for people: workspaces with their members, users, and the audit trail to read.

Superusers (operators) see everything; others only what an admin membership (for reading: any staff role) gives them.
"""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import Field, Model, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts import services
from accounts.messages import AUDIT
from accounts.models import ApiToken, AuditEvent, Invitation, Membership, User, Workspace
from accounts.queries import manages_something, may_change_person, people_for, workspaces_for
from accounts.roles import Action

admin.site.site_header = _("Modelport · review desk")
admin.site.site_title = "Modelport"
admin.site.index_title = _("Review desk")
admin.site.unregister(Group)  # What a person may do follows from roles.py alone.

# Headings that only screen readers meet, for which Django itself has no Chinese.
UNTRANSLATED_BY_DJANGO = (gettext_noop("Add link"), gettext_noop("Change or view list link"))


class Desk:
    """Permissions from memberships instead of Django's tables, and an audit event for every change."""

    def _manages(self, request: HttpRequest) -> bool:
        return manages_something(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._manages(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._manages(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._manages(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._manages(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._manages(request)

    def formfield_for_foreignkey(
        self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> "ModelChoiceField[Model] | None":
        if db_field.name == "workspace":
            kwargs["queryset"] = workspaces_for(request.user, Action.MANAGE)
        elif db_field.name == "user":
            kwargs["queryset"] = people_for(request.user)
        field: ModelChoiceField[Model] | None = super().formfield_for_foreignkey(  # type: ignore[misc]
            db_field, request, **kwargs
        )
        return field


class ReadOnly:
    """For staff to look at; rows of other workspaces are left out by each desk's queryset."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_active and request.user.is_staff

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class MembershipInline(Desk, admin.TabularInline):  # type: ignore[type-arg]
    """Only memberships of workspaces one manages; the others of a person are neither shown nor touched."""

    model = Membership
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return Membership.objects.filter(workspace__in=workspaces_for(request.user, Action.MANAGE))

    def get_min_num(self, request: HttpRequest, obj: Model | None = None, **kwargs: Any) -> int:
        """Whoever is no operator adds people to a workspace of their own, not to nowhere."""
        return 1 if obj is None and not request.user.is_superuser else 0

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        return super().get_formset(request, obj, validate_min=True, **kwargs)


class MembersDesk(Desk):
    """What both ends of a membership do when it is saved here."""

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        formset.save()
        changed = [*formset.new_objects, *(each for each, _fields in formset.changed_objects)]
        for membership in changed:
            services.follow_membership(membership, by=request.user)
        for membership in formset.deleted_objects:
            services.follow_membership(membership, by=request.user, removed=True)


@admin.register(Workspace)
class WorkspaceAdmin(MembersDesk, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "created_at"]
    search_fields = ["name"]
    inlines = [MembershipInline]
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workspace]:
        return workspaces_for(request.user, Action.MANAGE)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser


@admin.register(User)
class PersonAdmin(MembersDesk, UserAdmin):  # type: ignore[type-arg]
    list_display = ["username", "email", "is_active", "is_staff", "last_login"]
    list_filter = ["is_active"]
    inlines = [MembershipInline]
    actions = None
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        (_("Person"), {"fields": ["first_name", "last_name", "email"]}),
        (_("Access"), {"fields": ["is_active", "is_superuser", "is_staff", "last_login", "date_joined"]}),
    ]
    readonly_fields = ["is_staff", "last_login", "date_joined"]
    filter_horizontal = []

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return people_for(request.user, Action.MANAGE)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        return [*self.readonly_fields, *([] if request.user.is_superuser else ["is_superuser"])]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Not people who are also elsewhere: a new password would open the other workspace too."""
        return self._manages(request) and (obj is None or may_change_person(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return obj is None or self.has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        services.follow_memberships(obj)

    def log_addition(self, request: HttpRequest, obj: User, message: Any) -> Any:
        services.record_audit(None, "person.added", by=request.user, name=obj.username)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        """Of the form and of a new password alike."""
        services.record_audit(None, "person.changed", by=request.user, name=obj.username, changes=message)
        return super().log_change(request, obj, message)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        services.record_audit(None, "person.deleted", by=request.user, name=obj.username)
        super().delete_model(request, obj)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["at", "actor_name", "what", "where", "params"]
    list_filter = ["code", "at"]
    search_fields = ["actor_name", "code"]
    list_select_related = ["workspace"]

    @admin.display(description=_("what"), ordering="code")
    def what(self, event: AuditEvent) -> str:
        return str(AUDIT.get(event.code, event.code))

    @admin.display(description=_("workspace"), ordering="workspace__name")
    def where(self, event: AuditEvent) -> str:
        return event.workspace.name if event.workspace else "--"

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        if request.user.is_superuser:
            return AuditEvent.objects.all()
        return AuditEvent.objects.filter(workspace__in=workspaces_for(request.user, Action.MANAGE))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return manages_something(request.user)


class AccessAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Of the workspaces one administers; digests are never shown."""

    exclude = ["digest"]
    list_select_related = ["workspace"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(workspace__in=workspaces_for(request.user, Action.MANAGE))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return manages_something(request.user)


@admin.register(Invitation)
class InvitationAdmin(AccessAdmin):
    list_display = ["created_at", "workspace", "role", "note", "created_by_name", "expires_at", "used_at", "revoked_at"]


@admin.register(ApiToken)
class ApiTokenAdmin(AccessAdmin):
    list_display = ["name", "prefix", "workspace", "user", "role", "last_used_at", "expires_at", "revoked_at"]
    list_select_related = ["workspace", "user"]

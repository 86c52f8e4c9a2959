"""The operator's desk for people: workspaces with their members, and users.

Superusers (operators) see everything; others only what an admin membership (for reading: any staff role) gives them.
"""

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import PAGE_VAR
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, Field, Model, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.forms import ModelChoiceField
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

import accounts.admin_access
import accounts.admin_audit  # noqa: F401 - Django looks for desks in this module alone
from accounts import services
from accounts.admin_base import EMPTY, ROWS, Listing, manages, moment
from accounts.admin_members import MembershipForm, MembershipFormSet
from accounts.messages import last_administrator
from accounts.models import Membership, User, Workspace
from accounts.queries import may_change_person, people_for, workspaces_for
from accounts.roles import Action, Role
from accounts.services_members import last_administrators

admin.site.site_header = _("Modelport · review desk")
admin.site.site_title = "Modelport"
admin.site.index_title = _("Review desk")
admin.site.unregister(Group)  # What a person may do follows from roles.py alone.
admin.site.disable_action("delete_selected")  # It asks no command, so it would pass by every rule.

RULES = ("approval_to_publish", "approval_to_deploy", "four_eyes")
POLICIES = (*RULES, "source_builds")


class Desk(Listing):
    """Permissions from memberships instead of Django's tables, and an audit event for every change."""

    def _manages(self, request: HttpRequest) -> bool:
        return manages(request)

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


class MembershipInline(Desk, admin.TabularInline):  # type: ignore[type-arg]
    """Only memberships of workspaces one manages; the others of a person are neither shown nor touched."""

    model = Membership
    form = MembershipForm
    formset = MembershipFormSet
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
        for membership in formset.new_objects:
            services.follow_membership(membership, by=request.user)
        for membership, _fields in formset.changed_objects:
            services.follow_membership(membership, by=request.user, before=formset.role_before(membership))
        for membership in formset.deleted_objects:
            services.follow_membership(membership, by=request.user, removed=True)


@admin.register(Workspace)
class WorkspaceAdmin(MembersDesk, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "members", *POLICIES, "created"]
    list_filter = POLICIES
    search_fields = ["name"]
    inlines = [MembershipInline]
    fieldsets = [
        (None, {"fields": ["name"]}),
        (
            _("Review"),
            {
                "fields": RULES,
                "description": _("What holds for every version in this workspace, from now on."),
            },
        ),
        (
            _("Environments"),
            {
                "fields": ["source_builds"],
                "description": _(
                    "Code of a package without a wheel runs on this host while it is built: in the sandbox, without "
                    "network, within limits."
                ),
            },
        ),
    ]

    @admin.display(description=_("members"))
    def members(self, workspace: Workspace) -> int:
        return int(workspace.member_count)  # type: ignore[attr-defined]

    @admin.display(description=_("created at"), ordering="created_at")
    def created(self, workspace: Workspace) -> str:
        return moment(workspace.created_at)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workspace]:
        people = Membership.objects.filter(workspace=OuterRef("pk")).order_by().values("workspace")
        counted = people.annotate(people=Count("pk")).values("people")
        rows = workspaces_for(request.user, Action.MANAGE)
        return rows.annotate(member_count=Coalesce(Subquery(counted), 0))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def save_model(self, request: HttpRequest, obj: Workspace, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            services.record_audit(obj, "workspace.created", by=request.user, name=obj.name)
        elif form.changed_data:
            rules = {name: getattr(obj, name) for name in POLICIES}
            services.record_audit(obj, "workspace.changed", by=request.user, name=obj.name, **rules)

    def delete_model(self, request: HttpRequest, obj: Workspace) -> None:
        """Only a workspace that holds nothing but people goes; the desk closes to those who had it from there."""
        people = list(User.objects.filter(memberships__workspace=obj))
        services.record_audit(None, "workspace.deleted", by=request.user, name=obj.name)
        super().delete_model(request, obj)
        for person in people:
            services.follow_memberships(person)


class RoleFilter(admin.SimpleListFilter):
    title = _("role")
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Role.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        if not self.value():
            return queryset
        mine = workspaces_for(request.user, Action.MANAGE)
        return queryset.filter(pk__in=Membership.objects.filter(workspace__in=mine, role=self.value()).values("user"))


@admin.register(User)
class PersonAdmin(MembersDesk, UserAdmin):  # type: ignore[type-arg]
    list_display = ["username", "full_name", "email", "roles", "is_active", "seen"]
    list_filter = ["is_active", "is_superuser", RoleFilter]
    inlines = [MembershipInline]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        (_("Person"), {"fields": ["first_name", "last_name", "email"]}),
        (_("Access"), {"fields": ["is_active", "is_superuser", "is_staff", "seen", "joined"]}),
    ]
    readonly_fields = ["is_staff", "seen", "joined"]
    filter_horizontal = []

    @admin.display(description=_("name"))
    def full_name(self, person: User) -> str:
        return person.get_full_name() or EMPTY

    @admin.display(description=_("roles"))
    def roles(self, person: User) -> str:
        """In the workspaces the reader manages."""
        given = [f"{each.get_role_display()} ({each.workspace.name})" for each in person.managed]  # type: ignore[attr-defined]
        return ", ".join([*([str(_("operator"))] if person.is_superuser else []), *given]) or EMPTY

    @admin.display(description=_("last login"), ordering="last_login")
    def seen(self, person: User) -> str:
        return moment(person.last_login)

    @admin.display(description=_("added"))
    def joined(self, person: User) -> str:
        return moment(person.date_joined)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        mine = Membership.objects.filter(workspace__in=workspaces_for(request.user, Action.MANAGE))
        # Beside `memberships`, which the rules ask for all of a person's.
        shown = Prefetch("memberships", mine.select_related("workspace").order_by("workspace__name"), "managed")
        return people_for(request.user, Action.MANAGE).prefetch_related(shown)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        return [*self.readonly_fields, *([] if request.user.is_superuser else ["is_superuser"])]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Not people who are also elsewhere: a new password would open the other workspace too."""
        return self._manages(request) and (obj is None or may_change_person(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return obj is None or self.has_change_permission(request, obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """A workspace's last administrator stays until it has another one."""
        deleted, counts, missing, protected = super().get_deleted_objects(objs, request)
        for membership in Membership.objects.filter(user__in=objs, role=Role.ADMIN):
            for last in last_administrators(membership.workspace_id, [membership.pk]):
                protected.append(last_administrator(last.user.get_username(), last.workspace.name))
        return deleted, counts, missing, protected

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        services.follow_memberships(obj)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Whoever is no operator reads what they did themselves: the rest may name workspaces of others."""
        context = extra_context or {}
        if not request.user.is_superuser:
            rows = LogEntry.objects.filter(user=request.user.pk, content_type__model=self.opts.model_name)
            rows = rows.filter(content_type__app_label=self.opts.app_label, object_id=unquote(object_id))
            page = self.get_paginator(request, rows.select_related("content_type").order_by("action_time"), ROWS)
            context |= {"action_list": page.get_page(request.GET.get(PAGE_VAR)), "page_range": page.page_range}
        return super().history_view(request, object_id, context)

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

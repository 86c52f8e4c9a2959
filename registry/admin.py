"""The desk for models and versions: everything to read, nothing to change; changes go through the commands."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

import registry.admin_exports  # noqa: F401 - Django looks for desks in this module alone
from accounts.admin import ReadOnly
from accounts.queries import workspaces_for
from registry.engines import ENGINES
from registry.findings import Finding
from registry.models import ModelDocument, ModelVersion, RegisteredModel, VersionEvent
from registry.queries import LARGE, models_for, versions_for

EMPTY = "–"


class WorkspaceFilter(admin.SimpleListFilter):
    """Offers the workspaces this person may see, and no others."""

    title = _("workspace")
    parameter_name = "workspace"
    path = "workspace"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(name, name) for name in workspaces_for(request.user).values_list("name", flat=True)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{f"{self.path}__name": self.value()}) if self.value() else queryset


class VersionWorkspaceFilter(WorkspaceFilter):
    path = "model__workspace"


class EngineFilter(admin.SimpleListFilter):
    title = _("AI engine")
    parameter_name = "engine"
    column = "engine"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(name, name) for name in ENGINES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset


class LatestEngineFilter(EngineFilter):
    column = "latest_engine"


@admin.register(RegisteredModel)
class RegisteredModelAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = [
        "name",
        "workspace",
        "latest_number",
        "latest_status",
        "latest_engine",
        "version_count",
        "created_at",
    ]
    list_filter = [WorkspaceFilter, "latest_status", LatestEngineFilter, "latest_source"]
    search_fields = ["name", "description"]
    ordering = ["-id"]
    show_full_result_count = False
    fields = [
        "name",
        "workspace",
        "uuid",
        "description",
        "latest_number",
        "latest_status",
        "version_count",
        "created_at",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RegisteredModel]:
        rows = models_for(request.user).select_related("workspace", "latest")
        return rows.defer(*(f"latest__{name}" for name in LARGE)).order_by(*self.ordering)

    @admin.display(description=_("latest version"))
    def latest_number(self, model: RegisteredModel) -> str:
        return model.latest.number if model.latest else EMPTY


class DocumentInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = ModelDocument
    fields = readonly_fields = ("name", "url")
    extra = 0


class EventInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = VersionEvent
    fields = readonly_fields = ("at", "message", "abnormal", "actor_name")
    extra = 0

    @admin.display(description=_("event"))
    def message(self, event: VersionEvent) -> str:
        return event.message


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = [
        "model",
        "number",
        "workspace",
        "status",
        "proof",
        "engine",
        "shown_size",
        "created_by_name",
        "created_at",
    ]
    list_filter = [VersionWorkspaceFilter, "status", "proof", EngineFilter, "source_kind", "model_source"]
    search_fields = ["model__name", "description", "created_by_name"]
    ordering = ["-id"]
    show_full_result_count = False
    inlines = [DocumentInline, EventInline]
    fieldsets = [
        (None, {"fields": ["model", "number", "workspace", "uuid", "description", "label_names"]}),
        (_("State"), {"fields": ["status", "reason", "proof", "proof_reason"]}),
        (_("Source"), {"fields": ["source_kind", "source_path", "model_source", "created_by_name", "created_at"]}),
        (_("Package"), {"fields": ["engine", "runtime", "shown_size", "file_count", "digest", "deployment_types"]}),
        (_("Check report"), {"fields": ["shown_findings", "scan_verdict"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelVersion]:
        rows = versions_for(request.user).order_by(*self.ordering)
        return rows.defer(*(name for name in LARGE if name not in {"findings", "scan"}))

    @admin.display(description=_("version"), ordering="major")
    def number(self, version: ModelVersion) -> str:
        return version.number

    @admin.display(description=_("workspace"))
    def workspace(self, version: ModelVersion) -> Model:
        return version.model.workspace

    @admin.display(description=_("model size"), ordering="size")
    def shown_size(self, version: ModelVersion) -> str:
        return filesizeformat(version.size)

    @admin.display(description=_("labels"))
    def label_names(self, version: ModelVersion) -> str:
        return ", ".join(label.name for label in version.labels.all()) or EMPTY

    @admin.display(description=_("reason"))
    def reason(self, version: ModelVersion) -> str:
        return version.reason or EMPTY

    @admin.display(description=_("reason"))
    def proof_reason(self, version: ModelVersion) -> str:
        return version.proof_reason or EMPTY

    @admin.display(description=_("findings"))
    def shown_findings(self, version: ModelVersion) -> SafeString | str:
        found = [Finding.from_dict(stored) for stored in version.findings]
        rows = ((each.severity.value, each.where.file, each.message) for each in found)
        return format_html_join("", "<p>{} · {} {}</p>", rows) or EMPTY

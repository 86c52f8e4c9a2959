"""The desk for models and versions: everything to read, nothing to change; changes go through the commands."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

import registry.admin_exports  # noqa: F401 - Django looks for desks in this module alone
from accounts.admin_base import EMPTY, ReadOnly, WorkspaceFilter, dot, moment
from registry.admin_parts import (
    EngineFilter,
    FindingsFilter,
    VerdictFilter,
    findings_list,
    review_dot,
    status_dot,
    verdict_dot,
)
from registry.admin_reviews import ReviewAdmin
from registry.models import DeploymentType, ModelVersion, RegisteredModel, Review, Status, VersionEvent
from registry.queries import LARGE, models_for, versions_for
from registry.views.base import as_uuid

STATUS_KINDS = {Status.NORMAL: "good", Status.FAILED: "bad", Status.BUILD_FAILED: "bad"}

admin.site.register(Review, ReviewAdmin)


class VersionWorkspaceFilter(WorkspaceFilter):
    path = "model__workspace"


class LatestEngineFilter(EngineFilter):
    column = "latest_engine"


class ModelFilter(admin.SimpleListFilter):
    """One model, named in the address; nothing is listed to choose from, since there may be ten thousand."""

    title = _("model")
    parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = models_for(request.user).filter(uuid=code) if (code := as_uuid(self.value() or "")) else []
        return [(str(model.uuid), model.name) for model in found]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
        code = as_uuid(self.value() or "")
        return queryset.filter(model__uuid=code) if code else queryset


@admin.register(RegisteredModel)
class RegisteredModelAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "workspace", "latest_number", "shown_status", "latest_engine", "version_count", "created"]
    list_filter = [WorkspaceFilter, "latest_status", LatestEngineFilter, "latest_source", "created_at"]
    search_fields = ["name", "description"]
    search_help_text = _("By name or description.")
    ordering = ["-id"]
    fields = [
        "name",
        "workspace",
        "uuid",
        "description",
        "latest_number",
        "shown_status",
        "version_count",
        "versions",
        "created",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RegisteredModel]:
        rows = models_for(request.user).select_related("workspace", "latest")
        return rows.defer(*(f"latest__{name}" for name in LARGE)).order_by(*self.ordering)

    @admin.display(description=_("latest version"))
    def latest_number(self, model: RegisteredModel) -> str:
        return model.latest.number if model.latest else EMPTY

    @admin.display(description=_("status"), ordering="latest_status")
    def shown_status(self, model: RegisteredModel) -> str:
        if model.latest:
            return status_dot(model.latest)
        return dot(STATUS_KINDS.get(Status(model.latest_status), "busy"), model.get_latest_status_display())

    @admin.display(description=_("created at"), ordering="id")
    def created(self, model: RegisteredModel) -> str:
        return moment(model.created_at)

    @admin.display(description=_("versions"))
    def versions(self, model: RegisteredModel) -> str:
        address = reverse("admin:registry_modelversion_changelist")
        return format_html('<a href="{}?model={}">{}</a>', address, model.uuid, _("Show the versions"))


class EventInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = VersionEvent
    fields = readonly_fields = ("when", "message", "said", "who")
    template = "admin/readonly_inline.html"
    extra = 0

    @admin.display(description=_("time"))
    def when(self, event: VersionEvent) -> str:
        return moment(event.at)

    @admin.display(description=_("event"))
    def message(self, event: VersionEvent) -> str:
        return dot("bad", event.message) if event.abnormal else event.message

    @admin.display(description=_("comment"))
    def said(self, event: VersionEvent) -> str:
        return event.params.get("comment") or event.params.get("note") or EMPTY

    @admin.display(description=_("who"))
    def who(self, event: VersionEvent) -> str:
        return event.actor_name or str(_("system"))


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = [
        "full_name",
        "workspace",
        "shown_status",
        "shown_review",
        "engine",
        "shown_size",
        "shown_scan",
        "created_by_name",
        "created",
    ]
    list_filter = [
        VersionWorkspaceFilter,
        "status",
        "review",
        EngineFilter,
        VerdictFilter,
        FindingsFilter,
        "source_kind",
        "model_source",
        ModelFilter,
    ]
    search_fields = ["model__name", "created_by_name"]
    search_help_text = _("By model name or by who imported it.")
    ordering = ["-id"]
    inlines = [EventInline]
    fieldsets = [
        (None, {"fields": ["full_name", "workspace", "uuid", "description", "label_names", "documents"]}),
        (_("State"), {"fields": ["shown_status", "reason", "proof_reason", "shown_review"]}),
        (_("Source"), {"fields": ["source_kind", "source_path", "model_source", "created_by_name", "created"]}),
        (_("Package"), {"fields": ["engine", "runtime", "shown_size", "file_count", "digest", "shown_types"]}),
        (_("Check report"), {"fields": ["shown_findings", "shown_scan"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelVersion]:
        rows = versions_for(request.user).select_related("review_record").order_by(*self.ordering)
        return rows.defer(*LARGE)

    @admin.display(description=_("version"))
    def full_name(self, version: ModelVersion) -> str:
        return str(version)

    @admin.display(description=_("workspace"))
    def workspace(self, version: ModelVersion) -> Model:
        return version.model.workspace

    @admin.display(description=_("status"), ordering="status")
    def shown_status(self, version: ModelVersion) -> str:
        return status_dot(version)

    @admin.display(description=_("review"), ordering="review")
    def shown_review(self, version: ModelVersion) -> str:
        record = getattr(version, "review_record", None)
        if record is None:
            return review_dot(version)
        address = reverse("admin:registry_review_change", args=[record.pk])
        return format_html('<a href="{}">{}</a>', address, review_dot(version))

    @admin.display(description=_("file scan"), ordering="scan_verdict")
    def shown_scan(self, version: ModelVersion) -> str:
        return verdict_dot(version.scan_verdict)

    @admin.display(description=_("model size"), ordering="size")
    def shown_size(self, version: ModelVersion) -> str:
        return filesizeformat(version.size) if version.size else EMPTY

    @admin.display(description=_("created at"), ordering="id")
    def created(self, version: ModelVersion) -> str:
        return moment(version.created_at)

    @admin.display(description=_("labels"))
    def label_names(self, version: ModelVersion) -> str:
        return ", ".join(label.name for label in version.labels.all()) or EMPTY

    @admin.display(description=_("model documents"))
    def documents(self, version: ModelVersion) -> SafeString | str:
        rows = ((each.url, each.name) for each in version.documents.all())
        link = '<a href="{}" rel="noopener noreferrer nofollow" target="_blank">{}</a>'
        return format_html_join(", ", link, rows) or EMPTY

    @admin.display(description=_("deployment type"))
    def shown_types(self, version: ModelVersion) -> str:
        return ", ".join(str(DeploymentType(each).label) for each in version.types) or EMPTY

    @admin.display(description=_("reason"))
    def reason(self, version: ModelVersion) -> str:
        return version.reason or EMPTY

    @admin.display(description=_("proof"))
    def proof_reason(self, version: ModelVersion) -> str:
        return version.proof_reason or str(version.get_proof_display())

    @admin.display(description=_("findings"))
    def shown_findings(self, version: ModelVersion) -> SafeString | str:
        return findings_list(version.findings)

"""The operator's desk for export jobs: everything to read, nothing to change."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import ReadOnly
from registry.models_exports import ExportEvent, ExportJob
from registry.queries_exports import exports_for


class ExportEventInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = ExportEvent
    fields = readonly_fields = ("at", "before", "after", "code", "params", "actor_name")
    extra = 0


@admin.register(ExportJob)
class ExportJobAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["model_name", "version_number", "path", "state", "reason_code", "created_by_name", "created_at"]
    list_filter = ["state"]
    search_fields = ["model_name", "uuid", "bucket_name", "created_by_name"]
    list_select_related = ["workspace"]
    inlines = [ExportEventInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ExportJob]:
        return exports_for(request.user).order_by("-created_at", "-id")

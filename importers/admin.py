"""The operator's desk for import jobs: everything to read, nothing to change."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import ReadOnly
from importers.models import ImportEvent, ImportJob
from importers.queries import jobs_for


class ImportEventInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = ImportEvent
    fields = readonly_fields = ("at", "before", "after", "code", "params", "actor_name")
    extra = 0


@admin.register(ImportJob)
class ImportJobAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["model_name", "version_number", "state", "reason_code", "attempts", "created_by_name", "created_at"]
    list_filter = ["state", "source_kind"]
    search_fields = ["model_name", "uuid", "created_by_name"]
    list_select_related = ["workspace"]
    inlines = [ImportEventInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportJob]:
        return jobs_for(request.user).order_by("-created_at", "-id")

"""The operator's desk for import jobs: everything to read, nothing to change."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin_base import WorkspaceFilter
from importers.models import ImportEvent, ImportJob, State
from importers.queries import jobs_for
from registry.admin_jobs import JobDesk, JobEventInline
from registry.admin_parts import findings_list


class ImportEventInline(JobEventInline):
    model = ImportEvent
    states = State


@admin.register(ImportJob)
class ImportJobAdmin(JobDesk):
    kinds = {State.SUCCEEDED: "good", State.FAILED: "bad", State.QUEUED: "idle", State.CANCELLED: "idle"}
    list_display = ["job", "where", "shown_state", "source", "size", "tries", "created_by_name", "created"]
    list_filter = [WorkspaceFilter, "state", "source_kind", "created_at"]
    search_fields = ["model_name", "created_by_name"]
    search_help_text = _("By model name or by who imported it.")
    inlines = [ImportEventInline]
    fieldsets = [
        (None, {"fields": ["job", "where", "version_page", "created_by_name", "created", "started", "finished"]}),
        (_("State"), {"fields": ["shown_state", "reason", "tries", "files", "size"]}),
        (_("Source"), {"fields": ["source_kind", "source_path"]}),
        (_("Check report"), {"fields": ["shown_findings"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportJob]:
        return jobs_for(request.user).select_related("workspace", "version__model").order_by(*self.ordering)

    @admin.display(description=_("meta model source"), ordering="source_kind")
    def source(self, job: ImportJob) -> str:
        return job.get_source_kind_display()

    @admin.display(description=_("files"))
    def files(self, job: ImportJob) -> str:
        return f"{job.files_done} / {job.files_total}"

    @admin.display(description=_("findings"))
    def shown_findings(self, job: ImportJob) -> str:
        return findings_list(job.findings)

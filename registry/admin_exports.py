"""The operator's desk for export jobs: everything to read, nothing to change."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.admin_base import EMPTY, WorkspaceFilter
from registry.admin_jobs import JobDesk, JobEventInline
from registry.models_exports import ExportEvent, ExportJob, ExportState
from registry.queries_exports import exports_for


class ExportEventInline(JobEventInline):
    model = ExportEvent
    states = ExportState


@admin.register(ExportJob)
class ExportJobAdmin(JobDesk):
    kinds = {
        ExportState.SUCCEEDED: "good",
        ExportState.FAILED: "bad",
        ExportState.QUEUED: "idle",
        ExportState.CANCELLED: "idle",
    }
    list_display = ["job", "where", "shown_state", "place", "size", "tries", "created_by_name", "created"]
    list_filter = [WorkspaceFilter, "state", "created_at"]
    search_fields = ["model_name", "bucket_name", "created_by_name"]
    search_help_text = _("By model name, by bucket or by who exported it.")
    inlines = [ExportEventInline]
    fieldsets = [
        (None, {"fields": ["job", "where", "version_page", "created_by_name", "created", "started", "finished"]}),
        (_("State"), {"fields": ["shown_state", "reason", "tries", "written"]}),
        (_("File"), {"fields": ["place", "replaces", "size", "checksum"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ExportJob]:
        return exports_for(request.user).select_related("workspace", "version__model").order_by(*self.ordering)

    @admin.display(description=_("path"), ordering="bucket_name")
    def place(self, job: ExportJob) -> str:
        return format_html("<bdi>{}</bdi>", job.path)

    @admin.display(description=_("written"))
    def written(self, job: ExportJob) -> str:
        return f"{filesizeformat(job.bytes_done)} / {filesizeformat(job.bytes_total)}" if job.bytes_total else EMPTY

    @admin.display(description="SHA-256")
    def checksum(self, job: ExportJob) -> str:
        return format_html('<bdi class="mono">{}</bdi>', job.sha256) if job.sha256 else EMPTY

    @admin.display(description=_("replaces a file"))
    def replaces(self, job: ExportJob) -> str:
        return str(_("yes") if job.replace else _("no"))

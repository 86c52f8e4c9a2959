"""The operator's desk for import jobs: everything to read, nothing to change."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnly
from accounts.admin_base import EMPTY, dot, moment
from importers.models import ImportEvent, ImportJob, State
from importers.queries import jobs_for
from registry.admin_parts import WorkspaceFilter, findings_list
from registry.findings import message_for

KINDS = {State.SUCCEEDED: "good", State.FAILED: "bad", State.QUEUED: "idle", State.CANCELLED: "idle"}
LARGE = ("request", "findings")


class ImportEventInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = ImportEvent
    fields = readonly_fields = ("when", "what", "step", "who")
    template = "admin/readonly_inline.html"
    extra = 0
    verbose_name_plural = _("events")

    @admin.display(description=_("time"))
    def when(self, event: ImportEvent) -> str:
        return moment(event.at)

    @admin.display(description=_("event"))
    def what(self, event: ImportEvent) -> str:
        return message_for(event.code, event.params) if event.code else EMPTY

    @admin.display(description=_("state"))
    def step(self, event: ImportEvent) -> str:
        return " → ".join(str(State(each).label) for each in (event.before, event.after) if each)

    @admin.display(description=_("who"))
    def who(self, event: ImportEvent) -> str:
        return event.actor_name or str(_("system"))


@admin.register(ImportJob)
class ImportJobAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["job", "workspace", "shown_state", "source", "size", "attempts", "created_by_name", "created"]
    list_filter = [WorkspaceFilter, "state", "source_kind", "created_at"]
    search_fields = ["model_name", "created_by_name"]
    search_help_text = _("By model name or by who imported it.")
    ordering = ["-id"]
    list_select_related = ["workspace"]
    inlines = [ImportEventInline]
    fieldsets = [
        (None, {"fields": ["job", "workspace", "version_page", "created_by_name", "created", "started", "finished"]}),
        (_("State"), {"fields": ["shown_state", "reason", "attempts", "files", "size"]}),
        (_("Source"), {"fields": ["source_kind", "source_path"]}),
        (_("Check report"), {"fields": ["shown_findings"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportJob]:
        return jobs_for(request.user).select_related("workspace", "version__model").order_by(*self.ordering)

    @admin.display(description=_("version"), ordering="model_name")
    def job(self, job: ImportJob) -> str:
        return str(job)

    @admin.display(description=_("version page"))
    def version_page(self, job: ImportJob) -> str:
        if job.version is None:
            return EMPTY
        address = reverse("admin:registry_modelversion_change", args=[job.version_id])
        return format_html('<a href="{}">{}</a>', address, job.version)

    @admin.display(description=_("state"), ordering="state")
    def shown_state(self, job: ImportJob) -> str:
        return dot(KINDS.get(State(job.state), "busy"), job.get_state_display())

    @admin.display(description=_("reason"))
    def reason(self, job: ImportJob) -> str:
        return message_for(job.reason_code, job.reason_params) if job.reason_code else EMPTY

    @admin.display(description=_("meta model source"), ordering="source_kind")
    def source(self, job: ImportJob) -> str:
        return job.get_source_kind_display()

    @admin.display(description=_("files"))
    def files(self, job: ImportJob) -> str:
        return f"{job.files_done} / {job.files_total}"

    @admin.display(description=_("size"), ordering="bytes_total")
    def size(self, job: ImportJob) -> str:
        return filesizeformat(job.bytes_total) if job.bytes_total else EMPTY

    @admin.display(description=_("created at"), ordering="id")
    def created(self, job: ImportJob) -> str:
        return moment(job.created_at)

    @admin.display(description=_("started at"))
    def started(self, job: ImportJob) -> str:
        return moment(job.started_at)

    @admin.display(description=_("finished at"))
    def finished(self, job: ImportJob) -> str:
        return moment(job.finished_at)

    @admin.display(description=_("findings"))
    def shown_findings(self, job: ImportJob) -> str:
        return findings_list(job.findings)

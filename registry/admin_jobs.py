"""What the desks of import and export jobs show alike: states, reasons, moments and events as sentences."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import TextChoices
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.admin_base import EMPTY, ReadOnly, dot, moment
from registry.findings import message_for


class JobEventInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    states: type[TextChoices]
    fields = readonly_fields = ("when", "what", "step", "who")
    template = "admin/readonly_inline.html"
    extra = 0
    verbose_name_plural = _("events")

    @admin.display(description=_("time"))
    def when(self, event: Any) -> str:
        return moment(event.at)

    @admin.display(description=_("event"))
    def what(self, event: Any) -> str:
        return message_for(event.code, event.params) if event.code else EMPTY

    @admin.display(description=_("state"))
    def step(self, event: Any) -> str:
        return " → ".join(str(self.states(each).label) for each in (event.before, event.after) if each)

    @admin.display(description=_("who"))
    def who(self, event: Any) -> str:
        return event.actor_name or str(_("system"))


class JobDesk(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """`kinds` says what the sign of a state looks like; a job in any other is busy."""

    kinds: Mapping[str, str] = {}
    ordering = ["-id"]
    list_select_related = ["workspace"]

    @admin.display(description=_("version"), ordering="model_name")
    def job(self, job: Any) -> str:
        return str(job)

    @admin.display(description=_("workspace"), ordering="workspace__name")
    def where(self, job: Any) -> str:
        return str(job.workspace)

    @admin.display(description=_("attempts"), ordering="attempts")
    def tries(self, job: Any) -> int:
        return int(job.attempts)

    @admin.display(description=_("version page"))
    def version_page(self, job: Any) -> str:
        if job.version is None:
            return EMPTY
        address = reverse("admin:registry_modelversion_change", args=[job.version_id])
        return format_html('<a href="{}">{}</a>', address, job.version)

    @admin.display(description=_("state"), ordering="state")
    def shown_state(self, job: Any) -> str:
        return dot(self.kinds.get(job.state, "busy"), job.get_state_display())

    @admin.display(description=_("reason"))
    def reason(self, job: Any) -> str:
        return message_for(job.reason_code, job.reason_params) if job.reason_code else EMPTY

    @admin.display(description=_("size"), ordering="bytes_total")
    def size(self, job: Any) -> str:
        return filesizeformat(job.bytes_total) if job.bytes_total else EMPTY

    @admin.display(description=_("created at"), ordering="id")
    def created(self, job: Any) -> str:
        return moment(job.created_at)

    @admin.display(description=_("started at"))
    def started(self, job: Any) -> str:
        return moment(job.started_at)

    @admin.display(description=_("finished at"))
    def finished(self, job: Any) -> str:
        return moment(job.finished_at)

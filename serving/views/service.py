"""The page of one service: its facts, and a tab for each thing to know about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.functional import Promise
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.requests import ConsoleRequest, allowed, follow_to
from registry.config import ModelConfig
from registry.keyset import slice_of
from registry.models import ModelVersion
from registry.views.base import is_part
from serving import instance_logs
from serving.models import Instance, InstanceState, Purpose, Service, ServiceRevision
from serving.queries_protections import protections_here, protections_of
from serving.queries_services import (
    EVENTS_SHOWN,
    LARGE_OF_VERSION,
    NEWEST_FIRST,
    EventFilter,
    EventPage,
    current_revisions,
)
from serving.snapshots import snapshot_state
from serving.views import monitoring, prediction
from serving.views.base import service_of

LINES_SHOWN = 300
REVISIONS_SHOWN = 50


@dataclass(frozen=True)
class Tab:
    label: str | Promise
    context: Callable[[Service, ConsoleRequest], dict[str, Any]]


@require_safe
@vary_on_headers("HX-Request")
def service_detail(request: ConsoleRequest, code: UUID) -> HttpResponse:
    service = service_of(request, code)
    follow_to(request, service.workspace)
    name = request.GET.get("tab", "")
    name = name if name in TABS else "usage"
    context: dict[str, Any] = {
        "service": service,
        "allowed": allowed(request, service.workspace),
        "tab": name,
        "tabs": TABS,
        "tab_template": f"serving/tabs/{name}.html",
        **TABS[name].context(service, request),
    }
    if is_part(request, "service-log"):
        return render(request, "serving/_log.html", context | {"log_alone": True})
    if is_part(request, "service-tabs"):
        return render(request, "serving/_tabs.html", context)
    context.setdefault("revisions", current_revisions(service))
    return render(request, "serving/service.html", context)


@require_safe
def instance_log(request: ConsoleRequest, code: UUID, instance: UUID) -> FileResponse:
    """All that is kept of what an instance wrote, as a file."""
    service = service_of(request, code)
    row = get_object_or_404(_instances(service), uuid=instance)
    try:
        file = instance_logs.path_of(row).open("rb")
    except OSError:
        raise Http404 from None
    name = f"{service.name}-{str(row.uuid)[:8]}.log"
    return FileResponse(file, as_attachment=True, filename=name, content_type="text/plain; charset=utf-8")


def _usage(service: Service, request: ConsoleRequest) -> dict[str, Any]:
    revisions = current_revisions(service)
    chosen = next((each for each in revisions if str(each.version.uuid) == request.GET.get("version")), None)
    chosen = chosen or (revisions[0] if revisions else None)
    rows = ModelVersion.objects.filter(pk=chosen.version_id) if chosen else ModelVersion.objects.none()
    config, sample, proved = rows.values_list("config", "sample", "proof_code").first() or ({}, None, "")
    return {
        "revisions": revisions,
        "chosen": chosen,
        "config": ModelConfig.from_dict(config),
        "sample": sample,
        "proved": proved,
        "endpoint": f"{settings.GATEWAY_URL}/infer/{service.uuid}/",
        "largest": settings.GATEWAY_BODY_BYTES,
        "seconds": settings.GATEWAY_SECONDS,
        "gateway": snapshot_state(),
    }


@dataclass(frozen=True)
class Deployed:
    """A revision that answers requests, with its instances."""

    revision: ServiceRevision
    instances: list[Instance]

    @property
    def ready(self) -> int:
        return sum(instance.state == InstanceState.READY for instance in self.instances)


def _configuration(service: Service, request: ConsoleRequest) -> dict[str, Any]:
    instances = list(_instances(service))
    revisions = current_revisions(service)
    history = service.revisions.select_related("version__model").defer(*LARGE_OF_VERSION).order_by("-number")
    return {
        "revisions": revisions,
        "deployed": [
            Deployed(each, [instance for instance in instances if instance.revision_id == each.pk])
            for each in revisions
        ],
        "history": history[:REVISIONS_SHOWN],
        "protections": protections_of(instances[-1]) if instances else protections_here(),
    }


def _events(service: Service, request: ConsoleRequest) -> dict[str, Any]:
    wanted = EventFilter.from_query(request.GET)
    events = service.events.all()
    if wanted.level:
        events = events.filter(abnormal=wanted.level == "abnormal")
    if wanted.since:
        events = events.filter(at__gte=now() - timedelta(hours=int(wanted.since)))
    found = slice_of(events, NEWEST_FIRST, after=wanted.after, before=wanted.before, limit=EVENTS_SHOWN)
    return {"wanted": wanted, "page": EventPage(found.rows, found.next, found.previous), "since_choices": SINCE}


def _logs(service: Service, request: ConsoleRequest) -> dict[str, Any]:
    instances = list(_instances(service))
    asked = request.GET.get("instance", "")
    chosen = next((each for each in instances if str(each.uuid) == asked), instances[0] if instances else None)
    return {
        "instances": instances,
        "chosen": chosen,
        "lines": instance_logs.tail(chosen, LINES_SHOWN) if chosen else [],
        "most_lines": LINES_SHOWN,
        "follow": request.GET.get("follow", "1") == "1",
    }


def _instances(service: Service) -> Any:
    return Instance.objects.filter(purpose=Purpose.SERVICE, revision__service=service).order_by("pk")


SINCE = (
    ("1", pgettext_lazy("events since", "Last hour")),
    ("24", pgettext_lazy("events since", "Last 24 hours")),
    ("168", pgettext_lazy("events since", "Last 7 days")),
)
# In the order of the page (services.md §7). A tab of its own module has its template below serving/tabs/ and its
# `context(service, request)` there.
TABS: Mapping[str, Tab] = {
    "usage": Tab(_("Usage guide"), _usage),
    "prediction": Tab(_("Prediction"), prediction.context),
    "configuration": Tab(_("Configuration updates"), _configuration),
    "monitoring": Tab(_("Monitoring"), monitoring.context),
    "events": Tab(_("Events"), _events),
    "logs": Tab(_("Logs"), _logs),
}

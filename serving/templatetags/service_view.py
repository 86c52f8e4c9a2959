"""Tags that show services and their instances."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import template
from django.conf import settings
from django.db.models import Count, Q
from django.utils.timezone import now
from django.utils.translation import gettext as _

from registry.models import ModelVersion
from registry.views.job_progress import clock
from serving.messages_lengths import length, whole_hours
from serving.models import Desired, Instance, InstanceState, Service, ServiceState, Wanted
from serving.services import why_not_deploy
from serving.specs import specification_of
from serving.transitions_services import PREPARING, SCHEDULING, STARTING

register = template.Library()

_KINDS = {
    ServiceState.DEPLOYING: "busy",
    ServiceState.RUNNING: "good",
    ServiceState.CONCERNING: "warn",
    ServiceState.STOPPING: "busy",
    ServiceState.STOPPED: "idle",
    ServiceState.FAILED: "bad",
    ServiceState.FINISHED: "good",
}
_INSTANCE_KINDS = {
    InstanceState.PENDING: "busy",
    InstanceState.STARTING: "busy",
    InstanceState.READY: "good",
    InstanceState.UNHEALTHY: "warn",
    InstanceState.RESTARTING: "warn",
    InstanceState.STOPPED: "idle",
    InstanceState.FAILED: "bad",
}
PHASES = (PREPARING, SCHEDULING, STARTING)
PERCENT = {PREPARING: 5, SCHEDULING: 20, STARTING: 40}
# One that runs changes seldom: it is looked at this many times less often than what moves, on its own page soon, for
# it must not say for long that it runs when it does not.
SLOWER, SLOWER_ON_PAGE = 10, 2
# So near an automatic stop is marked.
SOON = timedelta(minutes=10)


@register.inclusion_tag("components/status.html")
def service_badge(service: Service) -> dict[str, Any]:
    """Sign and words of a service."""
    if service.desired == Desired.DELETED:
        return {"kind": "busy", "words": _("Deleting")}
    return {"kind": _KINDS[ServiceState(service.state)], "words": service.get_state_display()}


@register.inclusion_tag("components/status.html")
def instance_badge(instance: Instance) -> dict[str, Any]:
    return {"kind": _INSTANCE_KINDS[InstanceState(instance.state)], "words": instance.get_state_display()}


@register.filter
def polling(service: Service, on_page: bool = False) -> float:
    """Seconds until a list asks again, or the service's own page; 0 where nothing changes by itself."""
    if service.desired == Desired.DELETED or not service.at_rest:
        return settings.PAGE_POLL_SECONDS
    running = service.state in {ServiceState.RUNNING, ServiceState.CONCERNING}
    return settings.PAGE_POLL_SECONDS * (SLOWER_ON_PAGE if on_page else SLOWER) if running else 0


@register.filter
def deploy_refusal(version: ModelVersion) -> str:
    """Why the version cannot be deployed as a real-time service; empty where it can."""
    refused = why_not_deploy(version)
    return refused.message if refused else ""


@register.simple_tag
def stops_in(service: Service) -> str:
    """`stops in 53 minutes`, `stops in 1 h 58 min`; empty where no automatic stop is ahead."""
    return _("stops in %(time)s") % {"time": length(service.stops_at - now())} if service.stops_at else ""


@register.filter
def stops_soon(service: Service) -> bool:
    return bool(service.stops_at and service.stops_at - now() <= SOON)


@dataclass(frozen=True)
class Step:
    """`state` is done, current or waiting."""

    label: str
    state: str


@dataclass(frozen=True)
class Deployment:
    """How far a deployment is (services.md §3.3)."""

    steps: tuple[Step, ...]
    percent: int
    passed: str


@register.simple_tag
def deployment(service: Service) -> Deployment:
    """The phases of a deployment, the present one, and the share of it that is done."""
    place = PHASES.index(service.phase) if service.phase in PHASES else 0
    labels = (_("Prepare the environment"), _("Schedule resources"), _("Start the model"), _("Running"))
    states = ["done"] * place + ["current"] + ["waiting"] * (len(labels) - place - 1)
    steps = tuple(Step(label, state) for label, state in zip(labels, states, strict=True))
    passed = now() - (service.deploying_since or service.created_at)
    return Deployment(steps, _percent(service), clock(int(passed.total_seconds())))


def _percent(service: Service) -> int:
    """The model's start is the long phase; of it the instances that are ready count."""
    done = PERCENT.get(service.phase, 0)
    if service.phase != STARTING:
        return done
    wanted = Instance.objects.filter(revision__service=service, wanted=Wanted.RUNNING)
    counts = wanted.aggregate(all=Count("pk"), ready=Count("pk", filter=Q(state=InstanceState.READY)))
    return done + int((100 - done) * counts["ready"] / max(1, counts["all"]))


@register.filter
def hours(seconds: int | None) -> str:
    """A length of whole hours in words."""
    return whole_hours(seconds)


@register.filter
def specification_words(code: str) -> str:
    known = specification_of(code)
    return known.label if known else code

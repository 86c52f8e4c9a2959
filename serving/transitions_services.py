"""State changes of services: each is one conditional UPDATE and its events; the loser is told False."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now

from accounts.models import User
from registry.transitions import Line
from serving.models import Desired, Service, ServiceEvent, ServiceState

# services.md §6.3, where the guides and the API agree.
STARTABLE = (ServiceState.STOPPED, ServiceState.FAILED, ServiceState.FINISHED)
STOPPABLE = (ServiceState.RUNNING, ServiceState.CONCERNING)
WANTED = Q(desired=Desired.RUNNING)
# It ran, was stopped with its host, and starts again.
INTERRUPTED = Q(state=ServiceState.DEPLOYING, started_at__isnull=False)
KEPT = ~Q(desired=Desired.DELETED)

PREPARING, SCHEDULING, STARTING = "environment", "schedule", "start"


def runs(service: Service) -> bool:
    """Whether a run has begun and is not over, also while it waits for its host."""
    interrupted = service.state == ServiceState.DEPLOYING and service.started_at is not None
    return service.state in STOPPABLE or interrupted


def begin(service: Service, *, by: User | None) -> bool:
    """Deploy (again) what is at rest."""
    values: dict[str, Any] = {
        "desired": Desired.RUNNING,
        "phase": PREPARING,
        "deploying_since": now(),
        "started_at": None,
        "stops_at": None,
        "reason_code": "",
        "reason_params": {},
    }
    started = Line("service.starting")
    return _move(service, ServiceState.DEPLOYING, started, when=KEPT & Q(state__in=STARTABLE), by=by, **values)


def enter_phase(service: Service, phase: str, *events: Line) -> bool:
    """Come to the next phase of a deployment. The time for which a host was away does not count towards its end."""
    held = WANTED & Q(state=ServiceState.DEPLOYING) & ~Q(phase=phase)
    values: dict[str, Any] = {"deploying_since": now()} if phase == STARTING and service.started_at else {}
    return _move(service, ServiceState.DEPLOYING, *events, when=held, phase=phase, **values)


def run(service: Service) -> bool:
    """Every instance is ready; the time until an automatic stop counts from the first moment of a run, whatever
    interrupts it; since when it runs from the latest."""
    return _move(
        service,
        ServiceState.RUNNING,
        *_run_lines(service),
        when=WANTED & Q(state=service.state),
        phase="",
        reason_code="",
        reason_params={},
        **_run_values(service),
    )


@transaction.atomic
def interrupt(service: Service, at: datetime) -> bool:
    """Its instances were stopped with their host at `at`, in good order, and start again with it."""
    moved = _move(
        service,
        ServiceState.DEPLOYING,
        when=WANTED & Q(state__in=STOPPABLE),
        phase=SCHEDULING,
        deploying_since=now(),
        reason_code="",
        reason_params={},
    )
    if moved:
        _append(service, (Line("service.host_stopped"),), None, at=at)
    return moved


def concern(service: Service, code: str, params: Mapping[str, Any], event: Line) -> bool:
    """Some instances do not answer."""
    return _move(
        service,
        ServiceState.CONCERNING,
        event,
        when=WANTED & Q(state=service.state) & ~Q(state=ServiceState.CONCERNING),
        phase="",
        reason_code=code,
        reason_params=dict(params),
        **_run_values(service),
    )


def fail(service: Service, code: str, params: Mapping[str, Any], event: Line) -> bool:
    """Give up; nothing is tried again until somebody starts it. The phase it failed in is kept."""
    return _move(
        service,
        ServiceState.FAILED,
        event,
        when=WANTED & Q(state=service.state),
        stops_at=None,
        reason_code=code,
        reason_params=dict(params),
    )


def begin_stop(service: Service, *, by: User | None, automatic: bool = False) -> bool:
    """Stop what runs; one whose time has come only if that is still so, also while it waits for its host."""
    when = Q(state__in=STOPPABLE)
    event = Line("service.auto_stopped") if automatic else Line("service.stopping")
    if automatic:
        when = (when | INTERRUPTED) & Q(stops_at__lte=now())
    values: dict[str, Any] = {
        "desired": Desired.STOPPED,
        "phase": "",
        "stops_at": None,
        "reason_code": "",
        "reason_params": {},
    }
    return _move(service, ServiceState.STOPPING, event, when=WANTED & when, by=by, **values)


def end_stop(service: Service) -> bool:
    held = Q(desired=Desired.STOPPED, state=ServiceState.STOPPING)
    return _move(service, ServiceState.STOPPED, Line("service.stopped"), when=held)


def begin_delete(service: Service, *, by: User | None) -> bool:
    """From any state; its row goes once its instances have ended."""
    values: dict[str, Any] = {
        "desired": Desired.DELETED,
        "phase": "",
        "stops_at": None,
        "reason_code": "",
        "reason_params": {},
    }
    return _move(service, ServiceState.STOPPING, Line("service.deleting"), when=KEPT, by=by, **values)


@transaction.atomic
def change(service: Service, event: Line | None, *, by: User | None, **values: Any) -> bool:
    """Change what people may change of a service that is not being deleted, without touching its state."""
    if Service.objects.filter(KEPT, pk=service.pk).update(**values) != 1:
        return False
    _append(service, (event,) if event else (), by)
    _follow(service, values)
    return True


def note(service: Service, *events: Line) -> None:
    """Add to the history of a service that is held."""
    _append(service, events, None)


def _run_values(service: Service) -> dict[str, Any]:
    if service.state != ServiceState.DEPLOYING:
        return {}
    began = now()
    if service.started_at:
        return {"started_at": began}
    wait = service.auto_stop_seconds
    return {"started_at": began, "stops_at": began + timedelta(seconds=wait) if wait else None}


def _run_lines(service: Service) -> list[Line]:
    if service.state != ServiceState.DEPLOYING:
        return [Line("service.recovered")]
    if service.started_at:
        return [Line("service.started_again", {"name": service.name})]
    wait = service.auto_stop_seconds
    automatic = [Line("service.auto_stop_on", {"seconds": wait})] if wait else []
    return [Line("service.started", {"name": service.name}), *automatic]


@transaction.atomic
def _move(service: Service, to: ServiceState, *events: Line, when: Q, by: User | None = None, **values: Any) -> bool:
    changes = {"state": to, **values}
    if Service.objects.filter(when, pk=service.pk).update(**changes, updated_at=now()) != 1:
        return False
    _append(service, events, by)
    _follow(service, changes)
    return True


def _append(service: Service, events: tuple[Line, ...], by: User | None, at: datetime | None = None) -> None:
    """With the present moment, or an earlier one at which it happened."""
    actor = by.get_username() if by else ""
    for line in events:
        event = ServiceEvent.objects.create(
            service=service, code=line.code, params=dict(line.params), abnormal=line.abnormal, actor_name=actor
        )
        if at is not None:
            ServiceEvent.objects.filter(pk=event.pk).update(at=at)


def _follow(service: Service, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(service, name, value)

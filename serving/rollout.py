"""Brings services to what people want: one next thing at a time, each in its own transaction under the row's lock.

People write `desired`, the supervisor writes what it observes of instances; only from these two, and so safe to run
at any time, twice and by several workers at once, the state of a service follows.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.timezone import now

from registry.transitions import Line
from serving import transitions_services as transitions
from serving.models import (
    INSTANCE_RESTS,
    Desired,
    EnvironmentState,
    Instance,
    InstanceState,
    Making,
    Purpose,
    Service,
    ServiceEvent,
    ServiceRevision,
    ServiceState,
    VersionEnvironment,
    Wanted,
)
from serving.queries_services import current_revisions
from serving.transitions_instances import STOPPED_AT, STOPPED_WITH_HOST

logger = logging.getLogger(__name__)
# More steps than any change takes; a service that still is not there is looked at again by the next sweep.
MOST_STEPS = 10
# What an instance may be in on its way to being ready.
COMING = (InstanceState.PENDING, InstanceState.STARTING)
# A supervisor writes every few seconds that it sees an instance, and after a crash within the longest back-off.
HOST_LOST = timedelta(minutes=10)


@dataclass(frozen=True)
class Seen:
    """A service's instances as the supervisor reports them, beside what they should be."""

    revisions: list[ServiceRevision]
    instances: list[Instance]

    @property
    def current(self) -> list[Instance]:
        return [instance for instance in self.instances if instance.wanted == Wanted.RUNNING]

    @property
    def former(self) -> list[Instance]:
        return [instance for instance in self.instances if instance.wanted == Wanted.STOPPED]

    @property
    def total(self) -> int:
        return sum(revision.instances for revision in self.revisions)

    def count(self, *states: InstanceState) -> int:
        return sum(instance.state in states for instance in self.current)

    @property
    def ready(self) -> int:
        return self.count(InstanceState.READY)

    @property
    def interrupted(self) -> bool:
        """Whether what is not ready was stopped with its host, in good order."""
        away = [instance for instance in self.current if instance.state != InstanceState.READY]
        return bool(away) and all(instance.reason_code == STOPPED_WITH_HOST for instance in away)

    def stopped_since(self, moment: datetime | None) -> datetime | None:
        """When, after that moment, the first of them was stopped with its host, as its supervisor wrote."""
        told = [str(instance.reason_params.get(STOPPED_AT, "")) for instance in self.current]
        known = [datetime.fromisoformat(each) for each in told if each]
        return min((each for each in known if moment is None or each > moment), default=None)

    @property
    def all_failed(self) -> bool:
        return bool(self.current) and self.count(InstanceState.FAILED) == len(self.current)

    @property
    def missing(self) -> list[ServiceRevision]:
        """A revision for each of its instances that has no row."""
        there = [instance.revision_id for instance in self.current]
        return [
            revision
            for revision in self.revisions
            for _ in range(max(0, revision.instances - there.count(revision.pk)))
        ]


def reconcile(service: Service) -> None:
    """Do what can be done now towards what people want of the service."""
    for _ in range(MOST_STEPS):
        with transaction.atomic():
            held = Service.objects.select_for_update().filter(pk=service.pk).first()
            if held is not None:
                _give_up_lost(held)
            if held is None or not STEPS[Desired(held.desired)](held):
                return


def on_instance_change(instance: Instance) -> None:
    """The supervisor observed something; a proof's instance is no concern of ours."""
    if instance.revision is not None:
        reconcile(instance.revision.service)


def sweep() -> None:
    """What lost bells, automatic stops and time-outs left to do."""
    for service in due():
        try:
            reconcile(service)
        except Exception:  # One that cannot be brought on must not hold the others back.
            logger.exception("service not reconciled", extra={"service": str(service.uuid)})


def forget_events() -> None:
    """Events are kept for a month (services.md §2)."""
    limit = now() - timedelta(seconds=settings.SERVICE_EVENT_SECONDS)
    ServiceEvent.objects.filter(at__lt=limit).delete()


def due() -> QuerySet[Service]:
    """The services that may have something to do: what rests as it should is not looked at."""
    wanted = Instance.objects.filter(revision__service=OuterRef("pk"), wanted=Wanted.RUNNING)
    moving = Q(state__in=[ServiceState.DEPLOYING, ServiceState.STOPPING, ServiceState.CONCERNING])
    lost = Exists(Instance.objects.filter(_lost(), revision__service=OuterRef("pk")))
    overdue = Q(state__in=transitions.STOPPABLE, stops_at__lte=now())
    ailing = Q(state=ServiceState.RUNNING) & (Exists(wanted.exclude(state=InstanceState.READY)) | ~Exists(wanted))
    return Service.objects.filter(moving | overdue | ailing | lost | Q(desired=Desired.DELETED)).order_by("pk")


def _keep_running(service: Service) -> bool:
    if service.stops_at and service.stops_at <= now():
        return transitions.begin_stop(service, by=None, automatic=True)
    if service.state == ServiceState.DEPLOYING:
        return _deploy(service, _look_at(service))
    return service.state in transitions.STOPPABLE and _watch(service, _look_at(service))


def _keep_stopped(service: Service) -> bool:
    return _let_end(service) and service.state == ServiceState.STOPPING and transitions.end_stop(service)


def _keep_away(service: Service) -> bool:
    if _let_end(service):
        service.delete()
    return False


STEPS: Mapping[Desired, Callable[[Service], bool]] = {
    Desired.RUNNING: _keep_running,
    Desired.STOPPED: _keep_stopped,
    Desired.DELETED: _keep_away,
}


def _look_at(service: Service) -> Seen:
    return Seen(current_revisions(service), list(_instances(service)))


def _instances(service: Service) -> QuerySet[Instance]:
    return Instance.objects.filter(purpose=Purpose.SERVICE, revision__service=service).order_by("pk")


def _lost() -> Q:
    """On a host that was renamed or is gone for good. A supervisor that comes back ends what has no row any more."""
    limit = now() - HOST_LOST
    unseen = Q(seen_at__lt=limit) | Q(seen_at=None, created_at__lt=limit)
    return unseen & ~Q(host=settings.HOST_NAME) & ~Q(state__in=INSTANCE_RESTS)


def _give_up_lost(service: Service) -> None:
    for instance in _instances(service).filter(_lost()):
        transitions.note(service, Line("service.instance_lost", {"host": instance.host}, abnormal=True))
        instance.delete()


def _deploy(service: Service, seen: Seen) -> bool:
    """The next step from nothing to every instance ready, or giving up."""
    if _timed_out(service, seen):
        if service.started_at:  # It ran before its host was stopped; what the host lacks now may come back.
            return _concern(service, seen)
        minutes = seen.revisions[0].timeout
        return _give_up(service, "service.deploy_timeout", {"minutes": minutes}, "service.deploy_timed_out")
    if service.phase == transitions.PREPARING:
        return _prepare(service, seen)
    if seen.former:
        return _clear_away(seen.former)
    if seen.missing:
        return _make(service, seen)
    if service.phase == transitions.SCHEDULING and seen.count(InstanceState.PENDING) < len(seen.current):
        return transitions.enter_phase(service, transitions.STARTING, _line("service.model_starting", seen))
    return _settle(service, seen)


def _timed_out(service: Service, seen: Seen) -> bool:
    if service.deploying_since is None or not seen.revisions:
        return False
    # It waits for its host, maybe for a second time, or has just come back; the host limits how long loading may take.
    back = service.phase == transitions.SCHEDULING or seen.interrupted or seen.ready == seen.total
    if service.started_at and back:
        return False
    return service.deploying_since + timedelta(minutes=max(each.timeout for each in seen.revisions)) <= now()


def _prepare(service: Service, seen: Seen) -> bool:
    """Wait for the environment; one that will not come ends the deployment, with the reason."""
    versions = [revision.version_id for revision in seen.revisions]
    records = list(VersionEnvironment.objects.filter(version__in=versions).select_related("environment"))
    if failed := next((record for record in records if record.making == Making.FAILED), None):
        return _give_up(service, failed.reason_code, failed.reason_params, "service.failed")
    states = [_state_of(record) for record in records]
    if len(states) < len(versions) or not set(states) <= {EnvironmentState.READY, EnvironmentState.BUILDING}:
        return _give_up(service, "service.environment_missing", {}, "service.failed")
    if EnvironmentState.BUILDING in states:
        return False
    return transitions.enter_phase(service, transitions.SCHEDULING, _line("service.environment_ready", seen))


def _state_of(record: VersionEnvironment) -> str:
    if record.making == Making.BUILDING:
        return EnvironmentState.BUILDING
    return record.environment.state if record.environment else ""


def _make(service: Service, seen: Seen) -> bool:
    """Rows for the supervisor to run, with the limits of their revision."""
    Instance.objects.bulk_create(_instance(revision) for revision in seen.missing)
    if service.state == ServiceState.DEPLOYING:
        transitions.note(service, _line("service.scheduled", seen))
    return True


def _instance(revision: ServiceRevision) -> Instance:
    return Instance(
        purpose=Purpose.SERVICE,
        version=revision.version,
        revision=revision,
        host=settings.HOST_NAME,
        variables=revision.variables,
        cpu_limit=revision.cpu,
        memory_limit=revision.memory,
        load_seconds=revision.timeout * 60,
    )


def _settle(service: Service, seen: Seen) -> bool:
    """What a deployment came to, once no instance is on its way any more."""
    if seen.ready == seen.total:
        return transitions.run(service)
    if seen.all_failed:
        return _fail(service, seen)
    if seen.ready and seen.ready + seen.count(InstanceState.FAILED) == seen.total:
        return _concern(service, seen)
    return False


def _watch(service: Service, seen: Seen) -> bool:
    """Follow what becomes of the instances of a service that has run."""
    if seen.missing:
        return _make(service, seen)
    if seen.all_failed:
        return _fail(service, seen)
    stopped = seen.stopped_since(service.started_at)
    if seen.ready == seen.total:
        if stopped:  # It is back already, before anybody looked.
            return transitions.interrupt(service, stopped)
        return service.state != ServiceState.RUNNING and transitions.run(service)
    if seen.interrupted:
        return transitions.interrupt(service, stopped or now())
    if service.state == ServiceState.RUNNING:
        return _concern(service, seen)
    told = {"ready": seen.ready, "total": seen.total}
    if service.reason_params != told:
        transitions.change(service, None, by=None, reason_params=told)
    return False


def _concern(service: Service, seen: Seen) -> bool:
    told = {"ready": seen.ready, "total": seen.total}
    ailing = next((each for each in seen.current if each.state != InstanceState.READY and each.reason_code), None)
    reason = {"reason": ailing.reason_code, "reason_params": ailing.reason_params} if ailing else {}
    event = Line("service.concerning", told | reason, abnormal=True)
    return transitions.concern(service, "service.some_not_ready", told, event)


def _fail(service: Service, seen: Seen) -> bool:
    """With the reason of the first instance that failed, and which one that was, so that its log can be read."""
    failed = next(each for each in seen.current if each.state == InstanceState.FAILED)
    params = failed.reason_params | {"instance": str(failed.uuid)}
    return _give_up(service, failed.reason_code or "service.instances_failed", params, "service.failed")


def _give_up(service: Service, code: str, params: Mapping[str, Any], event: str) -> bool:
    told = {"name": service.name, "reason": code, "reason_params": dict(params)}
    if not transitions.fail(service, code, params, Line(event, told, abnormal=True)):
        return False
    _instances(service).filter(wanted=Wanted.RUNNING).update(wanted=Wanted.STOPPED)
    return True


def _let_end(service: Service) -> bool:
    """Want no instance any more; True once all are at rest. One that nobody began to start just goes."""
    instances = _instances(service)
    instances.filter(wanted=Wanted.RUNNING).update(wanted=Wanted.STOPPED)
    _unclaimed(instances).delete()
    return not instances.exclude(state__in=INSTANCE_RESTS).exists()


def _clear_away(former: list[Instance]) -> bool:
    """Rows of an earlier run, once they are at rest; before that there would be two runs at once."""
    rows = Instance.objects.filter(pk__in=[instance.pk for instance in former], wanted=Wanted.STOPPED)
    _unclaimed(rows).delete()
    if rows.exclude(state__in=INSTANCE_RESTS).exists():
        return False
    rows.delete()
    return True


def _unclaimed(instances: QuerySet[Instance]) -> QuerySet[Instance]:
    """Not wanted any more before the supervisor took them."""
    return instances.filter(wanted=Wanted.STOPPED, state=InstanceState.PENDING, pid=None, starts=0)


def _line(code: str, seen: Seen) -> Line:
    version = seen.revisions[0].version
    return Line(code, {"model": version.model.name, "version": version.number})

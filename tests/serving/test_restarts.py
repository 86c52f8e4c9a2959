"""A console that is stopped and started in good order: services say so, and nobody is alarmed."""

import asyncio
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.utils.timezone import now

from serving import rollout, services
from serving.models import InstanceState, Service
from serving.supervisor_keeper import Ended, Keeper
from serving.supervisor_ledger import Row
from serving.transitions_instances import STOPPED_AT, STOPPED_WITH_HOST
from tests.factories import make_member
from tests.serving.deployed import instances_of, make_running, observe

pytestmark = [pytest.mark.django_db, pytest.mark.db, pytest.mark.usefixtures("machine")]


def stopped_with_the_console(**values):
    """A service that ran when its supervisor was asked to stop."""
    service = make_running(**values)
    count = instances_of(service).count()
    observe(service, *[InstanceState.PENDING] * count, reason_code=STOPPED_WITH_HOST, starts=1)
    return service


def test_service_is_told_to_have_stopped_with_the_console_and_to_have_started_again():
    service = make_running()
    told = service.events.count()
    observe(service, InstanceState.PENDING, reason_code=STOPPED_WITH_HOST, starts=1)
    stopped = (service.state, service.phase, service.reason_code)

    observe(service, InstanceState.STARTING, reason_code=STOPPED_WITH_HOST)
    starting = (service.state, service.phase)
    observe(service, InstanceState.READY, reason_code="")

    events = list(service.events.order_by("pk"))[told:]
    assert (stopped, starting) == (("deploying", "schedule", ""), ("deploying", "start"))
    assert (service.state, service.phase) == ("running", "")
    assert [(event.code, event.abnormal) for event in events] == [
        ("service.host_stopped", False),
        ("service.model_starting", False),
        ("service.started_again", False),
    ]
    assert events[0].message == "Stopped together with the console, with which it starts again"


def test_restart_that_is_seen_late_is_told_as_well():
    service = make_running()

    observe(service, InstanceState.STARTING, reason_code=STOPPED_WITH_HOST)
    between = (service.state, service.phase)
    observe(service, InstanceState.READY, reason_code="")

    assert (between, service.state) == (("deploying", "start"), "running")
    assert not service.events.filter(abnormal=True).exists()


def test_event_of_a_stop_carries_the_moment_at_which_the_first_instance_was_stopped():
    service = make_running(instances=2)
    Service.objects.update(started_at=now() - timedelta(hours=20))
    service.events.update(at=now() - timedelta(hours=20))
    evening = now() - timedelta(hours=9)
    for back, instance in enumerate(instances_of(service)):
        told = (evening + timedelta(seconds=back)).isoformat()
        instances_of(service).filter(pk=instance.pk).update(reason_params={STOPPED_AT: told})

    observe(service, InstanceState.STARTING, InstanceState.STARTING, reason_code=STOPPED_WITH_HOST)
    observe(service, InstanceState.READY, InstanceState.READY, reason_code="", reason_params={})

    assert service.events.get(code="service.host_stopped").at == evening
    assert [event.code for event in service.events.all()[:3]] == [
        "service.started_again",
        "service.model_starting",
        "service.host_stopped",
    ]


def test_restart_that_is_over_before_anybody_looks_is_told_once():
    service = make_running()
    began = now() - timedelta(hours=20)
    Service.objects.update(started_at=began)
    service.events.update(at=began)
    evening = now() - timedelta(hours=9)

    observe(service, InstanceState.READY, reason_code="", reason_params={STOPPED_AT: evening.isoformat()})
    rollout.reconcile(service)
    observe(service, InstanceState.RESTARTING, reason_code="x.crash", reason_params={})

    assert [event.code for event in service.events.all()[:4]] == [
        "service.concerning",
        "service.started_again",
        "service.model_starting",
        "service.host_stopped",
    ]
    assert service.events.get(code="service.host_stopped").at == evening
    assert service.started_at > began


def test_running_since_is_the_moment_it_ran_again():
    service = stopped_with_the_console()
    Service.objects.update(started_at=now() - timedelta(hours=20))
    service.refresh_from_db()

    observe(service, InstanceState.READY, reason_code="")

    assert now() - service.started_at < timedelta(minutes=1)


def test_automatic_stop_counts_on_over_a_restart():
    service = make_running(auto_stop_seconds=7200)
    before = service.stops_at
    observe(service, InstanceState.PENDING, reason_code=STOPPED_WITH_HOST, starts=1)

    observe(service, InstanceState.STARTING, reason_code=STOPPED_WITH_HOST)
    observe(service, InstanceState.READY, reason_code="")

    assert service.stops_at == before
    assert service.events.filter(code="service.auto_stop_on").count() == 1


def test_time_without_the_console_is_not_that_of_the_deployment():
    service = stopped_with_the_console(timeout=3)
    Service.objects.update(deploying_since=now() - timedelta(hours=5))

    rollout.reconcile(service)
    service.refresh_from_db()
    waiting = service.state
    observe(service, InstanceState.STARTING)

    assert waiting == "deploying"
    assert (service.state, service.deploying_since > now() - timedelta(minutes=1)) == ("deploying", True)


@pytest.mark.parametrize("seen", [InstanceState.PENDING, InstanceState.STARTING])
def test_console_that_is_stopped_again_before_a_model_is_ready_fails_no_service(seen):
    service = stopped_with_the_console(timeout=3)
    observe(service, InstanceState.STARTING, reason_code=STOPPED_WITH_HOST)
    Service.objects.update(deploying_since=now() - timedelta(hours=5))

    observe(service, seen, reason_code=STOPPED_WITH_HOST)
    waiting = service.state
    observe(service, InstanceState.READY, reason_code="")

    assert (waiting, service.state) == ("deploying", "running")
    assert not service.events.filter(abnormal=True).exists()


def test_what_a_host_lacks_after_a_restart_is_an_alarm_and_ends_no_service():
    service = stopped_with_the_console(timeout=3)
    observe(service, InstanceState.RESTARTING, reason_code="instance.store_unavailable")
    Service.objects.update(deploying_since=now() - timedelta(minutes=4))

    observe(service, InstanceState.RESTARTING)
    lacking = (service.state, service.desired, service.events.order_by("pk").last().params["reason"])
    observe(service, InstanceState.READY, reason_code="")

    assert lacking == ("concerning", "running", "instance.store_unavailable")
    assert service.state == "running"


def test_model_that_does_not_start_again_fails_the_service():
    service = stopped_with_the_console()

    observe(service, InstanceState.FAILED, reason_code="instance.code_failed")

    assert (service.state, service.reason_code) == ("failed", "instance.code_failed")


def test_crash_beside_a_restart_is_an_alarm_once_the_others_answer():
    service = stopped_with_the_console(instances=2)
    observe(service, InstanceState.STARTING, InstanceState.STARTING, reason_code=STOPPED_WITH_HOST)

    observe(service, InstanceState.READY, InstanceState.FAILED, reason_code="x.crash")

    assert service.state == "concerning"
    assert service.events.order_by("pk").last().abnormal


@pytest.mark.parametrize("reason", ["instance.supervisor_lost", "instance.crashed"])
def test_end_in_disorder_stays_an_alarm(reason):
    service = make_running()

    observe(service, InstanceState.PENDING, reason_code=reason)

    assert service.state == "concerning"
    assert service.events.order_by("pk").last().abnormal


def test_service_whose_time_is_over_meanwhile_is_stopped():
    service = stopped_with_the_console(auto_stop_seconds=7200)
    Service.objects.update(stops_at=now() - timedelta(seconds=1))

    rollout.reconcile(service)

    service.refresh_from_db()
    assert (service.state, service.desired) == ("stopping", "stopped")
    assert [instance.wanted for instance in instances_of(service)] == ["stopped"]


def test_automatic_stop_that_is_set_while_the_console_comes_back_counts_from_then():
    service = stopped_with_the_console(by=make_member("bob"))

    services.set_auto_stop(service, 3600, by=service.created_by)
    observe(service, InstanceState.READY, reason_code="")

    assert service.state == "running"
    assert now() < service.stops_at <= now() + timedelta(hours=1)


class Patient:
    """A host whose plans never come, so that a keeper can be looked at."""

    async def plan(self, pk):
        await asyncio.Event().wait()


def reasons_of(reason):
    """What a keeper says while it starts a row of that reason, and while it starts it again after a crash."""

    async def look():
        keeper = Keeper(Row(1, uuid4(), "service", "running", "pending", 1, reason), Patient())
        process = SimpleNamespace(protections=[], socket=Path("/s"))
        keeper._started(process)
        first = keeper.values["reason_code"]
        keeper._say(InstanceState.RESTARTING, Ended("instance.crashed"))
        keeper._started(process)
        return first, keeper.values["reason_code"]

    return asyncio.run(look())


@pytest.mark.parametrize(("reason", "first"), [(STOPPED_WITH_HOST, STOPPED_WITH_HOST), ("instance.crashed", "")])
def test_instance_keeps_saying_that_its_host_was_stopped_until_it_is_ready_or_crashes(reason, first):
    assert reasons_of(reason) == (first, "")


def rested(reason, params):
    """What a keeper says of a row with that reason once its host is stopped, before it was started and after."""

    async def look():
        row = Row(1, uuid4(), "service", "running", "pending", 1, reason, params)
        found = []
        for begun in (False, True):
            keeper = Keeper(row, Patient())
            if begun:
                keeper._started(SimpleNamespace(protections=[], socket=Path("/s")))
                found.append(keeper.values["reason_params"])
            keeper.end(InstanceState.PENDING, STOPPED_WITH_HOST)
            keeper._task.cancel()
            found.append(keeper._stopped_at()["reason_params"])
        return found

    return asyncio.run(look())


def test_moment_of_a_stop_is_kept_until_the_instance_is_ready_again():
    before = {STOPPED_AT: "2026-01-01T00:00:00+00:00"}

    kept, starting, again = rested(STOPPED_WITH_HOST, before)
    first, begun, stopped = rested("", {})

    assert [kept, starting, again] == [before] * 3
    assert begun == {}
    assert [list(each) for each in (first, stopped)] == [[STOPPED_AT]] * 2

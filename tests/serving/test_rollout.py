from datetime import timedelta

import pytest
from django.utils.timezone import now

from serving import rollout, services
from serving.models import (
    Desired,
    Environment,
    EnvironmentState,
    Instance,
    InstanceState,
    Service,
    ServiceState,
    VersionEnvironment,
    Wanted,
)
from tests.factories import make_member, make_version
from tests.serving.deployed import instances_of, make_deployable, make_running, make_service, obey, observe

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(autouse=True)
def _machine(settings):
    settings.POOL_CORES, settings.POOL_MEMORY_MIB = 4, 32_000


def codes(service):
    return list(service.events.order_by("pk").values_list("code", flat=True))


def test_deployment_makes_instances_with_the_limits_of_its_revision(settings):
    service = make_service(instances=2, variables={"MODE": "fast"}, timeout=5)

    rollout.reconcile(service)
    service.refresh_from_db()

    first = instances_of(service)[0]
    assert instances_of(service).count() == 2
    assert (first.purpose, first.host, first.wanted) == ("service", settings.HOST_NAME, "running")
    assert (first.cpu_limit, first.memory_limit, first.variables) == (1, 2048, {"MODE": "fast"})
    assert first.load_seconds == 300
    assert (service.state, service.phase) == ("deploying", "schedule")


def test_deployment_goes_through_its_phases_to_running():
    service = make_service()

    rollout.reconcile(service)
    observe(service, InstanceState.STARTING)
    phase = service.phase
    observe(service, InstanceState.READY)

    assert phase == "start"
    assert (service.state, service.phase) == ("running", "")
    assert codes(service) == [
        "service.deploy_started",
        "service.environment_ready",
        "service.scheduled",
        "service.model_starting",
        "service.started",
        "service.auto_stop_on",
    ]


def test_automatic_stop_counts_from_the_moment_it_runs():
    service = make_running(auto_stop_seconds=7200)

    assert service.stops_at - service.started_at == timedelta(hours=2)


def test_reconciling_twice_makes_nothing_twice():
    service = make_service(instances=3)

    rollout.reconcile(service)
    rollout.reconcile(service)

    assert instances_of(service).count() == 3
    assert len(codes(service)) == 3


def test_environment_that_is_being_built_is_waited_for():
    service = make_service()
    Environment.objects.update(state=EnvironmentState.BUILDING)

    rollout.reconcile(service)
    service.refresh_from_db()

    assert (service.state, service.phase, instances_of(service).count()) == ("deploying", "environment", 0)


def test_environment_that_is_being_made_is_waited_for():
    service = make_service()
    VersionEnvironment.objects.update(making="building")

    rollout.reconcile(service)
    waiting = instances_of(service).count()
    VersionEnvironment.objects.update(making="")
    rollout.reconcile(service)
    service.refresh_from_db()

    assert (waiting, service.phase, instances_of(service).count()) == (0, "schedule", 1)


def test_environment_that_cannot_be_made_fails_the_deployment_with_its_reason():
    service = make_service()
    reason = {"reason_code": "build.package_unknown", "reason_params": {"requirements": "sixx"}}
    VersionEnvironment.objects.update(making="failed", **reason)

    rollout.reconcile(service)
    service.refresh_from_db()

    assert (service.state, service.reason_code) == ("failed", "build.package_unknown")
    assert service.reason_params == {"requirements": "sixx"}


def test_environment_that_is_gone_fails_the_deployment():
    service = make_service()
    VersionEnvironment.objects.update(environment=None)

    rollout.reconcile(service)
    service.refresh_from_db()

    assert (service.state, service.reason_code) == ("failed", "service.environment_missing")


def test_deployment_fails_when_every_instance_failed_and_says_where():
    service = make_service(instances=2)
    rollout.reconcile(service)
    params = {"stage": "load", "file": "customize_service.py", "line": 12, "message": "no such file"}

    observe(service, InstanceState.FAILED, InstanceState.FAILED, reason_code="x.load", reason_params=params)

    first = instances_of(service)[0]
    assert (service.state, service.reason_code) == ("failed", "x.load")
    assert service.reason_params == params | {"instance": str(first.uuid)}
    assert {instance.wanted for instance in instances_of(service)} == {"stopped"}
    event = service.events.first()
    assert (event.code, event.abnormal, event.params["reason"]) == ("service.failed", True, "x.load")


def test_deployment_waits_while_one_instance_failed_and_another_is_coming():
    service = make_service(instances=2)
    rollout.reconcile(service)

    observe(service, InstanceState.FAILED, InstanceState.STARTING)

    assert service.state == "deploying"


def test_deployment_of_which_a_part_failed_is_an_alarm():
    service = make_service(instances=2)
    rollout.reconcile(service)

    observe(service, InstanceState.FAILED, InstanceState.READY)

    assert (service.state, service.reason) == ("concerning", "Only 1 of 2 instances are ready.")
    assert service.stops_at is not None


def test_deployment_that_takes_too_long_is_given_up():
    service = make_service(timeout=3)
    rollout.reconcile(service)
    Service.objects.update(deploying_since=now() - timedelta(minutes=3, seconds=1))

    observe(service, InstanceState.STARTING)

    assert (service.state, service.reason_code) == ("failed", "service.deploy_timeout")
    assert codes(service)[-1] == "service.deploy_timed_out"
    assert instances_of(service).get().wanted == "stopped"


def test_running_service_alarms_and_recovers():
    service = make_running(instances=2)

    observe(service, InstanceState.READY, InstanceState.RESTARTING)
    alarmed = service.state
    stops_at = service.stops_at
    observe(service, InstanceState.READY, InstanceState.READY)

    assert (alarmed, service.state, service.reason_code) == ("concerning", "running", "")
    assert service.stops_at == stops_at
    assert codes(service)[-2:] == ["service.concerning", "service.recovered"]


def test_alarm_follows_how_many_are_ready_without_another_event():
    service = make_running(instances=3)
    observe(service, InstanceState.READY, InstanceState.READY, InstanceState.UNHEALTHY)

    observe(service, InstanceState.READY, InstanceState.UNHEALTHY, InstanceState.UNHEALTHY)

    assert service.reason == "Only 1 of 3 instances are ready."
    assert codes(service).count("service.concerning") == 1


def test_none_ready_after_having_run_is_an_alarm_and_all_failed_is_a_failure():
    service = make_running()

    observe(service, InstanceState.RESTARTING)
    alarmed = service.state
    observe(service, InstanceState.FAILED, reason_code="x.crash")

    assert (alarmed, service.state, service.reason_code) == ("concerning", "failed", "x.crash")


def test_stopping_waits_for_every_instance():
    service = make_running(instances=2)
    services.stop(service, by=make_member("bob"))

    rollout.reconcile(service)
    service.refresh_from_db()
    between = service.state
    obey(service)
    service.refresh_from_db()

    assert (between, service.state, service.desired) == ("stopping", "stopped", "stopped")
    assert {instance.wanted for instance in instances_of(service)} == {"stopped"}
    assert codes(service)[-2:] == ["service.stopping", "service.stopped"]


def test_starting_again_clears_the_former_run_away_once_it_rests():
    service = make_running()
    services.stop(service, by=make_member("bob"))
    obey(service)
    former = instances_of(service).get()

    service.refresh_from_db()
    services.start(service, by=make_member("eve"))
    rollout.reconcile(service)

    present = instances_of(service).get()
    assert present.uuid != former.uuid
    assert (present.wanted, present.state) == ("running", "pending")


def test_starting_again_waits_while_the_former_run_still_ends():
    service = make_service()
    rollout.reconcile(service)
    Service.objects.update(deploying_since=now() - timedelta(hours=3))
    observe(service, InstanceState.STARTING)

    services.start(service, by=make_member("eve"))
    rollout.reconcile(service)

    assert service.state == "deploying"
    assert [instance.wanted for instance in instances_of(service)] == ["stopped"]


def test_instance_nobody_began_to_start_goes_with_the_stop():
    service = make_service()
    rollout.reconcile(service)
    services.delete(service, by=make_member("bob"))

    rollout.reconcile(service)

    assert not Service.objects.exists()
    assert not Instance.objects.exists()


def test_deleted_service_goes_when_its_instances_have_ended():
    service = make_running()
    services.delete(service, by=make_member("bob"))

    rollout.reconcile(service)
    waiting = Service.objects.get()
    obey(waiting)

    assert (waiting.desired, waiting.state) == ("deleted", "stopping")
    assert not Service.objects.exists()


def test_sweep_stops_what_is_due():
    service = make_running()
    Service.objects.update(stops_at=now() - timedelta(seconds=1))

    rollout.sweep()
    rollout.sweep()
    service.refresh_from_db()

    assert (service.desired, service.state, service.stops_at) == ("stopped", "stopping", None)
    assert codes(service)[-1] == "service.auto_stopped"


def test_sweep_heals_lost_bells():
    service = make_running()
    instances_of(service).update(state=InstanceState.UNHEALTHY)

    rollout.sweep()

    assert Service.objects.get().state == "concerning"


def test_sweep_makes_a_lost_instance_anew():
    service = make_running()
    instances_of(service).delete()

    rollout.sweep()

    assert instances_of(service).get().state == "pending"


def test_sweep_leaves_alone_what_is_as_it_should_be(django_assert_num_queries):
    make_running()

    with django_assert_num_queries(1):
        rollout.sweep()


def test_sweep_goes_on_behind_a_service_it_cannot_bring_on(monkeypatch):
    ann = make_member("ann")
    first, second = (make_service(make_deployable(name), by=ann, name=name) for name in ("one", "two"))
    real = rollout.reconcile

    def broken(service):
        if service == first:
            raise RuntimeError
        real(service)

    monkeypatch.setattr(rollout, "reconcile", broken)

    rollout.sweep()

    assert instances_of(second).count() == 1


def test_change_of_an_instance_is_followed_and_a_proof_is_not():
    service = make_service()
    rollout.reconcile(service)
    instance = instances_of(service).get()
    Instance.objects.update(state=InstanceState.READY)
    proof = Instance.objects.create(
        purpose="proof", version=make_version("other"), host="here", cpu_limit=1, memory_limit=512
    )

    rollout.on_instance_change(Instance.objects.get(pk=instance.pk))
    rollout.on_instance_change(proof)

    assert Service.objects.get().state == ServiceState.RUNNING


def test_old_events_are_forgotten():
    service = make_running()
    kept = service.events.count() - 1
    service.events.filter(pk=service.events.last().pk).update(at=now() - timedelta(days=31))

    rollout.forget_events()

    assert service.events.count() == kept


def test_failed_service_rests_until_somebody_starts_it():
    service = make_running()
    observe(service, InstanceState.FAILED)

    rollout.reconcile(service)
    service.refresh_from_db()

    assert (service.state, service.desired) == ("failed", Desired.RUNNING)
    assert not instances_of(service).filter(wanted=Wanted.RUNNING).exists()


def leave_host(service, settings, back):
    """As after the machine got another name, `back` after its instances were seen last."""
    settings.HOST_NAME = "renamed"
    instances_of(service).update(seen_at=now() - back)


def test_instance_of_a_host_that_is_gone_is_made_anew_here(settings):
    service = make_running()
    former = instances_of(service).get()
    leave_host(service, settings, timedelta(minutes=11))

    rollout.sweep()

    instance = instances_of(service).get()
    assert (instance.pk != former.pk, instance.host) == (True, "renamed")
    assert service.events.get(code="service.instance_lost").params == {"host": former.host}


def test_instance_of_a_host_that_was_heard_lately_is_left_alone(settings):
    service = make_running()
    former = instances_of(service).get()
    leave_host(service, settings, timedelta(minutes=9))

    rollout.sweep()

    assert instances_of(service).get() == former


@pytest.mark.parametrize("command", [services.stop, services.delete])
def test_a_host_that_is_gone_holds_no_service_back(settings, developer, command):
    service = make_running()
    leave_host(service, settings, timedelta(minutes=11))
    command(service, by=developer)

    rollout.sweep()

    assert list(Service.objects.values_list("state", flat=True)) in ([], [ServiceState.STOPPED])
    assert not instances_of(service).exists()

"""What is done to a service: start, stop, auto stop, description, deletion."""

import pytest
from django.utils.timezone import now

from accounts.errors import NotAllowed
from accounts.models import AuditEvent
from registry.models import ModelVersion, Status
from serving import services
from serving.environments import python_of
from serving.errors import ServiceRefused
from serving.models import Environment, Service, ServiceState, VersionEnvironment
from tests.serving.deployed import make_deployable, make_running, make_service

pytestmark = [pytest.mark.django_db, pytest.mark.db, pytest.mark.usefixtures("machine")]


@pytest.fixture
def bells(monkeypatch):
    rung = []
    monkeypatch.setattr("serving.services.current_app.send_task", lambda name, args: rung.append((name, args)))
    return rung


@pytest.mark.parametrize("state", ServiceState.values)
def test_start_and_stop_in_every_state(developer, state):
    service = make_running(by=developer)
    Service.objects.update(state=state, desired="stopped" if state == "stopped" else "running")
    service.refresh_from_db()

    started = services.start(service, by=developer)
    Service.objects.update(state=state, desired="running")
    service.refresh_from_db()
    stopped = services.stop(service, by=developer)

    assert started == (state in {"stopped", "failed", "finished"})
    assert stopped == (state in {"running", "concerning"})


def test_stop_and_start_are_recorded_and_rung(developer, bells, django_capture_on_commit_callbacks):
    service = make_running(by=developer)

    with django_capture_on_commit_callbacks(execute=True):
        services.stop(service, by=developer)
        Service.objects.update(state=ServiceState.STOPPED)
        services.start(service, by=developer)

    service.refresh_from_db()
    audited = AuditEvent.objects.filter(code="startOrStopService").order_by("pk")
    assert [event.params["operation"] for event in audited] == ["stop", "start"]
    assert (service.state, service.desired, service.phase) == ("deploying", "running", "environment")
    assert service.deploying_since is not None
    assert bells == [("serving.reconcile", [service.pk])] * 2


def test_start_passes_the_gate_again(developer):
    service = make_running(by=developer)
    Service.objects.update(state=ServiceState.STOPPED, desired="stopped")
    ModelVersion.objects.update(status=Status.FAILED)

    with pytest.raises(ServiceRefused) as refused:
        services.start(service, by=developer)

    service.refresh_from_db()
    assert refused.value.code == "use.not_normal"
    assert service.state == "stopped"


def test_start_has_an_environment_built_whose_files_are_gone(developer):
    service = make_running(by=developer)
    Service.objects.update(state=ServiceState.STOPPED, desired="stopped")
    python_of(Environment.objects.get()).unlink()

    services.start(service, by=developer)

    assert VersionEnvironment.objects.get().making == "building"


def test_start_finds_the_machine_sold_out(developer, settings):
    service = make_running(by=developer)
    Service.objects.update(state=ServiceState.STOPPED, desired="stopped")
    settings.POOL_MEMORY_MIB = 3000
    make_running(make_deployable("other"), by=developer, name="two")

    with pytest.raises(ServiceRefused) as refused:
        services.start(service, by=developer)

    service.refresh_from_db()
    assert refused.value.code == "spec.sold_out"
    assert service.state == "stopped"


def test_delete_twice_is_one_deletion(developer):
    service = make_running(by=developer)

    assert services.delete(service, by=developer)
    assert not services.delete(service, by=developer)

    service.refresh_from_db()
    assert (service.desired, service.state) == ("deleted", "stopping")
    assert AuditEvent.objects.filter(code="deleteService").count() == 1


def test_nothing_is_done_to_a_service_that_is_being_deleted(developer):
    service = make_running(by=developer)
    services.delete(service, by=developer)

    assert not services.start(service, by=developer)
    assert not services.stop(service, by=developer)
    assert not services.set_auto_stop(service, 3600, by=developer)
    assert not services.edit_description(service, "New", by=developer)


def test_auto_stop_counts_from_now_while_it_runs(developer):
    service = make_running(by=developer, auto_stop_seconds=None)
    began = now()

    services.set_auto_stop(service, 7200, by=developer)

    service.refresh_from_db()
    assert 7200 <= (service.stops_at - began).total_seconds() < 7260
    assert service.events.first().message == "Automatic stop switched on: in 2 hours"
    assert AuditEvent.objects.get(code="updateService").params == {
        "name": service.name,
        "field": "auto_stop",
        "before": None,
        "after": 2.0,
    }


def test_auto_stop_switched_off(developer):
    service = make_running(by=developer)

    services.set_auto_stop(service, None, by=developer)

    service.refresh_from_db()
    assert (service.auto_stop_seconds, service.stops_at) == (None, None)
    assert service.events.first().code == "service.auto_stop_off"


def test_auto_stop_of_a_stopped_service_waits_for_its_start(developer):
    service = make_running(by=developer)
    Service.objects.update(state=ServiceState.STOPPED, desired="stopped", stops_at=None)

    services.set_auto_stop(service, 3600, by=developer)

    service.refresh_from_db()
    assert (service.auto_stop_seconds, service.stops_at) == (3600, None)


def test_description_is_changed_once(developer):
    service = make_service(by=developer)

    services.edit_description(service, "Reads digits.", by=developer)
    services.edit_description(service, "Reads digits.", by=developer)

    service.refresh_from_db()
    assert service.description == "Reads digits."
    assert AuditEvent.objects.filter(code="updateService").count() == 1


@pytest.mark.parametrize("command", [services.start, services.stop, services.delete])
def test_viewer_changes_nothing(viewer, developer, command):
    service = make_running(by=developer)

    with pytest.raises(NotAllowed):
        command(service, by=viewer)

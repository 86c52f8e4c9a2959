"""Deploying a version as a service, and why that is refused."""

import threading
import time

import pytest
from django.db import connection

from accounts.errors import NotAllowed
from accounts.models import AuditEvent
from registry.models import Status
from registry.services import VersionInUse, delete_version
from serving import rollout, services
from serving.errors import ServiceRefused
from serving.models import EnvironmentState, Service, ServiceRevision, ServiceState, VersionEnvironment
from serving.services import Deployment
from tests.factories import make_member, make_version, make_workspace
from tests.serving.deployed import SMALLEST, instances_of, make_deployable, make_running, make_service

pytestmark = [pytest.mark.django_db, pytest.mark.db, pytest.mark.usefixtures("machine")]


@pytest.fixture
def bells(monkeypatch):
    rung = []
    monkeypatch.setattr("serving.services.current_app.send_task", lambda name, args: rung.append((name, args)))
    return rung


def refusal(version, by, **values):
    values = {"name": "service-ab12", "specification": SMALLEST} | values
    with pytest.raises(ServiceRefused) as refused:
        services.deploy(version, Deployment(**values), by=by)
    return refused.value.code, refused.value.field


def test_deploy_makes_rows_an_audit_event_and_rings_after_commit(developer, bells, django_capture_on_commit_callbacks):
    version = make_deployable()
    wanted = Deployment(
        name="service-ab12",
        description="Reads digits.",
        specification="modelarts.vm.cpu.2u",
        auto_stop_seconds=None,
        instances=2,
        variables={"MODE": "fast"},
        timeout=30,
    )

    with django_capture_on_commit_callbacks(execute=True):
        service = services.deploy(version, wanted, by=developer)

    revision = service.revisions.get()
    assert (service.kind, service.state, service.desired) == ("real-time", "deploying", "running")
    assert (service.name, service.description, service.auto_stop_seconds) == ("service-ab12", "Reads digits.", None)
    assert (service.created_by, service.created_by_name) == (developer, "dev")
    assert (revision.version, revision.number, revision.instances, revision.timeout) == (version, 1, 2, 30)
    assert (revision.specification, revision.cpu, revision.memory) == ("modelarts.vm.cpu.2u", 2, 8192)
    assert (revision.variables, revision.route.weight) == ({"MODE": "fast"}, 100)
    assert list(service.events.values_list("code", "actor_name")) == [("service.deploy_started", "dev")]
    event = AuditEvent.objects.get(code="addService")
    assert event.params == {
        "name": "service-ab12",
        "model": "digits",
        "version": "0.0.1",
        "specification": "modelarts.vm.cpu.2u",
        "instances": 2,
    }
    assert bells == [("serving.reconcile", [service.pk])]


def test_deployment_sent_twice_is_one_service(developer):
    version = make_deployable()
    wanted = Deployment(name="service-ab12", specification=SMALLEST)

    first = services.deploy(version, wanted, by=developer)
    second = services.deploy(version, wanted, by=developer)

    assert first == second
    assert AuditEvent.objects.filter(code="addService").count() == 1


def at_once(monkeypatch, *deployments):
    """What each (version, wanted, by) made, or the code of its refusal, when all were checked before any was made."""
    found, make = [], services._make

    def slow_make(*given):
        time.sleep(0.3)
        return make(*given)

    def send(version, wanted, by):
        try:
            found.append(services.deploy(version, wanted, by=by).uuid)
        except ServiceRefused as refused:
            found.append(refused.code)
        finally:
            connection.close()

    monkeypatch.setattr("serving.services._make", slow_make)
    senders = [threading.Thread(target=send, args=each) for each in deployments]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return found


@pytest.mark.django_db(transaction=True)
def test_deployment_sent_twice_at_once_is_one_service(developer, monkeypatch):
    sent = make_deployable(), Deployment(name="service-ab12", specification=SMALLEST), developer

    found = at_once(monkeypatch, sent, sent)

    assert found == [Service.objects.get().uuid] * 2


@pytest.mark.django_db(transaction=True)
def test_two_workspaces_do_not_take_the_last_memory_both(developer, monkeypatch, settings):
    settings.POOL_MEMORY_MIB = 3000
    other = make_workspace("other")
    theirs = make_deployable("theirs", workspace=other), Deployment(name="b", specification=SMALLEST)

    found = at_once(
        monkeypatch,
        (make_deployable(), Deployment(name="a", specification=SMALLEST), developer),
        (*theirs, make_member("ann", workspace=other)),
    )

    assert sorted(map(str, found)) == sorted([str(Service.objects.get().uuid), "spec.sold_out"])


def test_viewer_deploys_nothing(viewer):
    with pytest.raises(NotAllowed):
        services.deploy(make_deployable(), Deployment(name="s", specification=SMALLEST), by=viewer)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"status": Status.FAILED}, "use.not_normal"),
        ({"deployment_types": "batch,edge"}, "use.type_not_allowed"),
        ({"engine": "MindSpore"}, "cannot_run.needs_ascend"),
        ({"engine": "Prophet"}, "cannot_run.unknown_engine"),
        ({"proof": "cannot_run_here", "proof_code": "cannot_run.needs_spark"}, "cannot_run.needs_spark"),
    ],
)
def test_version_that_cannot_be_deployed_is_refused_at_its_field(developer, values, code):
    assert refusal(make_deployable(**values), developer) == (code, "version")
    assert not Service.objects.exists()


@pytest.mark.parametrize("state", ["", EnvironmentState.FAILED])
def test_version_without_an_environment_is_deployed_once_it_is_built(developer, state):
    version = make_deployable(state=state) if state else make_version()

    service = make_service(version, by=developer)
    rollout.reconcile(service)
    service.refresh_from_db()

    record = VersionEnvironment.objects.get()
    assert (record.making, service.state, service.phase) == ("building", "deploying", "environment")
    assert [event.code for event in version.events.all()] == ["environment.requested"]
    assert not instances_of(service).exists()


def test_version_that_is_gone_is_refused(developer):
    version = make_deployable()
    delete_version(type(version).objects.get(), by=developer)

    assert refusal(version, developer) == ("service.version_gone", "version")


def test_policy_of_the_workspace_is_asked(developer):
    workspace = make_workspace()
    workspace.approval_to_deploy = True
    workspace.save(update_fields=["approval_to_deploy"])
    version = make_deployable()

    assert refusal(version, developer) == ("use.not_approved", "version")

    type(version).objects.update(review="approved")
    assert services.deploy(version, Deployment(name="s", specification=SMALLEST), by=developer).pk


def test_name_that_is_taken_is_refused_at_its_field(developer):
    make_service(by=developer, name="service-ab12")

    assert refusal(make_deployable("other"), developer) == ("service.name_taken", "name")


def test_same_name_in_another_workspace_is_free(developer):
    elsewhere = make_workspace("elsewhere")
    stranger = make_member("stranger", "admin", elsewhere)
    make_service(make_deployable("theirs", workspace=elsewhere), by=stranger, name="service-ab12")

    assert make_service(by=developer, name="service-ab12").name == "service-ab12"


def test_quota_counts_stopped_services_of_this_person_alone(developer, settings):
    settings.SERVICE_QUOTA = 1
    service = make_running(by=developer)
    Service.objects.update(state=ServiceState.STOPPED, desired="stopped")

    assert refusal(make_deployable("other"), developer, name="two") == ("service.quota", "")
    assert make_service(make_deployable("third"), by=make_member("bob"), name="three").pk

    services.delete(service, by=developer)
    assert make_service(make_deployable("fourth"), by=developer, name="four").pk


def test_specification_larger_than_the_machine_is_refused(developer, settings):
    settings.POOL_CORES = 1

    assert refusal(make_deployable(), developer, specification="modelarts.vm.cpu.2u") == (
        "spec.too_large",
        "specification",
    )


def test_memory_promised_to_others_is_sold_out_and_free_again_after_a_stop(developer, settings):
    settings.POOL_MEMORY_MIB = 3000
    first = make_running(by=developer)
    version = make_deployable("other")

    assert refusal(version, developer, name="two") == ("spec.sold_out", "specification")

    services.stop(first, by=developer)
    assert refusal(version, developer, name="two") == ("spec.sold_out", "specification")

    Service.objects.filter(pk=first.pk).update(state=ServiceState.STOPPED)
    assert make_service(version, by=developer, name="two").pk


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ({"specification": "modelarts.vm.gpu.p4"}, ("service.specification_unknown", "specification")),
        ({"instances": 6}, ("service.too_many_instances", "instances")),
        ({"instances": 0}, ("service.too_many_instances", "instances")),
    ],
)
def test_size_outside_the_rules_is_refused(developer, values, answer):
    assert refusal(make_deployable(), developer, **values) == answer


@pytest.mark.parametrize(
    ("code", "number"),
    [
        ("use.not_normal", "ModelArts.3515"),
        ("use.type_not_allowed", "ModelArts.3589"),
        ("service.quota", "ModelArts.3520"),
        ("service.name_taken", "ModelArts.3503"),
        ("spec.sold_out", ""),
    ],
)
def test_refusal_carries_the_documented_code(code, number):
    assert ServiceRefused(code).api_code == number


def test_refusal_says_it_in_words():
    refused = ServiceRefused("service.name_taken", name="shop")

    assert refused.message == ("A service named shop exists in this workspace. Choose another name. (ModelArts.3503)")


def test_version_in_use_names_each_service_once(developer):
    version = make_deployable()
    first = make_service(version, by=developer, name="one")
    second = make_service(version, by=developer, name="two")
    ServiceRevision.objects.create(
        service=first, version=version, number=2, specification=SMALLEST, cpu=1, memory=2048, created_by_name="dev"
    )

    with pytest.raises(VersionInUse) as used:
        delete_version(version, by=developer)

    assert used.value.users == (first, second)

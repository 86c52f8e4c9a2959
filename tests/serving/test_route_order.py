"""Nobody reads that a service runs before the gateway answers for it: the order in which both are told."""

import json
import time
import uuid

import pytest
from django.db import OperationalError, transaction

from registry.config import Api, ModelConfig
from serving import rollout, snapshots
from serving import supervisor_ledger as ledger
from serving import transitions_instances as transitions
from serving.models import InstanceState, ServiceState
from serving.routing import decode
from serving.snapshots import path_of_snapshot, write_snapshot
from tests.accounts.people import make_token
from tests.factories import make_member, make_version
from tests.serving.backends import OK, answers, backend
from tests.serving.gateway import SECRET, gateway, wait_for
from tests.serving.rows import make_instance, make_service

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(autouse=True)
def _own_data(settings, tmp_path):
    settings.DATA = tmp_path


@pytest.fixture
def starting():
    """A service that deploys, and its instance that is about to be ready."""

    def made(number=1):
        service = make_service(f"s{number}", version=make_version(number=(0, 0, number)), state=ServiceState.DEPLOYING)
        return service, make_instance(service.revision, "", state=InstanceState.STARTING)

    return made


def sockets_of(service):
    routes = decode(path_of_snapshot().read_bytes())[1].services[str(service.uuid)]
    return [socket for revision in routes.revisions for socket in revision.sockets]


def observe_ready(instance, socket):
    ledger.write({instance.pk: {"state": InstanceState.READY, "socket": str(socket)}})


def test_first_call_after_a_service_is_seen_to_run_is_answered(tmp_path, starting):
    make_token(make_member("caller"), "developer", secret=SECRET)
    with backend(answers(OK)) as model, gateway(tmp_path) as door:
        statuses = []
        for number in range(1, 31):
            service, instance = starting(number)
            observe_ready(instance, model.path)
            rollout.reconcile(service)
            service.refresh_from_db()
            state = service.state
            statuses.append((state, door.ask(f"/infer/{service.uuid}", body=b"{}").status))

    assert statuses == [(ServiceState.RUNNING, 200)] * 30


def test_service_and_token_that_were_unknown_a_moment_ago_are_answered(tmp_path, starting):
    service, instance = starting()
    write_snapshot()
    with backend(answers(OK)) as model, gateway(tmp_path) as door:
        wait_for(lambda: door.health().status == 200)
        unknown = door.ask(f"/infer/{service.uuid}", body=b"{}").status
        make_token(make_member("caller"), "developer", secret=SECRET)
        observe_ready(instance, model.path)
        found = door.ask(f"/infer/{service.uuid}", body=b"{}").status

    assert (unknown, found) == (401, 200)


def test_flood_of_unknown_services_does_not_hold_up_the_others(tmp_path, starting):
    make_token(make_member("caller"), "developer", secret=SECRET)
    service, instance = starting()
    with backend(answers(OK)) as model, gateway(tmp_path) as door:
        observe_ready(instance, model.path)
        wait_for(lambda: door.health().value["services"] == 1)
        serial = door.health().value["snapshot"]
        refused = {door.ask(f"/infer/{uuid.uuid4()}", body=b"{}").status for _ in range(200)}
        began = time.monotonic()
        status = door.ask(f"/infer/{service.uuid}", body=b"{}").status

        assert (refused, status, door.health().value["snapshot"]) == ({404}, 200, serial)
        assert time.monotonic() - began < 5


def test_method_that_the_package_does_not_declare_for_a_path_is_refused(tmp_path):
    make_token(make_member("caller"), "developer", secret=SECRET)
    config = ModelConfig(apis=(Api(), Api(url="/both"), Api(url="/both", method="PUT"))).as_dict()
    service = make_service(version=make_version(config=config))
    with backend(answers(OK)) as model, gateway(tmp_path) as door:
        make_instance(service.revision, model.path)
        write_snapshot()
        wait_for(lambda: door.health().value["services"] == 1)
        calls = [("POST", ""), ("POST", "/"), ("GET", "/"), ("GET", "/both"), ("PUT", "/both"), ("GET", "/other")]
        found = [door.ask(f"/infer/{service.uuid}{path}", method) for method, path in calls]

    assert [answer.status for answer in found] == [200, 200, 405, 405, 200, 200]
    assert [answer.headers["Allow"] for answer in found] == [None, None, "POST", "POST, PUT", None, None]
    assert found[2].value["error_msg"] == "The model declares this path for POST alone."


def test_routes_are_written_before_the_new_state_can_be_read(starting, monkeypatch):
    service, instance = starting()
    seen = []
    monkeypatch.setattr(
        ledger, "write_snapshot", lambda: seen.append((write_snapshot(), transaction.get_connection().in_atomic_block))
    )

    observe_ready(instance, "/one")

    assert seen == [(None, True)]
    assert sockets_of(service) == ["/one"]


def test_what_is_measured_writes_no_routes(starting, monkeypatch):
    _service, instance = starting()
    monkeypatch.setattr(ledger, "write_snapshot", lambda: pytest.fail("written"))

    ledger.write({instance.pk: {"memory": 5}})

    instance.refresh_from_db()
    assert instance.memory == 5


def test_disk_that_takes_no_routes_hides_no_state(starting, monkeypatch):
    service, instance = starting()

    def full(path, data):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(snapshots, "_replace", full)
        observe_ready(instance, "/one")
    instance.refresh_from_db()
    write_snapshot()

    assert instance.state == InstanceState.READY
    assert sockets_of(service) == ["/one"]


def test_state_that_could_not_be_written_leaves_a_route_that_the_next_round_takes_back(starting, monkeypatch):
    service, instance = starting()

    def away():
        write_snapshot()
        raise OperationalError("gone")

    monkeypatch.setattr(ledger, "write_snapshot", away)
    with pytest.raises(OperationalError), transaction.atomic():
        observe_ready(instance, "/one")
    write_snapshot()

    assert sockets_of(service) == []
    assert json.loads(path_of_snapshot().read_bytes().partition(b"\n")[2])["services"][str(service.uuid)][1] == []


def test_instance_that_ends_loses_its_route_at_once(starting):
    service, instance = starting()
    observe_ready(instance, "/one")

    ledger.write({instance.pk: {"state": InstanceState.RESTARTING} | transitions.NOT_RUNNING})

    assert sockets_of(service) == []

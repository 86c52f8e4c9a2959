import os
import random
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils.timezone import now

from accounts.models import ApiToken, Membership
from registry.config import Api, ModelConfig
from registry.models import DeploymentType
from serving.models import Desired, Instance, InstanceState, Purpose, ServiceState, Wanted
from serving.queries_routes import routes_of
from serving.routing import (
    BrokenSnapshot,
    RevisionRoute,
    Routes,
    ServiceRoute,
    TokenRoute,
    decode,
    document_of,
    encode,
)
from serving.snapshots import age, path_of_snapshot, snapshot_state, write_snapshot
from tests.accounts.people import make_token
from tests.factories import make_member, make_user, make_version, make_workspace
from tests.serving.rows import add_revision, make_instance, make_service

pytestmark = [pytest.mark.django_db, pytest.mark.db]
ROUTE = RevisionRoute("v", 100, ("/a", "/b"), (("/", ("POST",)),))
ROUTES = Routes({"s": ServiceRoute(1, (ROUTE,))}, {"d": TokenRoute(1, 9.5)})


@pytest.fixture(autouse=True)
def _no_snapshot():
    for path in path_of_snapshot().parent.glob("routes*"):
        path.unlink()


def present():
    return decode(path_of_snapshot().read_bytes())


def test_snapshot_is_read_as_it_was_written():
    assert decode(encode(document_of(ROUTES), 7)) == (7, ROUTES)


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"modelport-routes 2 7",
        encode(document_of(ROUTES), 7)[:-1],
        encode(document_of(ROUTES), 7) + b" ",
        encode(document_of(ROUTES), 7).replace(b"routes 2 7", b"routes 1 7"),
        encode(b"[]", 7),
        encode(b'{"services": {"s": 1}, "tokens": {}}', 7),
        random.Random(7).randbytes(100),
    ],
)
def test_broken_snapshot_is_refused(broken):
    with pytest.raises(BrokenSnapshot):
        decode(broken)


def test_running_service_is_routed_to_its_ready_instances(settings):
    service = make_service()
    second = add_revision(service, make_version(number=(0, 0, 2)), weight=20)
    make_instance(service.revision, "/one")
    make_instance(service.revision, "/two")
    make_instance(second, "/three")
    make_instance(second, "/elsewhere", host="another")
    make_instance(second, "/slow", state=InstanceState.STARTING)
    make_instance(second, "/ending", wanted=Wanted.STOPPED)
    make_instance(second, "/proof", purpose=Purpose.PROOF)

    found = routes_of(settings.HOST_NAME).services

    first = RevisionRoute(str(service.revision.version.uuid), 100, ("/one", "/two"))
    other = RevisionRoute(str(second.version.uuid), 20, ("/three",))
    assert found == {str(service.uuid): ServiceRoute(service.workspace_id, (first, other))}


def test_service_that_deploys_has_routes_once_an_instance_is_ready(settings):
    service = make_service(state=ServiceState.DEPLOYING)
    instance = make_instance(service.revision, "/one", state=InstanceState.STARTING)

    before = routes_of(settings.HOST_NAME).services[str(service.uuid)]
    Instance.objects.filter(pk=instance.pk).update(state=InstanceState.READY)
    after = routes_of(settings.HOST_NAME).services[str(service.uuid)]

    assert before.revisions == ()
    assert after.revisions == (RevisionRoute(str(service.revision.version.uuid), 100, ("/one",)),)


RESTING = set(ServiceState) - {ServiceState.RUNNING, ServiceState.CONCERNING, ServiceState.DEPLOYING}


@pytest.mark.parametrize("state", sorted(RESTING))
def test_service_that_does_not_run_is_known_without_revisions(settings, state):
    service = make_service(state=state)
    make_instance(service.revision)

    found = routes_of(settings.HOST_NAME).services

    assert found == {str(service.uuid): ServiceRoute(service.workspace_id, ())}


def test_methods_are_those_that_the_package_declares(settings):
    unaskable = (Api(url="/ü"), Api(method="GET\r\nX: 1"))
    apis = (Api(), Api(url="ask", method="post"), Api(url="/ask", method="PUT"), *unaskable)
    service = make_service(version=make_version(config=ModelConfig(apis=apis).as_dict()))

    [route] = routes_of(settings.HOST_NAME).services[str(service.uuid)].revisions

    assert route.methods == (("/", ("POST",)), ("/ask", ("POST", "PUT")))


def test_deleted_and_batch_services_are_not_known(settings):
    deleted = make_service(state=ServiceState.STOPPING)
    deleted.desired = Desired.DELETED
    deleted.save(update_fields=["desired"])
    batch = make_service("batch", version=make_version(number=(0, 0, 2)))
    batch.kind = DeploymentType.BATCH
    batch.save(update_fields=["kind"])

    assert routes_of(settings.HOST_NAME).services == {}


def test_tokens_are_those_with_which_the_workspace_may_be_seen(settings):
    viewer, boss = make_member("viewer", "viewer"), make_user("boss", is_superuser=True)
    end = now() + timedelta(days=1)
    kept = [
        make_token(viewer, "viewer", secret="mp_1", expires_at=end),
        make_token(boss, "viewer", make_workspace(), secret="mp_2"),
    ]
    revoked = make_token(viewer, "viewer", secret="mp_3")
    ApiToken.objects.filter(pk=revoked.pk).update(revoked_at=now())
    left, off = make_member("left", "admin"), make_member("off", "admin")
    make_token(left, "admin", secret="mp_4")
    Membership.objects.filter(user=left).delete()
    make_token(off, "admin", secret="mp_5")
    off.is_active = False
    off.save(update_fields=["is_active"])

    found = routes_of(settings.HOST_NAME).tokens

    workspace = make_workspace().pk
    assert found == {
        kept[0].digest: TokenRoute(workspace, end.timestamp()),
        kept[1].digest: TokenRoute(workspace, None),
    }


@pytest.mark.parametrize("count", [1, 3])
def test_number_of_queries_is_constant(settings, django_assert_num_queries, count):
    for number in range(count):
        service = make_service(f"s{number}", version=make_version(number=(0, 0, number)))
        make_instance(service.revision)
        make_token(make_member(f"m{number}"), "developer", secret=f"mp_{number}")

    with django_assert_num_queries(5):
        routes_of(settings.HOST_NAME)
    with django_assert_num_queries(4):
        routes_of(settings.HOST_NAME)


def test_snapshot_is_replaced_only_when_something_has_changed():
    write_snapshot()
    before = path_of_snapshot().stat()
    write_snapshot()
    same = path_of_snapshot().stat()
    make_service()

    write_snapshot()

    after = path_of_snapshot().stat()
    assert (same.st_ino, same.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert after.st_ino != before.st_ino
    assert present()[0] == 2
    assert (after.st_mode & 0o777, [path.name for path in path_of_snapshot().parent.glob("*.new")]) == (0o600, [])


def test_broken_file_is_replaced_by_one_with_a_later_number():
    write_snapshot()
    path_of_snapshot().write_bytes(b"modelport-routes 1")

    write_snapshot()

    assert present()[0] > time.time() - 60


def test_age_is_that_of_the_last_answer_of_the_database():
    before = age()
    write_snapshot()
    fresh = snapshot_state()
    note = path_of_snapshot().with_suffix(".checked")
    os.utime(note, (time.time() - 90, time.time() - 90))

    old = snapshot_state()

    assert before is None
    assert (fresh.missing, fresh.stale) == (False, False)
    assert (old.stale, 90 <= old.seconds <= 92) == (True, True)


def test_without_the_database_the_file_stays(monkeypatch):
    make_service()
    write_snapshot()
    before = path_of_snapshot().read_bytes()

    def gone(*args, **named):
        raise connection.Database.OperationalError("gone")

    with connection.execute_wrapper(gone), pytest.raises(Exception, match="gone"):
        write_snapshot()

    assert path_of_snapshot().read_bytes() == before

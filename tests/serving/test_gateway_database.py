"""The gateway with the database behind it, as the supervisor joins them."""

import json
import threading
import time

import pytest
from django.conf import settings
from django.db import connections

from accounts.models import Membership
from accounts.services_tokens import revoke_token
from serving import calls
from serving.models import CallMinute
from serving.snapshots import write_snapshot
from tests.accounts.people import SECRET, make_token
from tests.factories import make_member
from tests.inference.serving import package_with, serving
from tests.serving.gateway import gateway, wait_for
from tests.serving.rows import make_instance, make_service

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    with serving(package_with(tmp_path_factory.mktemp("model"))) as running:
        yield running


@pytest.fixture
def door():
    """A gateway on the data folder of this test, and what the supervisor does for it."""
    stop = threading.Event()

    def supervise():
        while not stop.wait(0.5):
            write_snapshot()
            calls.ingest()
        connections.close_all()

    with gateway(settings.DATA) as running:
        thread = threading.Thread(target=supervise)
        thread.start()
        yield running
        stop.set()
        thread.join()


def ask(door, service):
    body = json.dumps({"a": 1}).encode()
    return door.ask(f"/infer/{service.uuid}", body=body, token=SECRET, Content_Type="application/json")


def refused_after(door, service):
    """How many seconds it takes until the token opens the service no more."""
    begun = time.monotonic()
    found = wait_for(lambda: (answer := ask(door, service)).status != 200 and answer, 10)
    return found.status, time.monotonic() - begun


def test_call_is_answered_and_counted(door, model):
    token = make_token(make_member("dev"), "viewer")
    service = make_service()
    make_instance(service.revision, model.path)

    wait_for(lambda: ask(door, service).status == 200)

    wait_for(lambda: CallMinute.objects.exists())
    wait_for(lambda: type(token).objects.get().last_used_at)
    service.refresh_from_db()
    assert (service.calls, service.failures) == (CallMinute.objects.get().calls, 0)


def test_revoked_token_is_refused_within_a_second(door, model):
    user = make_member("dev")
    token = make_token(user, "viewer")
    service = make_service()
    make_instance(service.revision, model.path)
    wait_for(lambda: ask(door, service).status == 200)

    revoke_token(token, by=user)
    status, seconds = refused_after(door, service)

    assert (status, seconds < 1) == (401, True), seconds


def test_token_of_somebody_who_has_left_is_refused(door, model):
    user = make_member("dev")
    make_token(user, "viewer")
    service = make_service()
    make_instance(service.revision, model.path)
    wait_for(lambda: ask(door, service).status == 200)

    Membership.objects.filter(user=user).delete()

    assert refused_after(door, service)[0] == 401

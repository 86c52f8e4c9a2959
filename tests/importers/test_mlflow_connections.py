"""Connections to tracking servers: who reads one when, and what is kept of them."""

import json
from datetime import timedelta

import pytest
from django.utils.timezone import now

from accounts.models import AuditEvent
from accounts.secrets import unseal
from importers.mlflow_http import Place
from importers.models import MLflowConnection, TrainingRun
from importers.queries_mlflow import due_connections
from importers.services_mlflow import (
    Wanted,
    add_connection,
    ask_for_sync,
    edit_connection,
    remove_connection,
    with_saved_credentials,
)
from importers.tasks import sweep_mlflow, sync_mlflow
from importers.transitions_mlflow import claim, finish, renew
from stores.errors import SourceRefused
from tests.factories import make_member, make_workspace
from tests.importers.tracking import a_model, a_run, connect, place_in, server, synchronise

pytestmark = pytest.mark.django_db


def test_a_server_that_is_down_leaves_what_was_found(settings):
    with server([a_run()], [a_model(uri=place_in(settings))]) as mlflow:
        address = mlflow.endpoint
        synchronise(address)

    connection = synchronise(address)

    assert (connection.last_code, connection.lease_until) == ("mlflow.unreachable", None)
    assert TrainingRun.objects.count() == 1


def test_a_bug_is_loud_and_lets_go_of_the_connection(monkeypatch):
    connection = connect("http://127.0.0.1:1")
    monkeypatch.setattr("importers.services_mlflow_sync.Client", lambda place: 1 / 0)

    sync_mlflow(connection.pk)
    connection.refresh_from_db()

    assert (connection.last_code, connection.lease_until) == ("import.bug", None)


def test_a_task_for_a_connection_that_is_gone_does_nothing():
    sync_mlflow(4711)

    assert MLflowConnection.objects.count() == 0


def test_one_worker_reads_at_a_time():
    connection = connect("http://127.0.0.1:1")
    other = MLflowConnection.objects.get()

    assert (claim(connection), claim(other)) == (True, False)
    assert renew(connection)
    MLflowConnection.objects.update(lease_until=now() - timedelta(seconds=1))
    assert claim(other)
    assert (renew(connection), finish(connection, "", {})) == (False, False)
    assert finish(other, "", {}, runs_new=3)
    assert MLflowConnection.objects.get().runs_new == 3


def test_what_is_asked_for_or_late_is_due(settings):
    settings.MLFLOW_SYNC_SECONDS = 600
    connection = connect("http://127.0.0.1:1")
    assert list(due_connections()) == [connection]

    MLflowConnection.objects.update(last_sync_at=now())
    assert list(due_connections()) == []

    MLflowConnection.objects.update(last_sync_at=now() - timedelta(seconds=700))
    assert list(due_connections()) == [connection]

    settings.MLFLOW_SYNC_SECONDS = 0
    MLflowConnection.objects.update(asked_at=now() - timedelta(seconds=800))
    assert list(due_connections()) == []

    ask_for_sync(connection, by=make_member("ann"))
    assert list(due_connections()) == [connection]


def test_the_sweep_rings_for_each_due_connection(monkeypatch):
    rung = []
    monkeypatch.setattr(
        "importers.services_mlflow.current_app.send_task", lambda name, args, **_options: rung.append((name, args))
    )
    connection = connect("http://127.0.0.1:1")

    sweep_mlflow()
    sweep_mlflow()

    assert rung == [("importers.sync_mlflow", [connection.pk])] * 2


def test_secrets_are_sealed_and_what_was_done_is_recorded():
    by = make_member("chief", "admin")
    place = Place("http://a", "ann", "hush")

    connection = add_connection(make_workspace(), Wanted("research", place), by=by)
    edit_connection(connection, Wanted("renamed", place, ("x",)), by=by)
    ask_for_sync(connection, by=by)
    remove_connection(connection, by=by)

    assert "hush" not in connection.credentials
    assert unseal(connection.credentials) == {"password": "hush"}
    events = AuditEvent.objects.filter(code__startswith="mlflow.").order_by("id")
    assert [event.code for event in events] == [
        "mlflow.connected",
        "mlflow.edited",
        "mlflow.sync_asked",
        "mlflow.removed",
    ]
    assert events[1].params["changed"] == ["name", "experiments"]
    assert "hush" not in json.dumps([event.params for event in events])


def test_saved_secrets_go_only_where_they_were_given_for():
    connection = add_connection(
        make_workspace(), Wanted("research", Place("http://a", "ann", "hush")), by=make_member("chief", "admin")
    )

    assert with_saved_credentials(connection, Place("http://A/", "ann")).password == "hush"
    for place in (
        Place("http://b", "ann"),
        Place("https://a", "ann"),
        Place("http://a", "bob"),
        Place("http://a:81", "ann"),
    ):
        with pytest.raises(SourceRefused, match=r"credentials_needed"):
            with_saved_credentials(connection, place)


def test_a_name_is_taken_once():
    connect("http://a")

    with pytest.raises(SourceRefused, match=r"name_taken"):
        add_connection(make_workspace(), Wanted("research", Place("http://b")), by=make_member("x", "admin"))


def test_bells_that_waited_read_the_server_once(settings):
    with server([], []) as mlflow:
        connection = connect(mlflow.endpoint)
        for _bell in range(5):
            sync_mlflow(connection.pk)
        once = len(mlflow.asked)
        ask_for_sync(connection, by=connection.created_by)
        sync_mlflow(connection.pk)

    assert (once, len(mlflow.asked)) == (2, 4)


def test_a_bell_that_nobody_hears_is_dropped(monkeypatch):
    expiries = []
    monkeypatch.setattr(
        "importers.services_mlflow.current_app.send_task", lambda name, args, *, expires: expiries.append(expires)
    )
    connect("http://127.0.0.1:1")

    sweep_mlflow()

    assert expiries == [3600]

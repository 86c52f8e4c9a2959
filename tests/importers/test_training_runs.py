"""Registering runs: once by job and external ID, later only forwards."""

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from accounts.models import AuditEvent
from importers import services_training
from importers.errors import RunConflict
from importers.models import AlgorithmKind, RunSource, RunStatus, TrainingJob, TrainingRun
from importers.services_training import Registered, delete_job, record_run, register_run
from importers.values_training import RunValues
from tests.factories import make_member, make_workspace

pytestmark = [pytest.mark.django_db, pytest.mark.db]

DONE = RunValues(
    job="digits",
    external_id="run-1",
    status="successful",
    kind="framework",
    engine="Scikit_Learn",
    output_path="/packages/digits/V0001/",
    metrics={"accuracy": 0.97},
    parameters={"depth": 3},
)


def register(body, by=None):
    return record_run(make_workspace(), body, by=by, source=RunSource.API)


def problems(body):
    with pytest.raises(ValidationError) as refused:
        register(body)
    return refused.value.message_dict


def conflict(body):
    with pytest.raises(RunConflict) as refused:
        register(body)
    return refused.value.code, refused.value.field


def test_run_is_registered_under_a_new_job():
    ann = make_member("ann")

    run = register_run(make_workspace(), DONE, by=ann, source=RunSource.API)

    assert (run.label, run.status, run.metrics, run.parameters) == (
        "V0001",
        "successful",
        {"accuracy": 0.97},
        {"depth": 3},
    )
    job = TrainingJob.objects.get()
    assert (job.name, job.run_count, job.latest_status, job.latest_engine) == (
        "digits",
        1,
        "successful",
        "Scikit_Learn",
    )
    assert (job.created_by_name, run.created_by_name) == ("ann", "ann")
    audit = AuditEvent.objects.get(code="training.registered")
    assert audit.params == {"name": "digits", "version": "V0001", "status": "successful"}


def test_runs_of_a_job_are_numbered_in_the_order_they_come():
    register(DONE)

    second, _ = register(replace(DONE, external_id="run-2", status="failed", output_path=""))

    assert second.label == "V0002"
    assert TrainingJob.objects.get().latest_status == RunStatus.FAILED


def test_same_body_again_changes_nothing():
    register(DONE)
    events = AuditEvent.objects.count()

    run, outcome = register(DONE)

    assert (run.label, outcome, TrainingRun.objects.count()) == ("V0001", Registered.UNCHANGED, 1)
    assert AuditEvent.objects.count() == events


def test_later_body_advances_the_status_and_adds_what_was_not_said():
    began = datetime(2026, 1, 1, tzinfo=UTC)
    register(RunValues(job="digits", external_id="run-1", status="running", started_at=began))

    run, outcome = register(replace(DONE, started_at=began))

    run.refresh_from_db()
    assert (outcome, run.status, run.output_path) == (Registered.ADVANCED, "successful", "/packages/digits/V0001/")
    assert run.metrics == {"accuracy": 0.97}
    assert TrainingJob.objects.get().latest_status == "successful"


def test_body_that_says_less_is_no_contradiction():
    register(DONE)

    assert register(RunValues(job="digits", external_id="run-1"))[1] == Registered.UNCHANGED


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"status": "running"}, ("training.status_back", "status")),
        ({"status": "failed"}, ("training.status_back", "status")),
        ({"metrics": {"accuracy": 0.5}}, ("training.contradicts", "metrics")),
        ({"engine": "XGBoost"}, ("training.contradicts", "engine")),
        ({"output_path": "/packages/other/"}, ("training.contradicts", "output_path")),
        ({"kind": "", "deployed": True}, ("training.deployed_not_exeml", "deployed")),
    ],
)
def test_anything_else_is_a_conflict(change, answer):
    register(DONE)

    assert conflict(replace(DONE, **change)) == answer


def test_what_was_never_said_may_be_said_of_a_run_that_ended():
    register(replace(DONE, output_path="", metrics={}))

    run, outcome = register(replace(DONE, external_url="https://runs.example/1"))

    run.refresh_from_db()
    assert (outcome, run.output_path, run.metrics) == (Registered.ADVANCED, DONE.output_path, {"accuracy": 0.97})
    assert run.external_url == "https://runs.example/1"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "", "project": "flowers"}, "project"),
        ({"finished_at": datetime(2025, 1, 1, tzinfo=UTC)}, "finished_at"),
    ],
)
def test_what_is_added_agrees_with_what_was_said(change, field):
    register(replace(DONE, started_at=datetime(2026, 1, 1, tzinfo=UTC)))

    assert list(problems(replace(DONE, **change))) == [field]


def test_jobs_of_two_workspaces_may_have_one_name():
    register(DONE)
    other = make_workspace("other")

    run = register_run(other, DONE, by=None, source=RunSource.API)

    assert (run.label, TrainingJob.objects.count()) == ("V0001", 2)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"job": ""}, "job"),
        ({"job": " digits"}, "job"),
        ({"job": "x" * 129}, "job"),
        ({"external_id": ""}, "external_id"),
        ({"status": ""}, "status"),
        ({"status": "done"}, "status"),
        ({"kind": "magic"}, "kind"),
        ({"kind": "built-in"}, "algorithm"),
        ({"kind": "exeml"}, "project"),
        ({"project": "flowers"}, "project"),
        ({"output_path": "C:\\models"}, "output_path"),
        ({"output_path": "/packages/a b/"}, "output_path"),
        ({"deployed": True}, "deployed"),
        ({"metrics": {"accuracy": float("nan")}}, "metrics"),
        ({"metrics": {"accuracy": True}}, "metrics"),
        ({"metrics": {str(i): 1.0 for i in range(201)}}, "metrics"),
        ({"parameters": {"seed": "x" * 2001}}, "parameters"),
        (
            {"started_at": datetime(2026, 1, 2, tzinfo=UTC), "finished_at": datetime(2026, 1, 1, tzinfo=UTC)},
            "finished_at",
        ),
    ],
)
def test_value_against_the_rules_is_refused_where_it_stands(change, field):
    assert list(problems(replace(DONE, **change))) == [field]
    assert TrainingJob.objects.count() == 0


def test_run_without_a_kind_is_one_of_a_common_framework():
    run, _ = register(replace(DONE, kind=""))

    assert run.kind == AlgorithmKind.FRAMEWORK


def test_value_no_database_keeps_is_replaced_and_said_again_without_a_contradiction():
    said = replace(DONE, parameters={"note": "a\0b"})

    run, _ = register(said)

    assert (run.parameters, register(said)[1]) == ({"note": "a\ufffdb"}, Registered.UNCHANGED)


@pytest.mark.django_db(transaction=True)
def test_job_is_deleted_with_the_run_that_comes_to_it_meanwhile(monkeypatch):
    ann, job = make_member("ann"), register(DONE)[0].job
    recorded, outcomes = threading.Event(), []

    def delete():
        recorded.wait()
        try:
            outcomes.append(delete_job(job, by=ann))
        finally:
            connection.close()

    def audit_slowly(*args, **kwargs):
        recorded.set()
        monkeypatch.undo()
        deleter.join(timeout=0.5)

    deleter = threading.Thread(target=delete)
    deleter.start()
    monkeypatch.setattr(services_training, "record_audit", audit_slowly)
    register(replace(DONE, external_id="run-2"))
    deleter.join()

    assert (outcomes, TrainingJob.objects.count(), TrainingRun.objects.count()) == ([None], 0, 0)

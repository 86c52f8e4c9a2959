"""What was deleted here stays away, and what was deleted there is marked."""

import pytest

from importers.models import MLflowConnection, TrainingJob, TrainingRun
from importers.queries_mlflow import Known
from importers.queries_training import importable_runs
from importers.request import ImportRequest
from importers.services import preview_source, submit_import
from importers.services_mlflow import remove_connection
from importers.services_training import delete_job, delete_run
from registry.versions import FIRST
from tests.factories import make_workspace
from tests.importers.jobs import run
from tests.importers.tracking import GOOD_MODEL, a_model, a_run, place_in, reasons, said, server, synchronise
from tests.stores.answers import answering

pytestmark = pytest.mark.django_db


def test_jobs_stay_when_their_connection_is_removed(settings):
    with server([a_run()], [a_model(uri=place_in(settings))]) as mlflow:
        connection = synchronise(mlflow.endpoint)
        remove_connection(connection, by=connection.created_by)
        back = synchronise(mlflow.endpoint)

    job = TrainingJob.objects.get()
    assert (job.run_count, job.connection, back.runs_new) == (1, None, 0)


@pytest.mark.parametrize("delete", [lambda run, by: delete_run(run, by=by), lambda run, by: delete_job(run.job, by=by)])
def test_what_somebody_deleted_here_stays_away(settings, delete):
    with server([a_run()], [a_model(uri=place_in(settings))]) as mlflow:
        connection = synchronise(mlflow.endpoint)
        delete(TrainingRun.objects.get(), connection.created_by)
        again = synchronise(mlflow.endpoint)
        remove_connection(connection, by=connection.created_by)
        anew = synchronise(mlflow.endpoint)

    assert [(each.runs_new, reasons(each)) for each in (again, anew)] == [(0, [("mlflow.skip_forgotten", 1)])] * 2
    assert TrainingRun.objects.count() == 0


def test_what_is_deleted_in_the_moment_of_a_synchronisation_stays_away(settings, monkeypatch):
    """The list of what is known was made before somebody deleted the run."""
    with server([a_run()], [a_model(uri=place_in(settings))]) as mlflow:
        connection = synchronise(mlflow.endpoint)
        delete_job(TrainingJob.objects.get(), by=connection.created_by)
        monkeypatch.setattr("importers.services_mlflow_sync.known_runs", lambda *_said: Known())
        again = synchronise(mlflow.endpoint)

    assert (again.last_code, again.runs_new, TrainingJob.objects.count()) == ("", 0, 0)


def test_another_run_of_the_same_job_still_comes(settings):
    uri = place_in(settings)
    models = [a_model("r1", uri, "m1"), a_model("r2", uri, "m2")]
    with server([a_run(1)], models) as mlflow:
        connection = synchronise(mlflow.endpoint)
        delete_run(TrainingRun.objects.get(), by=connection.created_by)
        MLflowConnection.objects.update(address=mlflow.endpoint)
    with server([a_run(2), a_run(1)], models) as mlflow:
        MLflowConnection.objects.update(address=mlflow.endpoint)
        synchronise(mlflow.endpoint)

    assert list(TrainingRun.objects.values_list("external_id", "number")) == [("r2/m2", 2)]


@pytest.fixture
def watched(settings):
    """A server whose one run may be changed between two synchronisations."""
    runs = [a_run()]
    with server(runs, [a_model(uri=place_in(settings, files=GOOD_MODEL))]) as mlflow:
        synchronise(mlflow.endpoint)
        yield runs, lambda: synchronise(mlflow.endpoint)


@pytest.mark.parametrize("left", [[a_run(info={"lifecycle_stage": "deleted"})], []])
def test_a_run_that_is_deleted_there_is_marked_and_not_offered_until_it_is_restored(watched, left):
    runs, again = watched

    runs[:] = left
    again()
    gone, offered = TrainingRun.objects.get(), list(importable_runs(make_workspace()))
    runs[:] = [a_run()]
    again()

    assert (gone.gone_at is None, gone.importable, offered) == (False, False, [])
    assert list(importable_runs(make_workspace())) == [gone]
    assert TrainingRun.objects.get().gone_at is None


def test_a_version_stays_when_its_run_is_deleted_there_and_no_other_is_made_of_it(watched):
    runs, again = watched
    source = {"job": "flowers", "run": "V0001"}
    request = ImportRequest(name="flowers", number=FIRST, source_kind="training", source=source)
    waiting = submit_import(request, workspace=make_workspace(), by=None)

    runs[:] = []
    again()
    job = run(waiting)
    report = preview_source(workspace=make_workspace(), source_kind="training", source=source)

    assert (job.state, job.version.status) == ("failed", "failed")
    assert [finding["code"] for finding in job.findings] == ["training.run_gone"]
    assert [finding.code for finding in report.findings] == ["training.run_gone"]


def test_runs_of_an_experiment_that_is_deleted_there_are_marked(settings):
    active = [True]

    def answer(request):
        path = request.path.removeprefix("/api/2.0/mlflow/")
        if path == "experiments/search":
            there = active[0] != (b"DELETED_ONLY" in request.body)
            return said({"experiments": [{"experiment_id": "1", "name": "flowers"}] if there else []})
        return said({"runs": [a_run()], "models": [a_model(uri=uri)]})

    uri = place_in(settings)
    with answering(answer) as mlflow:
        synchronise(mlflow.endpoint)
        active[0] = False
        synchronise(mlflow.endpoint)
        gone = TrainingRun.objects.get().gone_at
        active[0] = True
        synchronise(mlflow.endpoint)

    assert (gone is None, TrainingRun.objects.get().gone_at) == (False, None)


def test_runs_of_another_server_or_beyond_what_is_looked_at_are_left_alone(settings):
    settings.MLFLOW_MAX_RUNS = 1
    uri = place_in(settings)
    models = [a_model("r1", uri, "m1"), a_model("r2", uri, "m2")]
    runs = [a_run(1)]
    with server(runs, models) as mlflow:
        synchronise(mlflow.endpoint)
        runs[:] = [a_run(2), a_run(1)]
        synchronise(mlflow.endpoint)
    with server([], []) as other:
        synchronise(other.endpoint, "other")

    assert list(TrainingRun.objects.order_by("number").values_list("external_id", "gone_at")) == [
        ("r1/m1", None),
        ("r2/m2", None),
    ]

"""Synchronising with servers that say unusual things; a real one is read in test_mlflow_server."""

import json
from datetime import timedelta

import pytest
from django.utils.timezone import now

from accounts.models import AuditEvent, User
from accounts.secrets import unseal
from importers.mlflow_http import Place
from importers.mlflow_places import ArtifactPlaces
from importers.models import MLflowConnection, RunSource, TrainingJob, TrainingRun
from importers.queries_mlflow import Known, due_connections
from importers.queries_training import importable_runs
from importers.request import ImportRequest
from importers.services import preview_source, submit_import
from importers.services_mlflow import (
    Wanted,
    add_connection,
    ask_for_sync,
    edit_connection,
    remove_connection,
    with_saved_credentials,
)
from importers.services_training import delete_job, delete_run, register_run
from importers.tasks import sweep_mlflow, sync_mlflow
from importers.transitions_mlflow import claim, finish, renew
from importers.values_training import RunValues
from registry.versions import FIRST
from stores.errors import SourceRefused
from stores.models import Bucket
from tests.factories import make_bucket, make_member, make_workspace
from tests.importers.jobs import put, run
from tests.stores.answers import Answer, answering

pytestmark = pytest.mark.django_db

MLMODEL = b"flavors: {sklearn: {pickled_model: model.pkl}}"
GOOD_MODEL = {"MLmodel": MLMODEL, "model.pkl": b"x"}


def said(value, status=200):
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def a_run(number=1, *, name="flowers", **values):
    info = {"run_id": f"r{number}", "status": "FINISHED", "start_time": 1000 * number, "end_time": 1000 * number + 5}
    info |= {"artifact_uri": f"/nowhere/{name}", "experiment_id": "1"}
    return {"info": info | values.pop("info", {}), "data": values}


def a_model(run="r1", uri="", model="m1", status="LOGGED_MODEL_READY"):
    return {"info": {"model_id": model, "source_run_id": run, "artifact_uri": uri, "status": status}}


def place_in(settings, folder="flowers", files=None):
    put(files or {"MLmodel": MLMODEL, "model.pkl": b"x"}, folder=folder)
    return f"{settings.BUCKETS_ROOT}/packages/{folder}"


def server(runs, models, *, name="flowers", files=None):
    """Answers as an MLflow server with one experiment; `models` of None is one without a list of them."""

    def answer(request):
        path = request.path.removeprefix("/api/2.0/mlflow/")
        if path == "experiments/search" and b"DELETED_ONLY" in request.body:
            return said({"experiments": [{"experiment_id": "9", "name": "gone"}]})
        if path == "experiments/search":
            return said({"experiments": [{"experiment_id": "1", "name": name, "artifact_location": "/nowhere"}]})
        if path == "runs/search":
            return said({"runs": runs})
        if path == "logged-models/search":
            return Answer(404) if models is None else said({"models": models})
        listed = (files or {}).get(request.query.get("path", ""), [])
        return said({"files": [{"path": each.rstrip("/"), "is_dir": each.endswith("/")} for each in listed]})

    return answering(answer)


def connect(address, name="research", **values):
    by = User.objects.filter(username="chief").first() or make_member("chief", "admin")
    return add_connection(make_workspace(), Wanted(name, Place(address), **values), by=by)


def synchronise(address, name="research", **values):
    connection = MLflowConnection.objects.filter(name=name).first() or connect(address, name, **values)
    MLflowConnection.objects.filter(pk=connection.pk).update(asked_at=now())
    sync_mlflow(connection.pk)
    connection.refresh_from_db()
    return connection


def reasons(connection):
    return [(each["code"], each["count"]) for each in connection.skipped]


def test_a_server_without_a_list_of_models_is_read_by_its_artifacts(settings):
    uri = place_in(settings, "flowers/model")
    run = a_run(info={"artifact_uri": uri.removesuffix("/model")})
    with server([run], None, files={"": ["model/", "plots/"], "model": ["model/MLmodel"]}) as mlflow:
        connection = synchronise(mlflow.endpoint)
        again = synchronise(mlflow.endpoint)

    assert (connection.runs_seen, TrainingRun.objects.get().output_path) == (1, "/packages/flowers/model/")
    assert [(each.runs_new, each.runs_known) for each in (connection, again)] == [(1, 0), (0, 1)]


def test_a_run_with_two_models_becomes_two(settings):
    models = [a_model(uri=place_in(settings, f"flowers/{each}"), model=each) for each in ("m1", "m2")]
    with server([a_run()], models) as mlflow:
        synchronise(mlflow.endpoint)

    assert sorted(TrainingRun.objects.values_list("external_id", flat=True)) == ["r1/m1", "r1/m2"]


def test_runs_are_numbered_from_the_oldest(settings):
    uri = place_in(settings)
    models = [a_model(f"r{n}", uri, f"m{n}") for n in (1, 2, 3)]
    with server([a_run(3), a_run(2), a_run(1)], models) as mlflow:
        synchronise(mlflow.endpoint)

    assert list(TrainingRun.objects.order_by("number").values_list("external_id", flat=True)) == [
        "r1/m1",
        "r2/m2",
        "r3/m3",
    ]


@pytest.mark.parametrize(
    ("info", "code"),
    [
        ({"status": "RUNNING"}, "mlflow.skip_unfinished"),
        ({"status": "KILLED"}, "mlflow.skip_failed"),
        ({"lifecycle_stage": "deleted"}, "mlflow.skip_deleted"),
        ({"run_id": "other"}, "mlflow.skip_no_model"),
    ],
)
def test_what_is_no_model_is_counted_with_its_reason(settings, info, code):
    with server([a_run(info=info)], [a_model(uri=place_in(settings))]) as mlflow:
        connection = synchronise(mlflow.endpoint)

    assert (reasons(connection), connection.runs_refused) == ([(code, 1)], 1)


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("s3://elsewhere/x", "mlflow.skip_no_bucket"),
        ("/etc", "mlflow.skip_no_bucket"),
        ("mlflow-artifacts:/1/x", "mlflow.skip_proxied"),
        ("dbfs:/x", "mlflow.skip_scheme"),
        ("", "mlflow.skip_scheme"),
        ("{root}/packages/../../etc", "mlflow.skip_no_bucket"),
        ("{root}/packages/nothing", "source.missing"),
        ("{root}/packages/a b", "source.space_in_path"),
        ("file://[/x", "source.path_malformed"),
        ("mlflow-artifacts://[/x", "mlflow.skip_proxied"),
    ],
)
def test_a_model_that_cannot_be_reached_is_skipped_with_its_reason(settings, uri, code):
    place_in(settings)
    with server([a_run()], [a_model(uri=uri.format(root=settings.BUCKETS_ROOT))]) as mlflow:
        connection = synchronise(mlflow.endpoint)

    assert reasons(connection) == [(code, 1)]
    assert TrainingJob.objects.count() == 0


def test_artifacts_that_the_server_hands_out_are_read_where_it_keeps_them(settings):
    place_in(settings, "kept/1/models/m1/artifacts")
    with server([a_run()], [a_model(uri="mlflow-artifacts:/1/models/m1/artifacts")]) as mlflow:
        synchronise(mlflow.endpoint, artifact_root="/packages/kept/")

    assert TrainingRun.objects.get().output_path == "/packages/kept/1/models/m1/artifacts/"


def test_an_address_of_artifacts_that_is_none_is_refused():
    with pytest.raises(SourceRefused, match=r"path_malformed"):
        ArtifactPlaces(make_workspace(), "/packages/kept/").reaches("mlflow-artifacts://[/x")


def test_values_that_nothing_can_keep_leave_the_others(settings):
    strange = a_run(
        info={"run_id": "r\ud800", "start_time": 253402300799000, "end_time": -62135596800000},
        metrics=[{"key": "huge", "value": 10**400}, {"key": "f1", "value": 0.5}],
    )
    uri = place_in(settings)
    with server([strange, a_run(2)], [a_model("r\ud800", uri), a_model("r2", uri, "m2")], name="f\ud800") as mlflow:
        connection = synchronise(mlflow.endpoint)

    first = TrainingRun.objects.get(number=2)
    assert (connection.last_code, connection.runs_new) == ("", 2)
    assert (first.metrics, first.started_at, first.finished_at) == ({"f1": 0.5}, None, None)


def test_the_bucket_with_the_longest_prefix_is_taken():
    for name, prefix in (("all", ""), ("models", "team/models/"), ("other", "else/")):
        Bucket.objects.create(
            workspace=make_workspace(), name=name, driver="s3", endpoint="http://x", remote_name="big", prefix=prefix
        )
    places = ArtifactPlaces(make_workspace(), "")

    assert places.reaches("s3://big/team/models/7/artifacts") == "/models/7/artifacts/"
    assert places.reaches("s3://big/team/else") == "/all/team/else/"


def test_buckets_of_other_workspaces_are_never_read(settings):
    uri = place_in(settings)
    Bucket.objects.update(workspace=make_workspace("other"))

    with pytest.raises(SourceRefused, match=r"skip_no_bucket"):
        ArtifactPlaces(make_workspace(), "").find(uri)


def test_hostile_names_are_shown_and_never_longer_than_they_may_be(settings):
    hostile = "<b>x</b>\u202e\n" + "y" * 600
    run = a_run(
        metrics=[{"key": hostile, "value": 1.5}],
        params=[{"key": f"p{n}", "value": "\x00" + "v" * 9000} for n in range(500)],
        tags=[{"key": "mlflow.user", "value": "\u202eroot" + "z" * 900}],
    )
    with server([run], [a_model(uri=place_in(settings))], name=hostile) as mlflow:
        connection = synchronise(mlflow.endpoint)
        again = synchronise(mlflow.endpoint)

    found = TrainingRun.objects.get()
    assert (connection.runs_new, again.runs_new) == (1, 0)
    assert found.job.name.startswith(r"<b>x</b>\u202e\u000ayyy") and len(found.job.name) == 128
    assert len(found.parameters) == 200 and len(found.created_by_name) == 128
    assert max(map(len, found.metrics)) <= 128


def test_a_job_of_another_connection_keeps_its_name(settings):
    uri = place_in(settings)
    with server([a_run(1)], [a_model("r1", uri)]) as mlflow:
        synchronise(mlflow.endpoint, "first")
    with server([a_run(2)], [a_model("r2", uri)]) as mlflow:
        synchronise(mlflow.endpoint, "second")

    assert sorted(TrainingJob.objects.values_list("name", flat=True)) == ["flowers", "flowers (second)"]


def test_runs_join_a_job_that_somebody_made_by_hand(settings):
    body = RunValues(job="flowers", external_id="mine", status="failed")
    register_run(make_workspace(), body, by=None, source=RunSource.FORM)
    with server([a_run()], [a_model(uri=place_in(settings))]) as mlflow:
        synchronise(mlflow.endpoint)

    job = TrainingJob.objects.get()
    assert (job.run_count, job.connection) == (2, None)


def test_more_runs_than_are_looked_at_are_told(settings):
    settings.MLFLOW_MAX_RUNS = 1
    with server([a_run(2), a_run(1)], [a_model("r1", place_in(settings))]) as mlflow:
        connection = synchronise(mlflow.endpoint)

    assert (connection.last_code, connection.runs_seen) == ("mlflow.too_many_runs", 1)


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


def test_jobs_stay_when_their_connection_is_removed(settings):
    with server([a_run()], [a_model(uri=place_in(settings))]) as mlflow:
        connection = synchronise(mlflow.endpoint)
        remove_connection(connection, by=connection.created_by)
        back = synchronise(mlflow.endpoint)

    job = TrainingJob.objects.get()
    assert (job.run_count, job.connection, back.runs_new) == (1, None, 0)


def test_an_endless_bucket_is_asked_once(settings):
    make_bucket("packages")
    Bucket.objects.create(
        workspace=make_workspace(), name="down", driver="s3", endpoint="http://127.0.0.1:1", remote_name="big"
    )
    settings.S3_ATTEMPTS = 1
    places = ArtifactPlaces(make_workspace(), "")
    runs = [a_run(n) for n in (1, 2)]
    with server(runs, [a_model(f"r{n}", f"s3://big/{n}", f"m{n}") for n in (1, 2)]) as mlflow:
        connection = synchronise(mlflow.endpoint)

    assert places.silent == {}
    assert reasons(connection) == [("source.connection_refused", 2)]


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

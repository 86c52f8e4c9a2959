"""Synchronising with servers that say unusual things; a real one is read in test_mlflow_server."""

import pytest

from importers.mlflow_places import ArtifactPlaces
from importers.models import RunSource, TrainingJob, TrainingRun
from importers.services_training import register_run
from importers.values_training import RunValues
from stores.errors import SourceRefused
from stores.models import Bucket
from tests.factories import make_bucket, make_workspace
from tests.importers.tracking import a_model, a_run, place_in, reasons, server, synchronise

pytestmark = pytest.mark.django_db


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

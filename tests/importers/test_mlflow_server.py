"""A real MLflow server: its runs become runs of training jobs, and those become models that answer."""

import json
import subprocess

import pytest
import urllib3
from django.utils.timezone import now

from accounts.secrets import seal
from importers.mlflow_http import Place
from importers.models import MLflowConnection, RunSource, TrainingJob, TrainingRun
from importers.request import ImportRequest
from importers.services import preview_source, submit_import
from importers.services_mlflow import Wanted, add_connection, try_server
from importers.tasks import sync_mlflow
from registry import artifacts
from registry.models import Status
from registry.versions import FIRST
from stores.errors import SourceRefused
from stores.models import Bucket
from tests.factories import make_bucket, make_member, make_workspace
from tests.importers.jobs import codes, run
from tests.mlflow.server import PASSWORD, USERNAME, tracking

pytestmark = [pytest.mark.django_db, pytest.mark.mlflow, pytest.mark.timeout(900)]
ROW = {
    "sepal length (cm)": 5.1,
    "sepal width (cm)": 3.5,
    "petal length (cm)": 1.4,
    "petal width (cm)": 0.2,
}
ASK = """
import importlib.util, json, sys
folder, rows = sys.argv[1:]
sys.path.insert(0, folder)
spec = importlib.util.spec_from_file_location("customize_service", folder + "/model/customize_service.py")
code = importlib.util.module_from_spec(spec)
spec.loader.exec_module(code)
service = code.LoggedModel("model", folder + "/model")
body = json.dumps({"data": {"req_data": json.loads(rows)}})
print(json.dumps(service._postprocess(service._inference(service._preprocess(body)))))
"""


@pytest.fixture(scope="module")
def server(s3):
    with tracking(s3) as running:
        yield running


@pytest.fixture
def place(server, settings, s3):
    """The server, with a bucket for its folder and one for its object storage."""
    settings.BUCKETS_ROOT = server.buckets
    make_bucket("mlflow")
    keys = seal({"access_key": s3.access_key, "secret_key": s3.secret_key, "session_token": ""})
    Bucket.objects.create(
        workspace=make_workspace(),
        name="cloud",
        driver=Bucket.Driver.S3,
        endpoint=s3.endpoint,
        remote_name=server.cloud,
        prefix="runs/",
        credentials=keys,
    )
    return Place(server.address, USERNAME, PASSWORD)


def connect(place, **values):
    return add_connection(make_workspace(), Wanted("research", place, **values), by=make_member("chief", "admin"))


def synchronise(connection):
    MLflowConnection.objects.filter(pk=connection.pk).update(asked_at=now())
    sync_mlflow(connection.pk)
    return MLflowConnection.objects.get(pk=connection.pk)


def imported(job, label):
    source = {"job": job, "run": label}
    request = ImportRequest(name=f"{job}-{label}", number=FIRST, source_kind="training", source=source)
    return run(submit_import(request, workspace=make_workspace(), by=None))


def answers(version, server, rows, folder):
    """What the package says to these rows, in the environment the model was trained in."""
    for file in version.files.all():
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        with artifacts.open_artifact(file.sha256) as content:
            target.write_bytes(content.read())
    (folder / "model_service").mkdir()
    (folder / "model_service" / "python_model_service.py").write_text("class XgSklServingBaseService:\n    pass\n")
    command = [server.python, "-c", ASK, folder, json.dumps(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)["data"]["resp_data"]


def test_finished_runs_become_runs_of_training_jobs(place):
    connection = synchronise(connect(place))

    assert (connection.last_code, connection.runs_seen, connection.runs_new, connection.runs_refused) == ("", 8, 5, 3)
    assert sorted((each["code"], each["count"]) for each in connection.skipped) == [
        ("mlflow.skip_deleted", 1),
        ("mlflow.skip_failed", 1),
        ("mlflow.skip_no_model", 1),
    ]
    assert [(job.name, job.run_count, job.connection) for job in TrainingJob.objects.order_by("name")] == [
        ("cloud", 1, connection),
        ("flowers", 4, connection),
    ]
    assert list(TrainingRun.objects.order_by("job__name", "number").values_list("number", "engine", "source")) == [
        (1, "XGBoost", RunSource.MLFLOW),
        (1, "Scikit_Learn", RunSource.MLFLOW),
        (2, "Scikit_Learn", RunSource.MLFLOW),
        (3, "XGBoost", RunSource.MLFLOW),
        (4, "", RunSource.MLFLOW),
    ]


def test_a_run_says_what_mlflow_says_of_it(place):
    synchronise(connect(place))

    first = TrainingRun.objects.get(job__name="flowers", number=1)

    assert first.metrics == {"accuracy": pytest.approx(0.97, abs=0.02)}
    assert first.parameters == {"C": "1.0", "solver": "lbfgs"}
    assert first.created_by_name == USERNAME
    assert first.started_at < first.finished_at
    assert first.output_path.startswith("/mlflow/flowers/models/m-")
    assert first.external_url.startswith(f"{place.address}/#/experiments/")


def test_a_second_synchronisation_changes_nothing(place):
    connection = synchronise(connect(place))
    before = list(TrainingRun.objects.order_by("pk").values())

    again = synchronise(connection)

    assert (again.runs_seen, again.runs_new, again.runs_known) == (8, 0, 5)
    assert list(TrainingRun.objects.order_by("pk").values()) == before


def test_only_named_experiments_are_read(place):
    connection = synchronise(connect(place, experiments=("cloud", "nowhere")))

    assert list(TrainingJob.objects.values_list("name", flat=True)) == ["cloud"]
    assert connection.last_reason == "There is no experiment named nowhere. Check the names; the others were read."


def test_models_whose_place_no_bucket_reaches_are_skipped(place):
    Bucket.objects.all().delete()

    connection = synchronise(connect(place))

    assert connection.runs_new == 0
    reasons = [each["params"] for each in connection.skipped if each["code"] == "mlflow.skip_no_bucket"]
    assert [each["place"].partition("/")[0] for each in reasons] == ["", "s3:"]


@pytest.mark.parametrize(
    ("job", "label", "engine", "weights", "answer"),
    [
        ("flowers", "V0001", "Scikit_Learn", "model/model.skops", [{"predictresult": 0}]),
        ("flowers", "V0002", "Scikit_Learn", "model/model.pkl", [{"predictresult": 0}]),
        ("flowers", "V0003", "XGBoost", "model/model.ubj", [{"predictresult": 0}]),
        ("cloud", "V0001", "XGBoost", "model/model.bst", None),
    ],
)
def test_a_logged_model_is_imported_and_answers(place, server, tmp_path, job, label, engine, weights, answer):
    synchronise(connect(place))

    done = imported(job, label)

    assert done.version.status == Status.NORMAL, done.findings
    paths = set(done.version.files.values_list("path", flat=True))
    assert (done.version.engine, done.version.runtime) == (engine, "python3.11")
    assert {weights, "model/config.json", "model/customize_service.py", "model/MLmodel"} <= paths
    rows = [ROW] if label in ("V0001", "V0003") and job == "flowers" else [list(ROW.values())]
    said = answers(done.version, server, rows, tmp_path)
    assert said == answer if answer else isinstance(said[0]["predictresult"], float)


def test_what_cannot_be_expressed_is_a_warning(place):
    synchronise(connect(place))

    report = preview_source(
        workspace=make_workspace(), source_kind="training", source={"job": "flowers", "run": "V0001"}
    )

    (left_out,) = [finding for finding in report.findings if finding.code == "mlflow.requirement_left_out"]
    assert left_out.params == {"line": "git+https://example.org/own.git"}
    assert report.importable


def test_another_flavor_is_refused_by_its_name(place):
    synchronise(connect(place))

    report = preview_source(
        workspace=make_workspace(), source_kind="training", source={"job": "flowers", "run": "V0004"}
    )

    assert codes([finding.as_dict() for finding in report.findings]) == ["mlflow.flavor_unsupported"]
    assert report.findings[0].params == {"flavors": "python_function"}


def test_a_server_tells_what_it_has(place):
    found = try_server(make_workspace(), Wanted("research", place, ("flowers", "nowhere")))

    assert found.version[0].isdigit()
    assert (found.experiments, found.logged_models, found.unknown) == (3, True, ("nowhere",))
    assert found.artifacts == (("flowers", "/mlflow/flowers/", None),)


def test_a_wrong_password_is_told(place):
    connection = synchronise(connect(Place(place.address, USERNAME, "wrong")))

    assert connection.last_code == "mlflow.not_authorised"
    with pytest.raises(SourceRefused, match=r"mlflow\.not_authorised"):
        try_server(make_workspace(), Wanted("research", Place(place.address)))


def told(place, path, **body):
    """What people do in MLflow itself, by the interface its own pages use."""
    keys = urllib3.make_headers(basic_auth=f"{USERNAME}:{PASSWORD}")
    answer = urllib3.request("POST", f"{place.address}/api/2.0/mlflow/{path}", json=body, headers=keys)
    assert answer.status == 200, answer.data


def test_runs_and_experiments_that_are_deleted_there_are_marked_until_they_are_restored(place):
    connection = synchronise(connect(place))
    first, cloud = TrainingRun.objects.get(job__name="flowers", number=1), TrainingRun.objects.get(job__name="cloud")
    run_id, experiment = first.external_id.partition("/")[0], cloud.external_url.split("/experiments/")[1].split("/")[0]

    def gone():
        return list(TrainingRun.objects.exclude(gone_at=None).order_by("job__name").values_list("pk", flat=True))

    try:
        told(place, "runs/delete", run_id=run_id)
        told(place, "experiments/delete", experiment_id=experiment)
        synchronise(connection)
        deleted = gone()
    finally:
        told(place, "runs/restore", run_id=run_id)
        told(place, "experiments/restore", experiment_id=experiment)
    synchronise(connection)

    assert (deleted, gone()) == ([cloud.pk, first.pk], [])

"""A run that MLflow logged, as the source training job takes it: the files, what is supplied, and what is refused."""

import json
import pickle

import pytest

from importers.models import RunSource, State
from importers.request import ImportRequest
from importers.services import preview_source, submit_import
from importers.services_training import register_run
from importers.values_training import RunValues
from registry import artifacts
from registry.models import Status
from registry.versions import FIRST
from tests import hostile
from tests.factories import make_workspace
from tests.importers.jobs import put, run

pytestmark = pytest.mark.django_db

MLMODEL = b"""
flavors:
  sklearn: {pickled_model: model.pkl, sklearn_version: 1.5.2}
signature:
  inputs: '[{"type": "double", "name": "width"}]'
  outputs: '[{"type": "double"}]'
"""
FILES = {"MLmodel": MLMODEL, "model.pkl": pickle.dumps({"a": [1.0]}), "requirements.txt": b"numpy==2.1\n-e .\n"}
OWN = b"""
from model_service.python_model_service import XgSklServingBaseService


class Mine(XgSklServingBaseService):
    pass
"""
SOURCE = {"job": "flowers", "run": "V0001"}


def logged(files=FILES, **metrics):
    path = put(files, folder="flowers/artifacts")
    body = RunValues("flowers", "r1/m1", status="successful", output_path=path, metrics=metrics)
    return register_run(make_workspace(), body, by=None, source=RunSource.MLFLOW)


def preview():
    return preview_source(workspace=make_workspace(), source_kind="training", source=SOURCE)


def imported():
    request = ImportRequest(name="flowers", number=FIRST, source_kind="training", source=SOURCE)
    return run(submit_import(request, workspace=make_workspace(), by=None))


def errors():
    return [finding.code for finding in preview().findings if finding.severity == "error"]


def test_a_logged_model_becomes_a_package():
    logged(FILES | {"input_example.json": b"{}", "serving_input_example.json": b"{}"}, accuracy=0.9)

    job = imported()

    assert (job.state, job.version.status) == (State.SUCCEEDED, Status.NORMAL)
    assert sorted(job.version.files.values_list("path", flat=True)) == [
        "model/MLmodel",
        "model/config.json",
        "model/customize_service.py",
        "model/model.pkl",
        "model/requirements.txt",
    ]
    assert job.version.config["metrics"] == {"accuracy": 0.9}


def test_the_check_before_and_the_import_say_the_same():
    logged()

    beforehand = [finding.code for finding in preview().findings]

    afterwards = [finding["code"] for finding in imported().version.findings]
    assert set(beforehand) <= set(afterwards)
    assert beforehand.count("mlflow.requirement_left_out") == 1


def test_a_configuration_beside_the_model_is_used_instead():
    logged(FILES)
    made = json.loads(preview().config_used)
    put({"config.json": json.dumps(made | {"model_algorithm": "mine"}).encode()}, folder="flowers/artifacts")

    assert json.loads(preview().config_used)["model_algorithm"] == "mine"


def test_inference_code_beside_the_model_is_used_instead():
    logged(FILES | {"customize_service.py": OWN})

    job = imported()

    stored = job.version.files.get(path="model/customize_service.py")
    with artifacts.open_artifact(stored.sha256) as file:
        assert file.read() == OWN


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"MLmodel": None}, "mlflow.mlmodel_missing"),
        ({"model.pkl": None}, "mlflow.weights_missing"),
        ({"MLmodel": b"flavors: {pytorch: {}}"}, "mlflow.flavor_unsupported"),
        ({"MLmodel": b"a: &a b\nc: *a"}, "mlflow.mlmodel_malformed"),
        ({"MLmodel": b"x" * 2_000_000}, "mlflow.mlmodel_too_large"),
        ({"MLmodel": b"flavors: {sklearn: {pickled_model: ../../x.pkl}}"}, "source.unsafe_name"),
    ],
)
def test_what_is_no_logged_model_is_refused_with_its_reason(changes, code):
    files = {name: content for name, content in (FILES | changes).items() if content is not None}
    logged(files)

    assert errors() == [code]
    assert imported().state == State.FAILED


def test_a_hostile_pickle_is_found_by_the_scan():
    logged(FILES | {"model.pkl": hostile.attack()})

    job = imported()

    assert job.version.status == Status.FAILED
    assert any(finding["code"].startswith("scan.") and finding["severity"] == "error" for finding in job.findings)


def test_more_files_than_a_package_may_have_are_refused(settings):
    settings.PACKAGE_MAX_FILES = 5
    logged(FILES | {f"extra/{number}": b"x" for number in range(20)})

    assert errors() == ["layout.too_many_files"]

"""Runs of training jobs, and imports of them."""

import json

from importers.models import RunSource
from importers.services import preview_source, submit_import
from importers.services_training import register_run
from importers.values_training import RunValues
from tests import hostile
from tests.factories import make_workspace
from tests.importers.jobs import GOOD, put, request_for

CODE = b"""
from model_service.python_model_service import XgSklServingBaseService


class Digits(XgSklServingBaseService):
    pass
"""
COLUMNS = {
    "target": "species",
    "classes": ["a", "b"],
    "features": [{"name": "petal length", "type": "number"}, {"name": "colour", "type": "string", "values": ["red"]}],
    "packages": {"xgboost-cpu": "3.0.5", "numpy": "2.3.1; evil"},
}
OWN = GOOD | {"model/customize_service.py": CODE}
WEIGHTS = {"model/model.ubj": hostile.ubjson()}
TRAINED = WEIGHTS | {"model/columns.json": json.dumps(COLUMNS).encode()}


def make_run(job="digits", external_id="a", files=OWN, **values):
    path = put(files, folder=f"{job}/{external_id}")
    values = {"status": "successful", "output_path": path} | values
    body = RunValues(job=job, external_id=external_id, **values)
    return register_run(make_workspace(), body, by=None, source=RunSource.API)


def built_in(files=TRAINED, algorithm="tabular-classification", **values):
    return make_run("flowers", files=files, kind="built-in", algorithm=algorithm, **values)


def params(job="digits", label="V0001"):
    return {"job": job, "run": label}


def preview(job="digits", label="V0001"):
    return preview_source(workspace=make_workspace(), source_kind="training", source=params(job, label))


def submit(job="digits", label="V0001", **values):
    wanted = request_for(source_kind="training", **values).as_dict() | {"source": params(job, label)}
    request = type(request_for()).from_dict(wanted)
    return submit_import(request, workspace=make_workspace(), by=None)

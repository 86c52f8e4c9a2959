"""Servers that answer like MLflow, and reading them."""

import json

from django.utils.timezone import now

from accounts.models import User
from importers.mlflow_http import Place
from importers.models import MLflowConnection
from importers.services_mlflow import Wanted, add_connection
from importers.tasks import sync_mlflow
from tests.factories import make_member, make_workspace
from tests.importers.jobs import put
from tests.stores.answers import Answer, answering

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
    put(files or GOOD_MODEL, folder=folder)
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

"""Answers as the signature of a model logged with MLflow says, without MLflow."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
from model_service.python_model_service import XgSklServingBaseService

# What the MLmodel file says: flavor, file, format, class, columns of the request, names of the results.
FACTS = json.loads("{}")


class LoggedModel(XgSklServingBaseService):
    def __init__(self, model_name, model_path):
        self.model_name = model_name
        self.model_path = model_path
        folder = Path(__file__).resolve().parent
        if FACTS["code"]:
            sys.path.append(str(folder / FACTS["code"]))
        self.model = load(folder / FACTS["file"])

    def _preprocess(self, data):
        body = json.loads(data) if isinstance(data, (str, bytes, bytearray)) else data
        return table(body.get("data", body)["req_data"])

    def _inference(self, data):
        return predict(self.model, data)

    def _postprocess(self, data):
        if hasattr(data, "to_dict") and hasattr(data, "columns"):
            return {"data": {"resp_data": data.to_dict("records")}}
        values = data.tolist() if hasattr(data, "tolist") else data
        return {"data": {"resp_data": [named(value) for value in values]}}


def load(path):
    """The model, by the library that saved it."""
    if FACTS["format"] == "skops":
        return importlib.import_module("skops.io").load(path, trusted=FACTS["trusted"])
    if FACTS["flavor"] == "sklearn":
        return importlib.import_module("joblib").load(path)
    module, _dot, name = (FACTS["class"] or "xgboost.Booster").rpartition(".")
    model = getattr(importlib.import_module(module), name)()
    model.load_model(str(path))
    return model


def table(rows):
    """Rows as the model was trained with them: a data frame for columns with names, else an array."""
    if not isinstance(rows, list) or not rows:
        raise ValueError('expected {"data": {"req_data": [row, ...]}}')
    columns = FACTS["columns"]
    names = [name for name, _kind in columns if name]
    if names or (not FACTS["dtype"] and isinstance(rows[0], dict)):
        return frame(rows, names, dict(columns))
    rows = [list(row.values()) if isinstance(row, dict) else row for row in rows]
    return np.asarray(rows, dtype=FACTS["dtype"] or None)


def frame(rows, names, kinds):
    """A data frame with the types of the signature; a column with missing values keeps what it has."""
    pandas = importlib.import_module("pandas")
    if names and isinstance(rows[0], dict):
        missing = sorted({name for row in rows for name in names if name not in row})
        if len(missing) == len(names):
            raise ValueError("the rows have none of the columns " + ", ".join(names[:10]))
        rows = [[row.get(name) for name in names] for row in rows]
    made = pandas.DataFrame(rows, columns=names or None)
    types = {"integer": "int32", "long": "int64", "float": "float32", "double": "float64", "boolean": "bool"}
    for name in made.columns:
        kind = kinds.get(name, "")
        if kind == "datetime":
            made[name] = pandas.to_datetime(made[name])
        elif kind in types and (kind in ("float", "double") or not made[name].isna().any()):
            made[name] = made[name].astype(types[kind])
    return made


def predict(model, data):
    """What the model says; a booster takes its own kind of table."""
    if FACTS["flavor"] == "xgboost" and not hasattr(model, "get_booster"):
        xgboost = importlib.import_module("xgboost")
        names = None if hasattr(data, "columns") else model.feature_names
        return model.predict(xgboost.DMatrix(data, feature_names=names))
    return model.predict(data)


def named(value):
    """One row of the answer under the names of the signature's outputs."""
    names = FACTS["results"]
    if isinstance(value, dict):
        return value
    if len(names) == 1:
        return {names[0]: value}
    if names and isinstance(value, list) and len(value) == len(names):
        return dict(zip(names, value))
    return {FACTS["result"]: value}

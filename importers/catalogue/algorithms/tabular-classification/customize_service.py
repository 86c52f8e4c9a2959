"""Tells the class of rows of a table; what the columns are stands in columns.json beside the weights."""

import json
from pathlib import Path

import numpy as np
import xgboost
from model_service.python_model_service import XgSklServingBaseService


class TabularClassification(XgSklServingBaseService):
    def __init__(self, model_name, model_path):
        self.model_name = model_name
        self.model_path = model_path
        self.columns = json.loads((Path(model_path).parent / "columns.json").read_text(encoding="utf-8"))
        self.booster = xgboost.Booster(model_file=model_path)

    def _preprocess(self, data):
        body = json.loads(data) if isinstance(data, (str, bytes)) else data
        rows = body["data"]["req_data"]
        return np.asarray([[number(each, row.get(each["name"])) for each in self.columns["features"]] for row in rows])

    def _inference(self, data):
        return self.booster.predict(xgboost.DMatrix(data))

    def _postprocess(self, data):
        target, classes = self.columns["target"], self.columns["classes"]
        rows = [{target: classes[int(row.argmax())], "probability": round(float(row.max()), 4)} for row in data]
        return {"data": {"resp_data": rows}}


def number(column, value):
    """A cell as the trees know it; what is missing or was never seen is neither large nor small."""
    if column["type"] == "string":
        known = column["values"]
        return float(known.index(str(value))) if str(value) in known else float("nan")
    return float("nan") if value is None or value == "" else float(value)

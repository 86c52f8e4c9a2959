"""Says whether an iris is a setosa, from the four measurements of its flower in centimetres."""

import json

import numpy as np
import xgboost
from model_service.python_model_service import XgSklServingBaseService

FEATURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


class IrisService(XgSklServingBaseService):
    def __init__(self, model_name, model_path):
        self.model_name = model_name
        self.model_path = model_path
        self.booster = xgboost.Booster(model_file=model_path)

    def _preprocess(self, data):
        rows = json.loads(data)["data"]["req_data"]
        values = [[float(row[name]) for name in FEATURES] for row in rows]
        return xgboost.DMatrix(np.asarray(values, dtype="float32"), feature_names=FEATURES)

    def _inference(self, data):
        return self.booster.predict(data)

    def _postprocess(self, data):
        answers = [{"setosa": bool(value > 0.5), "probability": round(float(value), 4)} for value in data]
        return {"data": {"resp_data": answers}}

"""Predicts the progression of diabetes one year ahead from ten scaled measurements."""

import json

import numpy as np
import xgboost
from model_service.python_model_service import XgSklServingBaseService

FEATURES = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")


class DiabetesService(XgSklServingBaseService):
    def __init__(self, model_name, model_path):
        self.model_name = model_name
        self.model_path = model_path
        self.booster = xgboost.Booster(model_file=model_path)

    def _preprocess(self, data):
        rows = json.loads(data)["data"]["req_data"]
        return np.asarray([[row[name] for name in FEATURES] for row in rows], dtype="float32")

    def _inference(self, data):
        return self.booster.predict(xgboost.DMatrix(data))

    def _postprocess(self, data):
        return {"data": {"resp_data": [{"progression": round(float(value), 1)} for value in data]}}

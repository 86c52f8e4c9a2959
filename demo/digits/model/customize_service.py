"""Reads handwritten digits: rows of 64 grey values (8 by 8, 0 to 16) in, a digit and its probability out."""

import json

import joblib
import numpy as np
from model_service.python_model_service import XgSklServingBaseService


class DigitsService(XgSklServingBaseService):
    def __init__(self, model_name, model_path):
        self.model_name = model_name
        self.model_path = model_path
        self.model = joblib.load(model_path)

    def _preprocess(self, data):
        rows = json.loads(data)["data"]["req_data"]
        return np.asarray([row["pixels"] for row in rows], dtype="float64")

    def _inference(self, data):
        return self.model.predict_proba(data)

    def _postprocess(self, data):
        rows = [{"digit": int(row.argmax()), "probability": round(float(row.max()), 4)} for row in data]
        return {"data": {"resp_data": rows}}

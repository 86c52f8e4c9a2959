"""XGBoost: a booster as the library saves it, or pickled."""

from pathlib import Path
from typing import Any

from .base import EngineFailed, library
from .tabular import TabularEngine, matrix, rows_of, table

_PICKLE = b"\x80"


class XgboostEngine(TabularEngine):
    """`predict` for the rows of a request."""

    def load(self, path: Path) -> Any:
        xgboost = library("xgboost")
        with path.open("rb") as file:
            pickled = file.read(1) == _PICKLE
        if not pickled:
            return xgboost.Booster(model_file=str(path))
        model = library("pickle").loads(path.read_bytes())
        if not hasattr(model, "predict"):
            raise EngineFailed(f"{path.name} holds a {type(model).__name__}, which cannot predict")
        return model

    def inputs(self, model: Any, request: Any) -> Any:
        booster = _booster(model)
        names = booster.feature_names or ()
        return matrix(table(rows_of(request), names, width=booster.num_features()))

    def infer(self, model: Any, inputs: Any) -> Any:
        xgboost = library("xgboost")
        if hasattr(model, "get_booster"):
            return model.predict(inputs)
        if isinstance(inputs, xgboost.DMatrix):
            return model.predict(inputs)
        values = library("numpy").asarray(inputs, dtype="float32")
        return model.predict(xgboost.DMatrix(values, feature_names=model.feature_names))


def _booster(model: Any) -> Any:
    return model.get_booster() if hasattr(model, "get_booster") else model

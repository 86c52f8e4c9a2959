"""scikit-learn: an estimator that joblib or pickle wrote."""

from pathlib import Path
from typing import Any

from .base import BadRequest, EngineFailed, library
from .tabular import TabularEngine, is_numeric, matrix, rows_of, table


class SklearnEngine(TabularEngine):
    """`predict` for the rows of a request."""

    def load(self, path: Path) -> Any:
        model = library("joblib").load(str(path))
        if not hasattr(model, "predict"):
            raise EngineFailed(f"{path.name} holds a {type(model).__name__}, which cannot predict")
        return model

    def inputs(self, model: Any, request: Any) -> Any:
        rows = rows_of(request)
        names = [str(name) for name in getattr(model, "feature_names_in_", ())]
        lines = table(rows, names, width=int(getattr(model, "n_features_in_", 0)))
        if names:
            # Trained on a data frame: columns may be asked for by name, and pandas is there.
            return library("pandas").DataFrame(lines, columns=names)
        return matrix(lines) if is_numeric(lines) else library("numpy").array(lines, dtype=object)

    def infer(self, model: Any, inputs: Any) -> Any:
        try:
            return model.predict(inputs)
        except ValueError as error:
            raise BadRequest(f"The model does not take these values: {error}") from error

"""Runs of every kind, trained and logged with MLflow: `train.py ADDRESS FOLDER S3_PREFIX`."""

import sys

import mlflow
import mlflow.pyfunc
import mlflow.sklearn
import mlflow.xgboost
import numpy
import pandas
import sklearn
import skops
import xgboost
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

NEEDED = [f"numpy=={numpy.__version__}", f"scikit-learn=={sklearn.__version__}"]
TABLE = [*NEEDED, f"pandas=={pandas.__version__}"]


class Constant(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return [1] * len(model_input)


def logistic(rows, classes, **options):
    model = LogisticRegression(max_iter=200).fit(rows, classes)
    mlflow.log_params({"C": 1.0, "solver": "lbfgs"})
    mlflow.log_metrics({"accuracy": model.score(rows, classes), "never": float("nan")})
    signature = infer_signature(rows, model.predict(rows))
    mlflow.sklearn.log_model(model, name="model", signature=signature, input_example=None, **options)


def trees(rows, classes):
    model = xgboost.XGBClassifier(n_estimators=3, max_depth=2).fit(rows, classes)
    needs = [*TABLE, f"xgboost-cpu=={xgboost.__version__}"]
    signature = infer_signature(rows, model.predict(rows))
    mlflow.xgboost.log_model(model, name="model", signature=signature, pip_requirements=needs)


def booster(rows, classes):
    values = rows.to_numpy()
    model = xgboost.train({"objective": "reg:squarederror"}, xgboost.DMatrix(values, label=classes), num_boost_round=2)
    signature = infer_signature(values, model.predict(xgboost.DMatrix(values)))
    needs = [*NEEDED, f"xgboost-cpu=={xgboost.__version__}"]
    mlflow.xgboost.log_model(model, name="model", model_format="json", signature=signature, pip_requirements=needs)


def main(address, folder, cloud):
    rows, classes = load_iris(return_X_y=True, as_frame=True)
    mlflow.set_tracking_uri(address)
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("flowers", artifact_location=f"{folder}/flowers"))
    with mlflow.start_run():
        elsewhere = "git+https://example.org/own.git"
        logistic(rows, classes, pip_requirements=[*TABLE, f"skops=={skops.__version__}", elsewhere])
    with mlflow.start_run():
        logistic(rows.to_numpy(), classes, serialization_format="pickle", pip_requirements=NEEDED)
    with mlflow.start_run():
        trees(rows, classes)
    with mlflow.start_run():
        mlflow.pyfunc.log_model(python_model=Constant(), name="model", pip_requirements=NEEDED)
    with mlflow.start_run():
        mlflow.log_param("model", "none")
    mlflow.start_run()
    mlflow.end_run(status="FAILED")
    deleted = mlflow.start_run()
    mlflow.end_run()
    mlflow.delete_run(deleted.info.run_id)
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("cloud", artifact_location=cloud))
    with mlflow.start_run():
        booster(rows, classes)


if __name__ == "__main__":
    main(*sys.argv[1:])

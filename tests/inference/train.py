"""Trains tiny models in an environment with real libraries: `train.py FOLDER` writes their weights into FOLDER."""

import pickle
import sys
from pathlib import Path

import joblib
import numpy as np
import onnx
import pandas as pd
import xgboost
from onnx import TensorProto, helper
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

NAMES = ["width", "height"]


def sklearn_models(folder):
    rows = np.array([[0.0, 0.0], [1.0, 10.0], [2.0, 20.0], [3.0, 5.0]])
    joblib.dump(LinearRegression().fit(rows, rows @ [2.0, 3.0] + 1.0), folder / "linear.m")
    pickle.dump(DecisionTreeClassifier().fit(rows, ["a", "a", "b", "b"]), (folder / "tree.pkl").open("wb"))
    two = LinearRegression().fit(rows, np.column_stack([rows @ [2.0, 3.0], rows @ [1.0, 0.0]]))
    joblib.dump(two, folder / "two.joblib")
    frame = pd.DataFrame(rows, columns=NAMES)
    joblib.dump(LinearRegression().fit(frame, rows @ [2.0, 3.0]), folder / "named.joblib")
    mixed = pd.DataFrame({"colour": ["red", "blue", "red", "blue"], "size": [1.0, 2.0, 3.0, 4.0]})
    columns = make_column_transformer((OneHotEncoder(), ["colour"]), remainder="passthrough")
    pipeline = make_pipeline(columns, LinearRegression()).fit(mixed, [10.0, 20.0, 30.0, 40.0])
    joblib.dump(pipeline, folder / "mixed.joblib")
    joblib.dump({"not": "a model"}, folder / "dict.joblib")
    (folder / "damaged.joblib").write_bytes((folder / "linear.m").read_bytes()[:40])


def xgboost_models(folder):
    rows = np.array([[0.0, 0.0], [1.0, 10.0], [2.0, 20.0], [3.0, 30.0]] * 10)
    target = (rows[:, 1] > 12).astype(float)
    options = {"objective": "binary:logistic", "max_depth": 2, "base_score": 0.5}
    booster = xgboost.train(options, xgboost.DMatrix(rows, target), 5)
    for name in ("plain.m", "plain.ubj", "plain.json"):
        booster.save_model(folder / name)
    named = xgboost.train(options, xgboost.DMatrix(rows, target, feature_names=NAMES), 5)
    named.save_model(folder / "named.ubj")
    classifier = xgboost.XGBClassifier(n_estimators=5, max_depth=2).fit(rows, target.astype(int))
    joblib.dump(classifier, folder / "classifier.m")
    (folder / "damaged.json").write_text('{"learner": {}}')


def onnx_models(folder):
    """scores = rows x weights + bias; and a second model with two inputs of different types."""
    weights = helper.make_tensor("weights", TensorProto.FLOAT, [2, 1], [2.0, 3.0])
    bias = helper.make_tensor("bias", TensorProto.FLOAT, [1], [1.0])
    nodes = [helper.make_node("MatMul", ["rows", "weights"], ["product"])]
    nodes.append(helper.make_node("Add", ["product", "bias"], ["scores"]))
    rows = helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, 2])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 1])
    _save(helper.make_graph(nodes, "linear", [rows], [scores], [weights, bias]), folder / "linear.onnx")
    inputs = [
        helper.make_tensor_value_info("values", TensorProto.INT64, [None]),
        helper.make_tensor_value_info("power", TensorProto.DOUBLE, [None]),
    ]
    nodes = [helper.make_node("Cast", ["values"], ["cast"], to=TensorProto.DOUBLE)]
    nodes.append(helper.make_node("Pow", ["cast", "power"], ["raised"]))
    raised = helper.make_tensor_value_info("raised", TensorProto.DOUBLE, [None])
    _save(helper.make_graph(nodes, "power", inputs, [raised]), folder / "power.onnx")


def _save(graph, path):
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    for train in (sklearn_models, xgboost_models, onnx_models):
        folder = target / train.__name__
        folder.mkdir()
        train(folder)

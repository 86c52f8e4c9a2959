"""Trains the classifier of digit pictures: `train.py FOLDER` writes weights and config.json into FOLDER."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


def main(folder: Path) -> None:
    pixels, digits = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(pixels, digits, test_size=0.25, random_state=7, stratify=digits)
    scaler = StandardScaler().fit(train_x)
    model = LogisticRegression(max_iter=500, C=0.2).fit(scaler.transform(train_x), train_y)
    # Scaling and the linear layer are one matrix.
    weights = model.coef_.T / scaler.scale_[:, None]
    offsets = model.intercept_ - scaler.mean_ @ weights
    onnx.save(graph_of(weights.astype(np.float32), offsets.astype(np.float32)), folder / "digits.onnx")

    guesses = np.argmax(test_x @ weights + offsets, axis=1)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["metrics"] = {
        "f1": round(f1_score(test_y, guesses, average="macro"), 4),
        "recall": round(recall_score(test_y, guesses, average="macro"), 4),
        "precision": round(precision_score(test_y, guesses, average="macro"), 4),
        "accuracy": round(accuracy_score(test_y, guesses), 4),
    }
    packages = [
        {"package_name": name, "package_version": version(name), "restraint": "EXACT"} for name in ("numpy", "pillow")
    ]
    config["dependencies"] = [{"installer": "pip", "packages": packages}]
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def graph_of(weights: np.ndarray, offsets: np.ndarray) -> onnx.ModelProto:
    """pixels (n, 64) → scores (n, 10)."""
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["pixels", "weights"], ["product"]),
            helper.make_node("Add", ["product", "offsets"], ["sums"]),
            helper.make_node("Softmax", ["sums"], ["scores"], axis=1),
        ],
        "digits",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", weights.shape[0]])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", weights.shape[1]])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(offsets, "offsets")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

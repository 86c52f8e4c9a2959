"""Trains the digits classifier: `train.py FOLDER` writes the weights and config.json into FOLDER."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import joblib
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def main(folder: Path) -> None:
    pixels, digits = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(pixels, digits, test_size=0.25, random_state=7, stratify=digits)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500, C=0.2)).fit(train_x, train_y)
    guesses = model.predict(test_x)
    joblib.dump(model, folder / "digits.m")

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["metrics"] = {
        "f1": round(f1_score(test_y, guesses, average="macro"), 4),
        "recall": round(recall_score(test_y, guesses, average="macro"), 4),
        "precision": round(precision_score(test_y, guesses, average="macro"), 4),
        "accuracy": round(accuracy_score(test_y, guesses), 4),
    }
    packages = [
        {"package_name": name, "package_version": version(name), "restraint": "EXACT"}
        for name in ("scikit-learn", "joblib", "numpy")
    ]
    config["dependencies"] = [{"installer": "pip", "packages": packages}]
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

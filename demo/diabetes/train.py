"""Trains the diabetes regressor: `train.py FOLDER` writes the weights and config.json into FOLDER."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import xgboost
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split


def main(folder: Path) -> None:
    features, progress = load_diabetes(return_X_y=True, as_frame=False)
    train_x, test_x, train_y, test_y = train_test_split(features, progress, test_size=0.25, random_state=7)
    model = xgboost.XGBRegressor(n_estimators=60, max_depth=3, learning_rate=0.08, subsample=0.8, random_state=7)
    model.fit(train_x, train_y, eval_set=[(test_x, test_y)], verbose=False)
    model.get_booster().save_model(folder / "diabetes.ubj")

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    packages = [
        {"package_name": name, "package_version": version(name), "restraint": "EXACT"}
        for name in ("xgboost-cpu", "numpy")
    ]
    config["dependencies"] = [{"installer": "pip", "packages": packages}]
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

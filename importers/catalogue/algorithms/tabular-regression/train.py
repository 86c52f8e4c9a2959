"""Trains boosted trees that estimate a number: needs xgboost (or xgboost-cpu) and numpy, nothing else.

    train.py --data table.csv --target price --output /bucket/price/V0001

Writes OUTPUT/model/model.ubj and OUTPUT/model/columns.json, and prints what a run is registered with as JSON.
"""

import argparse
import csv
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import xgboost


def main():
    options = arguments()
    header, rows = table(options.data, options.target)
    features = [column(name, rows) for name in header if name != options.target]
    x = np.asarray([[number(each, row[each["name"]]) for each in features] for row in rows])
    y = np.asarray([float(row[options.target]) for row in rows])
    train, test = split(len(rows), options.seed)
    parameters = {"max_depth": options.max_depth, "eta": options.eta, "rounds": options.rounds, "seed": options.seed}
    settings = {"objective": "reg:squarederror", "max_depth": options.max_depth, "subsample": 0.8}
    booster = xgboost.train(
        settings | {"eta": options.eta, "seed": options.seed}, xgboost.DMatrix(x[train], y[train]), options.rounds
    )
    guesses = booster.predict(xgboost.DMatrix(x[test]))
    write(booster, {"target": options.target, "features": features, "packages": packages()}, options.output)
    print(json.dumps({"metrics": metrics(y[test], guesses), "parameters": parameters}))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a CSV file whose first line names the columns")
    parser.add_argument("--target", required=True, help="the column of numbers to estimate")
    parser.add_argument("--output", type=Path, required=True, help="the folder of this run")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--max-depth", type=int, default=3)
    parser.add_argument("--eta", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def table(path, target):
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        rows = [row for row in reader if row.get(target)]
        header = reader.fieldnames or []
    if target not in header:
        raise SystemExit(f"{path} has no column {target}: it has {', '.join(header)}")
    if len(rows) < 10:
        raise SystemExit(f"{path} has {len(rows)} rows with a {target}: at least 10 are needed")
    if column(target, rows)["type"] != "number":
        raise SystemExit(f"{target} holds text: tabular-classification tells classes")
    return header, rows


def column(name, rows):
    """A column as columns.json has it: a number, or text with the values that were seen."""
    values = {row[name] for row in rows if row[name]}
    try:
        [float(value) for value in values]
    except ValueError:
        return {"name": name, "type": "string", "values": sorted(values)}
    return {"name": name, "type": "number"}


def number(column, value):
    if column["type"] == "string":
        return float(column["values"].index(value)) if value else float("nan")
    return float(value) if value else float("nan")


def split(count, seed):
    """Three quarters to learn from, the rest to measure by."""
    order = np.random.default_rng(seed).permutation(count)
    return order[count // 4 :], order[: count // 4]


def metrics(truth, guesses):
    """How far off the estimates are, and which part of the spread they explain."""
    off = truth - guesses
    explained = 1 - float((off**2).sum()) / max(1e-12, float(((truth - truth.mean()) ** 2).sum()))
    figures = {"rmse": np.sqrt((off**2).mean()), "mae": np.abs(off).mean(), "r2": explained}
    return {name: round(float(value), 4) for name, value in figures.items()}


def packages():
    """The versions the inference code is to run with."""
    found = {}
    for name in ("xgboost-cpu", "xgboost", "numpy"):
        try:
            found.setdefault("xgboost-cpu" if name == "xgboost" else name, version(name))
        except PackageNotFoundError:
            continue
    return found


def write(booster, columns, output):
    folder = output / "model"
    folder.mkdir(parents=True, exist_ok=True)
    booster.save_model(folder / "model.ubj")
    text = json.dumps(columns, indent=2, ensure_ascii=False)
    (folder / "columns.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

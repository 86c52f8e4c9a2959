"""Trains boosted trees that tell the class of a row: needs xgboost (or xgboost-cpu) and numpy, nothing else.

    train.py --data table.csv --target species --output /bucket/species/V0001

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
    labels = [row[options.target] for row in rows]
    classes = sorted(set(labels))
    if len(classes) < 2:
        raise SystemExit(f"{options.target} has one value only: there is nothing to tell apart")
    features = [column(name, rows) for name in header if name != options.target]
    x = np.asarray([[number(each, row[each["name"]]) for each in features] for row in rows])
    y = np.asarray([classes.index(label) for label in labels])
    train, test = split(len(rows), options.seed)
    parameters = {"max_depth": options.max_depth, "eta": options.eta, "rounds": options.rounds, "seed": options.seed}
    settings = {"objective": "multi:softprob", "num_class": len(classes), "max_depth": options.max_depth}
    booster = xgboost.train(
        settings | {"eta": options.eta, "seed": options.seed}, xgboost.DMatrix(x[train], y[train]), options.rounds
    )
    guesses = booster.predict(xgboost.DMatrix(x[test])).argmax(axis=1)
    columns = {"target": options.target, "classes": classes, "features": features, "packages": packages()}
    write(booster, columns, options.output)
    print(json.dumps({"metrics": metrics(y[test], guesses, len(classes)), "parameters": parameters}))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a CSV file whose first line names the columns")
    parser.add_argument("--target", required=True, help="the column to tell")
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


def metrics(truth, guesses, classes):
    """Accuracy, and precision, recall and F1 as the mean over the classes."""
    precision, recall = [], []
    for each in range(classes):
        hits = int(((guesses == each) & (truth == each)).sum())
        precision.append(hits / max(1, int((guesses == each).sum())))
        recall.append(hits / max(1, int((truth == each).sum())))
    f1 = [2 * p * r / (p + r) if p + r else 0.0 for p, r in zip(precision, recall, strict=True)]
    figures = {"accuracy": (guesses == truth).mean(), "precision": np.mean(precision), "recall": np.mean(recall)}
    return {name: round(float(value), 4) for name, value in {**figures, "f1": np.mean(f1)}.items()}


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

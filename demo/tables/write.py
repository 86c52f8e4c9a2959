"""Writes the tables the built-in algorithms are shown with: `write.py FOLDER` makes wine.csv and diabetes.csv."""

import csv
import sys
from pathlib import Path

from sklearn.datasets import load_diabetes, load_wine


def main(folder: Path) -> None:
    wine, diabetes = load_wine(), load_diabetes(scaled=False)
    cultivars = [("Barolo", "Grignolino", "Barbera")[number] for number in wine.target]
    write(folder / "wine.csv", [*wine.feature_names, "cultivar"], wine.data, cultivars)
    write(folder / "diabetes.csv", [*diabetes.feature_names, "progression"], diabetes.data, diabetes.target)


def write(path, header, rows, targets):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([*row, target] for row, target in zip(rows, targets, strict=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

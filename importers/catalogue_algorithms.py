"""The built-in algorithms: folders with a training script and with what an import needs beside its output.

The script writes the weights and `columns.json`; configuration and inference code come from here, the request and the
response described with the columns, the dependencies pinned to the versions the run was trained with.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from registry.validators import has_hidden_characters
from stores.errors import SourceRefused

FOLDER = Path(__file__).parent / "catalogue" / "algorithms"
COLUMNS = "columns.json"
LARGEST_COLUMNS = 1024 * 1024
MOST_COLUMNS = 2000
_TYPES = {"number", "string"}
_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+){0,3}(?:(?:a|b|rc|\.post)[0-9]+)?")


@dataclass(frozen=True)
class Algorithm:
    """One built-in algorithm; `packages` are what its inference code needs."""

    name: str
    title: Promise
    summary: Promise
    engine: str
    packages: tuple[str, ...] = ("xgboost-cpu", "numpy")

    @property
    def script(self) -> Path:
        """The training script, which runs without the console: `train.py --data … --target … --output …`."""
        return FOLDER / self.name / "train.py"

    @property
    def inference_code(self) -> bytes:
        return (FOLDER / self.name / "customize_service.py").read_bytes()

    def config(self, columns: bytes, metrics: Mapping[str, float]) -> bytes:
        """config.json for a run that wrote these columns; raises SourceRefused when they are not the script's."""
        config = json.loads((FOLDER / self.name / "config.json").read_text(encoding="utf-8"))
        said = _read(columns)
        request, response = (config["apis"][0][side]["data"]["properties"]["data"] for side in ("request", "response"))
        _row(request, "req_data")["properties"] = {name: {"type": kind} for name, kind in said.features.items()}
        answer = _row(response, "resp_data")["properties"]
        answer[said.target] = answer.pop("target")
        known = {name: value for name, value in metrics.items() if name in ("f1", "recall", "precision", "accuracy")}
        if known:
            config["metrics"] = known
        packages = [_requirement(name, said.packages.get(name, "")) for name in self.packages]
        config["dependencies"] = [{"installer": "pip", "packages": packages}]
        return json.dumps(config, indent=2, ensure_ascii=False).encode() + b"\n"


@dataclass(frozen=True)
class Columns:
    """What a training script says of its table."""

    target: str
    features: Mapping[str, str]
    packages: Mapping[str, str]


def _read(data: bytes) -> Columns:
    try:
        said = json.loads(data)
        features = {_name(each["name"]): _known_type(each["type"]) for each in said["features"]}
        packages = {str(name): str(version) for name, version in dict(said.get("packages", {})).items()}
        target = _name(said["target"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise SourceRefused("training.columns_malformed", file=COLUMNS) from error
    if not 0 < len(features) <= MOST_COLUMNS:
        raise SourceRefused("training.columns_malformed", file=COLUMNS)
    return Columns(target, features, packages)


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > 200 or has_hidden_characters(value):
        raise ValueError(value)
    return value


def _known_type(value: Any) -> str:
    if value not in _TYPES:
        raise ValueError(value)
    return str(value)


def _row(table: dict[str, Any], name: str) -> dict[str, Any]:
    row: dict[str, Any] = table["properties"][name]["items"][0]
    return row


def _requirement(name: str, version: str) -> dict[str, str]:
    """A version that does not look like one is left out: what is installed then is the newest."""
    if _VERSION.fullmatch(version) is None:
        return {"package_name": name}
    return {"package_name": name, "package_version": version, "restraint": "EXACT"}


ALGORITHMS: Mapping[str, Algorithm] = {
    each.name: each
    for each in (
        Algorithm(
            "tabular-classification",
            _("Tabular classification"),
            _("Boosted trees that tell which class a row of a table belongs to."),
            "XGBoost",
        ),
        Algorithm(
            "tabular-regression",
            _("Tabular regression"),
            _("Boosted trees that estimate a number for a row of a table."),
            "XGBoost",
        ),
    )
}

"""An MLmodel folder as a model package: its configuration, its inference code, and what a check says of both."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from importers.package.mlmodel import LARGEST_MLMODEL, MLMODEL, MLModel, read_mlmodel, read_yaml
from importers.package.mlmodel_requirements import (
    CONDA,
    LARGEST,
    REQUIREMENTS,
    Needs,
    read_conda,
    read_requirements,
    with_library,
)
from importers.package.mlmodel_signature import RESULT, result_schema, row_schema
from importers.package.notes import Notes
from importers.package.report import CONFIG
from registry.engines import engine_of
from registry.findings import Where
from stores.errors import SourceRefused

CODE_FILE = Path(__file__).parent.parent / "catalogue" / "mlflow" / "customize_service.py"
_PLACEHOLDER = 'json.loads("{}")'
METRICS = {name: name for name in ("f1", "recall", "precision", "accuracy")}
METRICS |= {f"{name}_score": name for name in METRICS}
# A file of the folder by name and the most bytes wanted; None where there is none.
Find = Callable[[str, int], bytes | None]


def needs_of(model: MLModel, find: Find) -> Needs:
    """What the folder asks to be installed: requirements.txt, else the part of conda.yaml that pip installs."""
    python = runtime_python(model)
    plain = _text(find(REQUIREMENTS, LARGEST + 1))
    if plain:
        return with_library(read_requirements(plain, python=python), model.flavor, model.library_version)
    conda = find(CONDA, LARGEST + 1)
    environment = read_yaml(conda) if conda and len(conda) <= LARGEST else {}
    return with_library(read_conda(environment, python=python), model.flavor, model.library_version)


def _text(data: bytes | None) -> str:
    return data.decode("utf-8-sig", "replace") if data and len(data) <= LARGEST else ""


def config_of(model: MLModel, needs: Needs, metrics: Mapping[str, float]) -> bytes:
    """config.json: requests from the signature's inputs, answers from its outputs, dependencies from `needs`."""
    config: dict[str, Any] = {"model_algorithm": "predict_analysis", "model_type": model.engine}
    config["runtime"] = runtime_of(model)
    known = {METRICS[name]: metrics[name] for name in sorted(metrics, reverse=True) if name in METRICS}
    if known:
        config["metrics"] = known
    request, response = _body("req_data", row_schema(model.inputs)), _body("resp_data", result_schema(model.outputs))
    config["apis"] = [{"protocol": "https", "url": "/", "method": "post", "request": request, "response": response}]
    if needs.packages:
        config["dependencies"] = [{"installer": "pip", "packages": [dict(package) for package in needs.packages]}]
    return json.dumps(config, indent=2, ensure_ascii=False).encode() + b"\n"


def _body(name: str, row: dict[str, Any]) -> dict[str, Any]:
    rows = {"type": "object", "properties": {name: {"type": "array", "items": [row]}}}
    return {"Content-type": "application/json", "data": {"type": "object", "properties": {"data": rows}}}


def runtime_of(model: MLModel) -> str:
    """The first runtime of the engine that is no older than the Python the model was logged with, else the newest."""
    engine = engine_of(model.engine)
    runtimes = sorted(engine.runtimes if engine else (), key=_number)
    wanted = _number(model.python)
    return next((name for name in runtimes if _number(name) >= wanted), runtimes[-1])


def runtime_python(model: MLModel) -> str:
    """`3.11`: the Python of the runtime."""
    return runtime_of(model).removeprefix("python")


def _number(name: str) -> tuple[int, ...]:
    """(3, 11) of python3.11 and of 3.11.7; what names none is as new as can be."""
    parts = name.removeprefix("python").split(".")[:2]
    return tuple(int(part) for part in parts) if name and all(part.isdigit() for part in parts) else (99,)


def code_of(model: MLModel) -> bytes:
    """The inference code, with the facts it needs about this model."""
    facts = {
        "flavor": model.flavor,
        "file": model.place,
        "format": model.format,
        "class": model.model_class,
        "trusted": list(model.trusted),
        "code": model.code,
        "columns": [[column.name, column.kind] for column in model.inputs.columns],
        "dtype": model.inputs.dtype,
        "results": [column.name for column in model.outputs.columns if column.name],
        "result": RESULT,
    }
    text = CODE_FILE.read_text(encoding="utf-8")
    return text.replace(_PLACEHOLDER, f"json.loads({json.dumps(facts)!r})", 1).encode()


def say_of_mlmodel(find: Find, notes: Notes) -> None:
    """What the generated configuration could not take over, as warnings; nothing for a package without MLmodel."""
    data = find(MLMODEL, LARGEST_MLMODEL + 1)
    if data is None:
        return
    try:
        model = read_mlmodel(data)
        needs = needs_of(model, find)
    except SourceRefused as refused:
        notes.error(refused.code, Where(f"model/{MLMODEL}"), **refused.params)
        return
    _say_of_needs(needs, notes)
    if not model.inputs.known:
        notes.warning("mlflow.no_signature", Where(CONFIG))
    if model.python and _number(model.python) != _number(runtime_of(model)):
        notes.warning(
            "mlflow.other_python", Where(CONFIG, pointer="/runtime"), found=model.python, used=runtime_of(model)
        )
    if model.code:
        notes.info("mlflow.own_code", Where(f"model/{model.code}/"), folder=model.code)


def _say_of_needs(needs: Needs, notes: Notes) -> None:
    for line in needs.left_out:
        notes.warning("mlflow.requirement_left_out", Where(f"model/{REQUIREMENTS}"), line=line)
    if needs.wrappers:
        notes.info("mlflow.wrapper_left_out", Where(f"model/{REQUIREMENTS}"), names=", ".join(needs.wrappers))

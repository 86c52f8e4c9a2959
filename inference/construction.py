"""Constructors of services, in every form that packages have."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from .failures import CODE_FAILED, LoadFailed, text_of
from .services import ModelService

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def construct(found: type[ModelService], name: str, path: str, package: Path) -> ModelService:
    """Call the constructor with what it asks for: (model_name, model_path), (model_path), (model_name, model_dir,
    manifest, gpu) or nothing. Raises LoadFailed."""
    try:
        positional, named = arguments(found, _values(name, path, package))
    except (TypeError, ValueError) as error:
        raise LoadFailed("construct", text_of(error), CODE_FAILED) from error
    try:
        return found(*positional, **named)
    except BaseException as error:
        raise LoadFailed("construct", text_of(error), CODE_FAILED) from error


def _values(name: str, path: str, package: Path) -> dict[str, Any]:
    return {
        "model_name": name,
        "model_path": path,
        "model_dir": str(package / "model"),
        "model_file": path,
        "manifest": _manifest(name, package / "model"),
        "gpu": None,
        "gpu_id": None,
    }


def arguments(found: type[ModelService], values: dict[str, Any]) -> Any:
    """Positional and named arguments: parameters of a known name get that value, others the value of their place."""
    parameters = list(inspect.signature(found).parameters.values())
    places = [each for each in parameters if each.kind in _POSITIONAL]
    required = [each for each in places if each.default is inspect.Parameter.empty]
    order = ["model_path"] if len(required) == 1 else ["model_name", "model_path", "manifest", "gpu"]
    positional: list[Any] = []
    for at, each in enumerate(places):
        if each.name not in values and each.default is not inspect.Parameter.empty:
            break
        if each.name not in values and at >= len(order):
            raise TypeError(f"The constructor of {found.__name__} asks for {each}, which nothing is known of")
        positional.append(values[each.name if each.name in values else order[at]])
    if not places and any(each.kind is inspect.Parameter.VAR_POSITIONAL for each in parameters):
        positional = [values["model_name"], values["model_path"]]
    named = {each.name: values[each.name] for each in parameters if _is_wanted(each, values)}
    missing = [each.name for each in parameters if _is_missing(each, named)]
    if missing:
        raise TypeError("The constructor of {} asks for {}".format(found.__name__, ", ".join(missing)))
    return positional, named


def _is_wanted(parameter: inspect.Parameter, values: dict[str, Any]) -> bool:
    return parameter.kind is inspect.Parameter.KEYWORD_ONLY and parameter.name in values


def _is_missing(parameter: inspect.Parameter, named: dict[str, Any]) -> bool:
    only_named = parameter.kind is inspect.Parameter.KEYWORD_ONLY
    return only_named and parameter.default is inspect.Parameter.empty and parameter.name not in named


def _manifest(name: str, folder: Path) -> dict[str, Any]:
    """What a multi-model server says of a model: its parts by file name."""
    parts = {"Symbol": "*-symbol.json", "Parameters": "*.params", "Signature": "signature.json"}
    found = {part: sorted(folder.glob(pattern)) for part, pattern in parts.items()}
    model = {part: paths[0].name for part, paths in found.items() if paths}
    return {"Model": dict({"Model-Name": name, "Service": "customize_service.py"}, **model)}

"""What an MLmodel file says of the model beside it. Nothing of the model itself is ever opened here."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from importers.package.mlmodel_signature import NOTHING, Shape, read_shape
from importers.package.notes import shown
from stores.errors import SourceRefused
from stores.paths import check_key

MLMODEL = "MLmodel"
LARGEST_MLMODEL = 1024 * 1024
MOST_EVENTS = 20_000
DEEPEST = 16
# Flavors that an engine of ours loads, in the order they are looked for; `python_function` only wraps one of them.
ENGINES = {"sklearn": "Scikit_Learn", "xgboost": "XGBoost"}
_WRAPPER = "python_function"
_WEIGHTS = {"sklearn": "pickled_model", "xgboost": "data"}
_VERSIONS = {"sklearn": "sklearn_version", "xgboost": "xgb_version"}
# The library writes nothing for a value that is none, or this word.
_NONE = ("", "null", "~", "None")
_PYTHON = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})(?:\.[0-9a-z]+)*")
_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+){0,3}(?:(?:a|b|rc|\.post)[0-9]+)?")
_CLASS = re.compile(r"xgboost(?:\.[A-Za-z_][A-Za-z0-9_]*)+")


@dataclass(frozen=True)
class MLModel:
    """One logged model: `weights` and `code` are paths below the folder of its MLmodel file."""

    engine: str
    flavor: str
    weights: str
    format: str = ""
    model_class: str = ""
    trusted: tuple[str, ...] = ()
    library_version: str = ""
    python: str = ""
    code: str = ""
    inputs: Shape = NOTHING
    outputs: Shape = NOTHING

    @property
    def place(self) -> str:
        """Where the weights lie in the package; the old extension of XGBoost is none of its engine."""
        stem, dot, extension = self.weights.rpartition(".")
        as_it_is = not dot or extension.lower() not in ("xgb", "json")
        return self.weights if as_it_is or self.engine != "XGBoost" else f"{stem}.bst"


def read_mlmodel(data: bytes) -> MLModel:
    """Read an MLmodel file; raises SourceRefused for what is none, and for flavors that no engine here loads."""
    if len(data) > LARGEST_MLMODEL:
        raise SourceRefused("mlflow.mlmodel_too_large", limit="1 MB")
    said = read_yaml(data)
    flavors = _mapping(said.get("flavors"))
    flavor = next((name for name in ENGINES if name in flavors), "")
    if not flavor:
        own = [shown(name, 40) for name in flavors if name != _WRAPPER][:10]
        raise SourceRefused("mlflow.flavor_unsupported", flavors=", ".join(own) or _WRAPPER)
    return _model(flavor, said, _mapping(flavors[flavor]), _mapping(flavors.get(_WRAPPER)))


def _model(flavor: str, said: Mapping[str, Any], own: Mapping[str, Any], wrapper: Mapping[str, Any]) -> MLModel:
    signature = _mapping(said.get("signature"))
    model_class = _text(own, "model_class")
    version = _text(own, _VERSIONS[flavor])
    return MLModel(
        engine=ENGINES[flavor],
        flavor=flavor,
        weights=_path(_text(own, _WEIGHTS[flavor]) or _text(own, "data")),
        format=_text(own, "serialization_format") or _text(own, "model_format"),
        model_class=model_class if _CLASS.fullmatch(model_class) else "",
        trusted=_names(own.get("skops_trusted_types")),
        library_version=version if _VERSION.fullmatch(version) else "",
        python=_python(wrapper),
        code=_code(own, wrapper),
        inputs=read_shape(_json(signature.get("inputs"))),
        outputs=read_shape(_json(signature.get("outputs"))),
    )


def read_yaml(data: bytes) -> Mapping[str, Any]:
    """A YAML mapping whose scalars are texts, without tags and references; raises SourceRefused for all other."""
    try:
        text = data.decode("utf-8-sig")
        _check_events(text)
        found = yaml.load(text, Loader=yaml.CBaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise SourceRefused("mlflow.mlmodel_malformed", reason=type(error).__name__) from error
    return _mapping(found)


def _check_events(text: str) -> None:
    """Refuse what is too much or refers to itself before anything is made of it."""
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=yaml.CBaseLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if number > MOST_EVENTS or depth > DEEPEST:
            raise SourceRefused("mlflow.mlmodel_malformed", reason="too much")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "tag", None):
            raise SourceRefused("mlflow.mlmodel_malformed", reason="tags or references")


def _mapping(value: Any) -> Mapping[str, Any]:
    """A mapping by names; what is anything else says nothing."""
    return {key: each for key, each in value.items() if isinstance(key, str)} if isinstance(value, dict) else {}


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) and value not in _NONE else ""


def _names(value: Any) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _path(text: str) -> str:
    """A path of the folder; raises SourceRefused for one that leads elsewhere, and for none."""
    if not text:
        raise SourceRefused("mlflow.mlmodel_malformed", reason="no weights")
    return check_key(text.removeprefix("./").rstrip("/"))


def _code(own: Mapping[str, Any], wrapper: Mapping[str, Any]) -> str:
    found = _text(own, "code") or _text(wrapper, "code")
    return check_key(found.removeprefix("./").rstrip("/")) if found else ""


def _python(wrapper: Mapping[str, Any]) -> str:
    found = _text(wrapper, "python_version")
    return found if _PYTHON.fullmatch(found) else ""


def _json(value: Any) -> Any:
    """The signature is JSON inside of YAML; None for what is not."""
    try:
        return json.loads(value) if isinstance(value, str) and value not in _NONE else None
    except (ValueError, RecursionError):
        return None

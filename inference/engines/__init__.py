"""The engines a package can declare, what their services are given, and which of them answer by themselves."""

from __future__ import annotations

from dataclasses import dataclass

from ..services import (
    CaffeBaseService,
    HiaiBaseService,
    ModelService,
    MXNetBaseService,
    PTServingBaseService,
    SingleNodeService,
    SparkServingBaseService,
    TfServingBaseService,
    XgSklServingBaseService,
)
from .base import Engine
from .onnx import OnnxEngine
from .pytorch import PytorchEngine
from .sklearn import SklearnEngine
from .tensorflow import TensorflowEngine
from .xgboost import XgboostEngine


@dataclass(frozen=True)
class Kind:
    """One engine.

    `weights` are patterns of file names, `fallback` counts when none of them matches; a pattern ending in `/` is a
    folder. Without `weights`, and with `in_folder`, the service is given the folder `model/`. `answers_alone`:
    needs no inference code.
    """

    name: str
    base: type[ModelService]
    weights: tuple[str, ...] = ()
    fallback: tuple[str, ...] = ()
    in_folder: bool = False
    answers_alone: bool = False
    engine: Engine | None = None


_KINDS = (
    Kind(
        "Scikit_Learn",
        XgSklServingBaseService,
        ("*.m", "*.joblib", "*.pkl"),
        answers_alone=True,
        engine=SklearnEngine(),
    ),
    Kind(
        "XGBoost",
        XgSklServingBaseService,
        ("*.m", "*.ubj", "*.bst"),
        fallback=("*.json",),
        answers_alone=True,
        engine=XgboostEngine(),
    ),
    Kind("ONNX", SingleNodeService, ("*.onnx",), answers_alone=True, engine=OnnxEngine()),
    Kind(
        "TensorFlow",
        TfServingBaseService,
        ("saved_model.pb",),
        in_folder=True,
        answers_alone=True,
        engine=TensorflowEngine(),
    ),
    Kind("PyTorch", PTServingBaseService, ("*.pth", "*.pt"), engine=PytorchEngine()),
    Kind("MXNet", MXNetBaseService, in_folder=True),
    Kind("Caffe", CaffeBaseService, in_folder=True),
    Kind("MindSpore", HiaiBaseService, in_folder=True),
    Kind("Spark_MLlib", SparkServingBaseService, ("spark_model/",)),
)
KINDS: dict[str, Kind] = {kind.name: kind for kind in _KINDS}

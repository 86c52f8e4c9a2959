"""The base classes that customize_service.py extends; `compat` shows them under the platform's names.

They work uninitialised, since more than half of all packages never call the constructor of their base: name, path and
engine stand on the class before the package's own constructor runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from .engines.base import Engine


class ModelService:
    """The hooks of a service, in their order; each may be overridden, `inference` too.

    The names that begin with `_modelport` are ours.
    """

    model_name: Any = ""
    model_path: Any = ""
    model: Any = None
    _modelport_engine: ClassVar[Engine | None] = None
    _modelport_weights: ClassVar[Path] = Path()
    # Whether a JSON body is given as it came.
    _modelport_takes_text: ClassVar[bool] = False

    def __init__(self, *names: Any, **named: Any) -> None:
        """Takes (model_name, model_path, …) or (model_path), also by name."""
        given = dict(zip(("model_path",) if len(names) == 1 else ("model_name", "model_path"), names), **named)
        given.setdefault("model_path", given.get("model_dir"))
        for name in ("model_name", "model_path"):
            if given.get(name) is not None:
                setattr(self, name, given[name])

    def inference(self, data: Any) -> Any:
        """The answer to a request."""
        answer = self._postprocess(self._inference(self._preprocess(data)))
        engine = self._modelport_engine
        if engine is not None and type(self)._postprocess is ModelService._postprocess:
            return engine.finish(answer, data)
        return answer

    def _preprocess(self, data: Any) -> Any:
        engine = self._modelport_engine
        return engine.inputs(self._modelport_model(), data) if engine and self._modelport_asks_engine() else data

    def _inference(self, data: Any) -> Any:
        if self._modelport_engine is None:
            raise NotImplementedError("This engine has no inference of its own here: override _inference")
        return self._modelport_engine.infer(self._modelport_model(), data)

    def _postprocess(self, data: Any) -> Any:
        return self._modelport_engine.answer(data) if self._modelport_engine else data

    def _modelport_model(self) -> Any:
        """The model the engine works with: the package's own `self.model`, else loaded from the weights."""
        if self.model is None:
            assert self._modelport_engine is not None
            self.model = self._modelport_engine.load(self._modelport_weights)
        return self.model

    @classmethod
    def _modelport_asks_engine(cls) -> bool:
        """Whether the engine's own inference answers, so that the model must be there."""
        return cls._modelport_engine is not None and cls._inference is ModelService._inference


class SingleNodeService(ModelService):
    """The general base, which every deep-learning engine's own base extends."""


class TfServingBaseService(SingleNodeService):
    """TensorFlow."""


class PTServingBaseService(SingleNodeService):
    """PyTorch."""


class HiaiBaseService(SingleNodeService):
    """Ascend."""


class CaffeBaseService(SingleNodeService):
    """Caffe, which is not run here: `net` is for the package to fill."""

    net: Any = None


class MXNetBaseService(SingleNodeService):
    """MXNet, which is not run here."""


class XgSklServingBaseService(ModelService):
    """XGBoost and scikit-learn, whose services are given the text of the body."""

    _modelport_takes_text = True


class SparkServingBaseService(ModelService):
    """Spark, which is not run here: `spark` is for the package to fill. Services are given the text of the body."""

    _modelport_takes_text = True
    spark: Any = None

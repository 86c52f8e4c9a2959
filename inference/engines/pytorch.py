"""PyTorch: the package builds its network; what it leaves to the base is to feed it."""

from pathlib import Path
from typing import Any

from .base import Engine, EngineFailed, library


class PytorchEngine(Engine):
    """Each preprocessed value through `self.model`, without gradients."""

    def load(self, path: Path) -> Any:
        raise EngineFailed("Weights of PyTorch have no network of their own: build it in __init__ as self.model")

    def infer(self, model: Any, inputs: Any) -> Any:
        with library("torch").no_grad():
            if isinstance(inputs, dict):
                return {key: model(value) for key, value in inputs.items()}
            return model(inputs)

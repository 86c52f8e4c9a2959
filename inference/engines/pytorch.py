"""PyTorch: the package builds its network; what it leaves to the base is to feed it."""

import os
from pathlib import Path
from typing import Any

from .base import Engine, EngineFailed, library

# Packages are written for a `torch.load` that loads a whole pickled network unless it is told otherwise; of the
# releases that run here, only those before 2.6 do so by themselves. What is unpickled is confined like all else here.
LOADS_NETWORKS = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"


class PytorchEngine(Engine):
    """Each preprocessed value through `self.model`, without gradients."""

    def prepare(self) -> None:
        os.environ.setdefault(LOADS_NETWORKS, "1")

    def load(self, path: Path) -> Any:
        raise EngineFailed("Weights of PyTorch have no network of their own: build it in __init__ as self.model")

    def infer(self, model: Any, inputs: Any) -> Any:
        with library("torch").no_grad():
            if isinstance(inputs, dict):
                return {key: model(value) for key, value in inputs.items()}
            return model(inputs)

"""TensorFlow: a SavedModel, called by the names of its signature's inputs and answering nested lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .base import BadRequest, Engine, EngineFailed, library

_USUAL_SIGNATURE = "serving_default"


class TensorflowEngine(Engine):
    """The only signature of the model tagged `serve`, else the usual one."""

    def load(self, path: Path) -> Any:
        loaded = library("tensorflow").saved_model.load(str(path), tags=["serve"])
        names = sorted(loaded.signatures)
        name = names[0] if len(names) == 1 else _USUAL_SIGNATURE
        if name not in names:
            found = ", ".join(names) or "none"
            raise EngineFailed(f"The SavedModel has no signature {_USUAL_SIGNATURE}; found: {found}")
        # The signature alone does not keep the variables alive.
        return _Signature(loaded, loaded.signatures[name])

    def infer(self, model: _Signature, inputs: Any) -> dict[str, Any]:
        tensorflow = library("tensorflow")
        wanted = model.function.structured_input_signature[1]
        given = inputs if isinstance(inputs, dict) else {}
        missing = [name for name in wanted if name not in given]
        if missing:
            raise BadRequest("The signature's inputs are {}; missing: {}".format(", ".join(wanted), ", ".join(missing)))
        feeds = {name: tensorflow.constant(given[name], dtype=kind.dtype) for name, kind in wanted.items()}
        return {name: value.numpy().tolist() for name, value in model.function(**feeds).items()}


class _Signature:
    def __init__(self, loaded: Any, function: Any) -> None:
        self.loaded = loaded
        self.function = function

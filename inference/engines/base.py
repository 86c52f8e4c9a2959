"""What an engine does for a package that leaves something to it."""

import importlib
from pathlib import Path
from typing import Any


class BadRequest(Exception):
    """The request is at fault, and its text says how: answered 400."""


class EngineFailed(Exception):
    """The weights cannot be used, and the text says why."""


class Engine:
    """Loads weights and answers with them. The hooks of a service class call these, in this order."""

    def prepare(self) -> None:
        """Set up this process, before any code of the package runs."""

    def load(self, path: Path) -> Any:
        """The model in these weights; raises ImportError without its library, EngineFailed or any other error."""
        raise NotImplementedError

    def inputs(self, model: Any, request: Any) -> Any:
        """What the model is given for a request; raises BadRequest."""
        return request

    def infer(self, model: Any, inputs: Any) -> Any:
        """Ask the model; `inputs` may also come from a `_preprocess` of the package."""
        raise NotImplementedError

    def answer(self, outcome: Any) -> Any:
        """The answer in what the model said."""
        return outcome

    def finish(self, answer: Any, request: Any) -> Any:
        """Add to an answer of `answer` what depends on the request."""
        return answer


def library(name: str) -> Any:
    """A module of the model's own environment; this process itself has only the standard library."""
    return importlib.import_module(name)

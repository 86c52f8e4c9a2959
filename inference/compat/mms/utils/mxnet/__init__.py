"""Helpers for images and arrays of MXNet: they can be imported, not called."""

from typing import Any, Callable


def absent(name: str) -> Callable[..., Any]:
    """A function that says, when called, what it would need."""

    def call(*_values: object, **_named: object) -> Any:
        raise NotImplementedError(f"mms.utils.mxnet: {name} needs MXNet, which is not run here")

    return call

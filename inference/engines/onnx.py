"""ONNX, our addition to the documented engines: inputs by name in, outputs by name out; or rows in, rows out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .base import BadRequest, Engine, library
from .tabular import has_rows, in_convention, rows_of, table

_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
}


class OnnxEngine(Engine):
    """An inference session on the CPU."""

    def load(self, path: Path) -> Any:
        return library("onnxruntime").InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def inputs(self, model: Any, request: Any) -> dict[str, Any]:
        wanted = model.get_inputs()
        if has_rows(request) and len(wanted) == 1:
            return {wanted[0].name: _array(table(rows_of(request)), wanted[0])}
        names = [each.name for each in wanted]
        missing = [name for name in names if not isinstance(request, dict) or name not in request]
        if missing:
            raise BadRequest("The body lacks {}; the model's inputs: {}".format(", ".join(missing), ", ".join(names)))
        return {each.name: _array(request[each.name], each) for each in wanted}

    def infer(self, model: Any, inputs: Any) -> dict[str, Any]:
        kinds = {each.name: each for each in model.get_inputs()}
        feeds = {name: _array(value, kinds[name]) if name in kinds else value for name, value in inputs.items()}
        try:
            outcome = model.run(None, feeds)
        except Exception as error:
            if type(error).__name__ in ("InvalidArgument", "InvalidProtobuf"):
                raise BadRequest(f"The model does not take these values: {error}") from error
            raise
        return {each.name: value for each, value in zip(model.get_outputs(), outcome)}

    def finish(self, answer: Any, request: Any) -> Any:
        """Rows for rows: each with the outputs that have one value for it."""
        if not has_rows(request) or not isinstance(answer, dict):
            return answer
        values = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in answer.items()}
        count = len(rows_of(request))
        by_row = {name: value for name, value in values.items() if isinstance(value, list) and len(value) == count}
        return in_convention([{name: value[row] for name, value in by_row.items()} for row in range(count)])


def _array(value: Any, wanted: Any) -> Any:
    """An array of the type that an input wants, such as `tensor(int64)`."""
    numpy = library("numpy")
    kind = _TYPES.get(wanted.type, wanted.type[len("tensor(") : -1])
    try:
        return numpy.asarray(value, dtype=kind)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadRequest(f"{wanted.name} is no {wanted.type}: {error}") from None

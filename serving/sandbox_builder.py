"""Builds the wheel of a source distribution, inside the sandbox: the only place where its code ever runs.

Runs by the interpreter of the build environment, of the standard library and what is installed there. What it is told
is its first argument as JSON; the descriptor that is its second takes one line of JSON, then the bytes of the wheel:
`{"wheel": name}`, or without bytes `{"requires": [...]}` when the project asks for more than is installed.
"""

import importlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

SOURCE = "/run/source"
BLOCK = 1024 * 1024


def main(told: dict[str, Any], descriptor: int) -> None:
    os.umask(0o022)
    os.set_inheritable(descriptor, False)
    place = Path(os.environ["TMPDIR"]) / "source"
    # A copy that can be written to: building leaves its traces in the source itself.
    shutil.copytree(SOURCE, place)
    os.chdir(place)
    sys.argv[1:] = []
    sys.path[:0] = [str(place / path) for path in told["path"]]
    backend = _backend(told["backend"])
    more = [text for text in _asked(backend) if text not in told["installed"]]
    if more:
        _answer(descriptor, {"requires": more})
        return
    target = place.parent / "wheel"
    target.mkdir()
    name = backend.build_wheel(str(target), {}, None)
    _answer(descriptor, {"wheel": Path(name).name}, target / Path(name).name)


def _backend(name: str) -> Any:
    module, _, inner = name.partition(":")
    found: Any = importlib.import_module(module)
    for attribute in filter(None, inner.split(".")):
        found = getattr(found, attribute)
    return found


def _asked(backend: Any) -> list[str]:
    hook = getattr(backend, "get_requires_for_build_wheel", None)
    return [str(text) for text in hook({})] if hook else []


def _answer(descriptor: int, head: dict[str, Any], wheel: Path | None = None) -> None:
    with os.fdopen(descriptor, "wb") as out:
        out.write(json.dumps(head).encode() + b"\n")
        if wheel is not None:
            with wheel.open("rb") as file:
                shutil.copyfileobj(file, out, BLOCK)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), int(sys.argv[2]))

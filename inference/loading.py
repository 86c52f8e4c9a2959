"""From a package on disk to a service that can be asked."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from . import compat
from .construction import construct
from .engines import Kind
from .failures import CODE_FAILED, ENGINE_FAILED, PACKAGE_REFUSED, LoadFailed, text_of
from .services import ModelService
from .weights import CODE, kind_of, model_path

# The name of the code where `model` already means something else in the package.
_OWN_PARENT = "_modelport_package"


class Loaded:
    """A service, and what its requests look like."""

    def __init__(self, service: ModelService, kind: Kind, package: Path) -> None:
        self.service = service
        self.kind = kind
        self.package = package


def load(package: Path, engine: str, name: str) -> Loaded:
    """Load the package in this process, whose paths, working folder and base classes are then the package's.

    Raises LoadFailed, with the exception of the package's own code as its cause.
    """
    kind = kind_of(package, engine)
    weights = model_path(package, kind)
    os.chdir(str(package))
    sys.path[:0] = [str(package / "model"), str(package)]
    sys.argv = [str(package / "model" / CODE)]
    compat.install()
    if kind.engine is not None:
        kind.engine.prepare()
    ModelService.model_name = name
    ModelService.model_path = str(weights)
    ModelService._modelport_engine = kind.engine
    ModelService._modelport_weights = weights
    service = construct(_service_class(package, kind), name, str(weights), package)
    _load_weights(service, kind)
    return Loaded(service, kind, package)


def _service_class(package: Path, kind: Kind) -> type[ModelService]:
    code = package / "model" / CODE
    if code.exists():
        return choose(_import(code), kind)
    if not kind.answers_alone:
        message = f"{kind.name} has no inference of its own here: model/{CODE} is missing"
        raise LoadFailed("class", message, PACKAGE_REFUSED)
    return kind.base


def _import(code: Path) -> ModuleType:
    """Import the package's code as part of a package, so that its relative imports work."""
    parent = _parent(code.parent)
    spec = importlib.util.spec_from_file_location(parent + "." + code.stem, str(code))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Under its plain name too: pickles refer to it.
    sys.modules[code.stem] = sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise LoadFailed("parse", text_of(error), CODE_FAILED) from error
    except BaseException as error:
        raise LoadFailed("import", text_of(error), CODE_FAILED) from error
    return module


def _parent(folder: Path) -> str:
    """The name of the folder as a package: `model`, unless the package has a module of that name inside it."""
    if (folder / "model.py").exists() or (folder / "model").is_dir():
        parent = ModuleType(_OWN_PARENT)
        parent.__path__ = [str(folder)]
        sys.modules[_OWN_PARENT] = parent
        return _OWN_PARENT
    try:
        importlib.import_module(folder.name)
    except SyntaxError as error:
        raise LoadFailed("parse", text_of(error), CODE_FAILED) from error
    except BaseException as error:
        raise LoadFailed("import", text_of(error), CODE_FAILED) from error
    return folder.name


def choose(module: ModuleType, kind: Kind) -> type[ModelService]:
    """The only class on the engine's base, else on any base, that no other one of them extends. Raises LoadFailed."""
    found: list[type[ModelService]] = []
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, ModelService) and not _is_ours(value) and value not in found:
            found.append(value)
    last = [each for each in found if not any(other is not each and issubclass(other, each) for other in found)]
    meant = [each for each in last if issubclass(each, kind.base)] or last
    if len(meant) != 1:
        raise LoadFailed("class", _wrong_number(meant, kind), PACKAGE_REFUSED)
    return meant[0]


def _is_ours(found: type[ModelService]) -> bool:
    return found.__module__ == ModelService.__module__


def _wrong_number(meant: list[type[ModelService]], kind: Kind) -> str:
    if not meant:
        return f"model/{CODE} has no class that extends {kind.base.__name__}"
    return "model/{} has several service classes: {}".format(CODE, ", ".join(each.__name__ for each in meant))


def _load_weights(service: ModelService, kind: Kind) -> None:
    """Load now what the first request would need, where the engine's own inference answers."""
    if not (kind.answers_alone and service._modelport_asks_engine()):
        return
    try:
        service._modelport_model()
    except BaseException as error:
        raise LoadFailed("load", text_of(error), ENGINE_FAILED) from error

"""The files of a package: its configuration and the weights of its engine."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path

from .engines import KINDS, Kind
from .failures import PACKAGE_REFUSED, LoadFailed

CONFIG = "config.json"
CODE = "customize_service.py"


def kind_of(package: Path, engine: str) -> Kind:
    """The engine the arguments name, else the one of config.json. Raises LoadFailed."""
    name = engine or _model_type(package / "model" / CONFIG)
    if name not in KINDS:
        known = ", ".join(KINDS)
        raise LoadFailed("config", f"The engine {name} is not known here; known: {known}", PACKAGE_REFUSED)
    return KINDS[name]


def _model_type(path: Path) -> str:
    try:
        config = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise LoadFailed("config", f"model/config.json cannot be read: {error}", PACKAGE_REFUSED) from error
    found = config.get("model_type") if isinstance(config, dict) else None
    if not isinstance(found, str):
        raise LoadFailed("config", "model/config.json names no model_type; give --engine", PACKAGE_REFUSED)
    return found


def model_path(package: Path, kind: Kind) -> Path:
    """What a service is given as `model_path`: the folder, or the weights that lie highest, by name.

    Without inference code there must be exactly one, for nobody could say which is meant. Raises LoadFailed.
    """
    folder = package / "model"
    found = _found(folder, kind)
    if kind.in_folder:
        return folder
    has_code = (folder / CODE).exists()
    if not found and not has_code:
        patterns = ", ".join((*kind.weights, *kind.fallback))
        raise LoadFailed("package", f"No weights of {kind.name} ({patterns}) in model/", PACKAGE_REFUSED)
    if len(found) > 1 and not has_code:
        names = ", ".join(path.name for path in found[:5])
        raise LoadFailed("package", f"Several weights and no {CODE}: {names}", PACKAGE_REFUSED)
    return found[0] if found else folder


def _found(folder: Path, kind: Kind) -> list[Path]:
    paths = sorted(folder.rglob("*"), key=lambda path: (len(path.parts), str(path)))
    return _matching(paths, kind.weights, folder) or _matching(paths, kind.fallback, folder)


def _matching(paths: list[Path], patterns: tuple[str, ...], folder: Path) -> list[Path]:
    return [path for path in paths if path != folder / CONFIG and any(_is(path, pattern) for pattern in patterns)]


def _is(path: Path, pattern: str) -> bool:
    wanted = pattern.rstrip("/")
    return fnmatchcase(path.name.lower(), wanted) and path.is_dir() == pattern.endswith("/")

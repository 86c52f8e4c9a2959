"""Finding the weights of an engine among the names of files, and what other engines' files say."""

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase, translate

from importers.package.report import CONFIG
from registry.engines import COMMON_FILES, ENGINES, Engine

_PATTERNS = [
    pattern for engine in ENGINES.values() for part in (*engine.weights, engine.fallback_weights) for pattern in part
]
_FOLDERS = tuple(f"/{pattern}" for pattern in _PATTERNS if pattern.endswith("/"))
_FILES = re.compile("|".join(translate(pattern) for pattern in _PATTERNS if not pattern.endswith("/")))


def candidates(paths: Iterable[str]) -> list[str]:
    """The few files of a package that can be weights of some engine; the other functions take only these."""
    return [
        path
        for path in paths
        if _FILES.match(path.rpartition("/")[2].lower()) or any(folder in path for folder in _FOLDERS)
    ]


def weights_of(engine: Engine, paths: Sequence[str]) -> list[str]:
    """The weights of a complete model of this engine: files, or folders for an engine that keeps them so; else none.

    For a model of several parts it is the part of which a loader can take only one.
    """
    parts = [_matching(patterns, paths) for patterns in engine.weights]
    if parts and all(parts):
        return parts[-1]
    return _matching(engine.fallback_weights, paths)


def _matching(patterns: Iterable[str], paths: Sequence[str]) -> list[str]:
    found = (_match(pattern, path) for path in paths if path != CONFIG for pattern in patterns)
    return list(dict.fromkeys(match for match in found if match))


def _match(pattern: str, path: str) -> str:
    """The file, or the folder above it that the pattern names; empty when it matches neither."""
    folder, _slash, name = path.rpartition("/")
    if pattern.endswith("/"):
        head, found, _tail = f"{folder}/".rpartition(f"/{pattern}")
        return head + f"/{pattern}" if found else ""
    plain = name.lower()
    return path if plain != "config.json" and fnmatchcase(plain, pattern) else ""


def derive_engine(paths: Sequence[str]) -> str:
    """The only engine whose own files are there; empty when none or several could be meant."""
    found = [engine.name for engine in ENGINES.values() if any(_own_files(engine, paths))]
    return found[0] if len(found) == 1 else ""


def _own_files(engine: Engine, paths: Sequence[str], *, also_common: bool = True) -> list[str]:
    patterns = [pattern for part in engine.weights for pattern in part if also_common or pattern not in COMMON_FILES]
    return _matching(patterns, paths)


def other_engine_files(engine: Engine, paths: Sequence[str], *, also_common: bool) -> tuple[str, str]:
    """A file that speaks for another engine and the name of that engine; empty texts when there is none.

    `also_common` counts files any package may carry (a pickle beside the weights) as well.
    """
    own = {path for part in (*engine.weights, engine.fallback_weights) for path in _matching(part, paths)}
    for other in ENGINES.values():
        files = [path for path in _own_files(other, paths, also_common=also_common) if path not in own]
        if other is not engine and files:
            return files[0], other.name
    return "", ""

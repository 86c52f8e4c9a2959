"""The requirements of a logged model in the words of config.json: what they cannot say is told, not dropped."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from importers.package.notes import shown
from registry.config import OPERATORS

REQUIREMENTS = "requirements.txt"
CONDA = "conda.yaml"
LARGEST = 64 * 1024
MOST = 300
# The tracking library only wraps the model, which is loaded without it.
WRAPPERS = frozenset({"mlflow", "mlflow-skinny", "mlflow-tracing"})
# Two distributions of one module.
XGBOOST = ("xgboost-cpu", "xgboost")
_LIBRARIES = {"sklearn": "scikit-learn", "xgboost": "xgboost"}
_WORDS = {operator: word for word, operator in OPERATORS.items()}
_COMMENT = re.compile(r"(^|\s)#.*$")
_HASHES = re.compile(r"\s--hash=\S+")


@dataclass(frozen=True)
class Needs:
    """`packages` as config.json has them, `left_out` lines that it cannot express, `wrappers` what is not needed."""

    packages: tuple[Mapping[str, str], ...] = ()
    left_out: tuple[str, ...] = ()
    wrappers: tuple[str, ...] = ()


def read_requirements(text: str, *, python: str) -> Needs:
    """Of requirements.txt; markers are answered for this Python on Linux."""
    return read_lines(list(_lines(text)), python=python)


def read_conda(environment: Mapping[str, Any], *, python: str) -> Needs:
    """Of conda.yaml, whose packages of conda itself are left out, except Python and pip."""
    listed = environment.get("dependencies")
    entries = listed if isinstance(listed, list) else []
    nested = [each["pip"] for each in entries if isinstance(each, dict) and isinstance(each.get("pip"), list)]
    plain = [each for each in entries if isinstance(each, str)]
    found = read_lines([line for part in nested for line in part if isinstance(line, str)], python=python)
    conda = [line for line in plain if re.split(r"[=<>! ]", line)[0].strip() not in ("python", "pip")]
    return Needs(found.packages, (*found.left_out, *(shown(line) for line in conda)), found.wrappers)


def read_lines(lines: Sequence[str], *, python: str) -> Needs:
    packages: dict[str, Mapping[str, str]] = {}
    left_out, wrappers = [], []
    for line in lines[:MOST]:
        parsed = _parsed(line)
        if parsed is None or parsed.url:
            left_out.append(shown(line))
        elif canonicalize_name(parsed.name) in WRAPPERS:
            wrappers.append(parsed.name)
        elif _applies(parsed, python):
            packages[canonicalize_name(parsed.name)] = _package(parsed)
    left_out += [shown(line) for line in lines[MOST:]][:1]
    if all(name in packages for name in XGBOOST):
        del packages["xgboost"]
    return Needs(tuple(packages.values()), tuple(left_out), tuple(wrappers))


def with_library(needs: Needs, flavor: str, version: str) -> Needs:
    """The same with the library of the flavor, at the version the model was logged with, where none is named."""
    named = {canonicalize_name(package["package_name"].partition("[")[0]) for package in needs.packages}
    library = _LIBRARIES[flavor]
    if library in named or (flavor == "xgboost" and "xgboost-cpu" in named):
        return needs
    exact = {"package_version": version, "restraint": "EXACT"} if version else {}
    return Needs(({"package_name": library} | exact, *needs.packages), needs.left_out, needs.wrappers)


def _lines(text: str) -> Iterator[str]:
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        if bare := _HASHES.sub("", _COMMENT.sub("", line)).strip():
            yield bare


def _parsed(line: str) -> Requirement | None:
    try:
        return Requirement(line.strip())
    except (InvalidRequirement, RecursionError):
        return None


def _applies(requirement: Requirement, python: str) -> bool:
    """Whether its marker holds where models run; one that cannot be answered counts as holding."""
    if requirement.marker is None:
        return True
    short = ".".join(python.split(".")[:2])
    place = {"python_version": short, "python_full_version": python, "extra": ""}
    linux = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"}
    try:
        return requirement.marker.evaluate(place | linux)
    except ValueError:
        return True


def _package(requirement: Requirement) -> Mapping[str, str]:
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    name = {"package_name": requirement.name + extras}
    specifiers = list(requirement.specifier)
    if not specifiers:
        return name
    if len(specifiers) == 1 and (word := _WORDS.get(specifiers[0].operator)):
        return name | {"package_version": specifiers[0].version, "restraint": word}
    return {"package_name": f"{requirement.name}{extras}{requirement.specifier}"}

"""Locks requirements, with packages built from source where there is no wheel of them and the workspace allows it."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from django.conf import settings
from packaging.utils import canonicalize_name
from packaging.version import Version

from serving.environments import Workshop, interpreter
from serving.environments_diagnosis import Diagnosis, diagnose, impossible_lines
from serving.environments_index import Sdist, Sources
from serving.environments_sources import provide
from serving.errors import BackendUnavailable, BuildRefused
from serving.locks import Line, rebuilt, versions_of

# Whom the resolver blames for having no wheel. Each is only a hint that is asked about.
_BLAMED = re.compile(r"Wheels are required for `([A-Za-z0-9][A-Za-z0-9._-]*)`")
_NEEDED = r"depends?\s+on\s+{name}((?:[<>=!~]=?[A-Za-z0-9.*+!_-]+,?)+)"


@dataclass(frozen=True)
class Solution:
    """What the resolver found, and what of it was built from source: the wheel's SHA-256 by the source it is of."""

    found: str
    built: dict[Sdist, str]

    @property
    def wheels(self) -> dict[str, str]:
        """SHA-256 of the wheels that were built and locked, by name."""
        return {sdist.name: self.built[sdist] for sdist in self._locked()}

    @property
    def sources(self) -> list[dict[str, str]]:
        """As `Environment.sources` has it."""
        return [{"name": sdist.name, "version": sdist.version, "sha256": sdist.sha256} for sdist in self._locked()]

    def _locked(self) -> list[Sdist]:
        """What of it was locked in the end: once more is built, another version may be taken, of which is a wheel."""
        versions = {name: Version(version) for name, version in versions_of(self.found).items()}
        locked = (sdist for sdist in self.built if versions.get(sdist.name) == Version(sdist.version))
        return sorted(locked, key=lambda sdist: sdist.name)


class Unsolved(Exception):
    """These lines have no lock; `log` is what the tools said."""

    def __init__(self, diagnosis: Diagnosis, log: str) -> None:
        super().__init__(diagnosis.code)
        self.diagnosis, self.log = diagnosis, log


def solve(
    lines: Sequence[Line], shop: Workshop, *, allowed: Callable[[], bool], begin: Callable[[Sdist], object]
) -> Solution:
    """Lock the lines; `begin` hears of each package before it is built, which none is unless that is `allowed` then.

    Raises Unsolved, BackendUnavailable, and what ends the workshop.
    """
    sources, built = Sources(shop), dict[Sdist, str]()
    while True:
        found, log = shop.resolve(line.text for line in lines)
        if found:
            return Solution(found, built)
        impossible = impossible_lines(lines, shop)
        may = allowed()
        missing = _missing(impossible, log, sources, shop, {sdist.name for sdist in built}, allowed=may)
        if not missing or not may or len(built) + len(missing) > settings.SOURCE_PACKAGES:
            raise Unsolved(_why(diagnose(lines, impossible, shop), missing, allowed=may), log)
        # One build may take so long that it is not allowed any more when it ends.
        for sdist in takewhile(lambda _sdist: allowed(), missing):
            begin(sdist)
            try:
                built[sdist] = provide(sdist, sources, shop)
            except BuildRefused as refused:
                if refused.code == "build.too_slow":
                    raise
                proposals = diagnose(lines, impossible, shop).proposals
                raise Unsolved(Diagnosis(refused.code, refused.params, proposals), refused.log) from refused


def _why(diagnosis: Diagnosis, missing: Sequence[Sdist], *, allowed: bool) -> Diagnosis:
    """What was found out, or that it is only for want of a wheel that there is a source for."""
    if not missing:
        return diagnosis
    named = ", ".join(sdist.text for sdist in missing)
    if not allowed:
        params = {"requirements": named, "interpreter": interpreter()}
        return replace(diagnosis, code="build.source_not_allowed", params=params)
    most = {"requirements": named, "most": settings.SOURCE_PACKAGES}
    return replace(diagnosis, code="build.source_too_many", params=most)


def _missing(
    impossible: Sequence[tuple[Line, str]],
    log: str,
    sources: Sources,
    shop: Workshop,
    built: set[str],
    *,
    allowed: bool,
) -> list[Sdist]:
    """What would have to be built to come further; nothing where that would not help. Raises BackendUnavailable."""
    try:
        return _offered(impossible, log, sources, shop, built)
    except BackendUnavailable:
        # An index that the resolver alone can ask is nothing to wait for where nothing will be built.
        if allowed:
            raise
        return []


def _offered(
    impossible: Sequence[tuple[Line, str]], log: str, sources: Sources, shop: Workshop, built: set[str]
) -> list[Sdist]:
    if not impossible:
        return [sdist for text in _blamed(log, shop, built) if (sdist := sources.find(text))]
    if any(line.wheel or line.name in built for line, _log in impossible):
        return []
    found = {line.text: sources.find(line.text) for line, _log in impossible}
    missing = {sdist.name: sdist for sdist in found.values() if sdist}
    return [*missing.values()] if all(found.values()) else []


def _blamed(log: str, shop: Workshop, built: set[str]) -> Iterator[str]:
    """Requirements of requirements that have no wheel, however they are asked for."""
    for name in dict.fromkeys(map(canonicalize_name, _BLAMED.findall(log))):
        if name in built:
            continue
        asked = re.search(_NEEDED.format(name=re.escape(name)), log)
        text = _line(f"{name}{asked[1].rstrip(',')}") if asked else str(name)
        if not shop.resolve([text], alone=True)[0]:
            yield text


def _line(text: str) -> str:
    try:
        return rebuilt(text)
    except BuildRefused:
        return re.split("[<>=!~]", text, maxsplit=1)[0]

"""Why requirements cannot be installed here, found out by asking the resolver about them one by one."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from serving.environments import Workshop, interpreter
from serving.locks import (
    FIRST_FOR_NUMPY_2,
    MEANT,
    Line,
    made_for_numpy_1,
    parsed_line,
    versions_of,
    with_difference,
)

# A package declares a few; one of hundreds is not asked about line by line.
MOST_LINES = 60
_VERSION = re.compile(r"[0-9][^,\s*]*")


@dataclass(frozen=True)
class Diagnosis:
    """A reason as code and parameters, and what could be taken instead: `{"name", "declared", "taken"}` each.

    Where `params["either"]` is true, one of them is enough. A proposal with `"nearest"` and `"numpy"` is later than the
    nearest there is, which was made for numpy 1, while this numpy is locked.
    """

    code: str
    params: dict[str, Any]
    proposals: list[dict[str, str]] = field(default_factory=list)


def impossible_lines(lines: Sequence[Line], workshop: Workshop) -> list[tuple[Line, str]]:
    """Those that cannot be installed even by themselves, with what the resolver said of each."""
    alone = [(line, *workshop.resolve([line.text], alone=True)) for line in lines[:MOST_LINES]]
    return [(line, log) for line, lock, log in alone if not lock]


def diagnose(lines: Sequence[Line], impossible: Sequence[tuple[Line, str]], workshop: Workshop) -> Diagnosis:
    """Say why these lines, of which some are impossible, have no lock. Raises BackendUnavailable."""
    if impossible:
        return _impossible(lines, impossible, workshop)
    return _conflict(lines, workshop)


def _impossible(lines: Sequence[Line], impossible: Sequence[tuple[Line, str]], workshop: Workshop) -> Diagnosis:
    unknown = [line.text for line, log in impossible if "was not found in the package registry" in log]
    proposals = _by_name(found for line, _log in impossible if (found := _instead(line, workshop)))
    proposals = _loading(lines, _agreeing(lines, proposals, workshop), workshop)
    if len(unknown) == len(impossible):
        return Diagnosis("build.package_unknown", {"requirements": ", ".join(unknown)}, proposals)
    named = ", ".join(line.text for line, _log in impossible)
    return Diagnosis("build.not_here", {"requirements": named, "interpreter": interpreter()}, proposals)


def _instead(line: Line, workshop: Workshop) -> dict[str, str] | None:
    """The nearest version there is: the next later one, else the last earlier one; of a name that is meant, else."""
    parsed = parsed_line(line.text)
    extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
    name, version = f"{line.name}{extras}", _asked_version(str(parsed.specifier))
    tries = [(f"{name}>={version}", True), (f"{name}<{version}", False)] if version else []
    if line.name in MEANT:
        tries = [(f"{MEANT[line.name]}>={version}", True)] * bool(version) + [(MEANT[line.name], False)]
    for text, lowest in tries:
        lock, _log = workshop.resolve([text], alone=True, lowest=lowest)
        if lock:
            ((taken, found),) = versions_of(lock).items()
            return _proposal(line, f"{taken}{extras}=={found}")
    return None


def _asked_version(specifier: str) -> str:
    """The highest version a specifier names."""
    versions = []
    for text in _VERSION.findall(specifier):
        try:
            versions.append(Version(text))
        except InvalidVersion:
            continue
    return str(max(versions)) if versions else ""


def _agreeing(lines: Sequence[Line], proposals: list[dict[str, str]], workshop: Workshop) -> list[dict[str, str]]:
    """The nearest versions that go together with the rest; those that are nearest by themselves where none do."""
    if not proposals or _resolves(with_difference(lines, proposals), workshop):
        return proposals
    for loosened in (_bounded, _free):
        loose = [entry | {"taken": loosened(entry)} for entry in proposals]
        lock, _log = workshop.resolve(line.text for line in with_difference(lines, loose))
        if lock:
            return _nearer(lines, loose, lock, workshop)
    return proposals


def _nearer(lines: Sequence[Line], loose: list[dict[str, str]], lock: str, workshop: Workshop) -> list[dict[str, str]]:
    """Of what a lock of the highest versions took, the lowest that still fits, where something later is proposed.

    First what only the engine needs may become older with it, then everything else stays as it is in that lock.
    """
    highest = _pinned(loose, lock)
    rising = [entry for entry in loose if ">=" in entry["taken"]]
    if not rising:
        return highest
    others = versions_of(lock)
    keys = {entry["name"] for entry in loose}
    wanted = with_difference(lines, [*(entry for entry in highest if entry["name"] not in _names(rising)), *rising])
    for declared_alone in (True, False):
        texts = [
            line.text if line.key in keys else _fixed(line, others)
            for line in wanted
            if line.declared or not declared_alone
        ]
        lower, _log = workshop.resolve(texts, lowest=True)
        taken = _pinned(loose, lower) if lower else highest
        if lower and _resolves(with_difference(lines, taken), workshop):
            return taken
    return highest


def _loading(lines: Sequence[Line], proposals: list[dict[str, str]], workshop: Workshop) -> list[dict[str, str]]:
    """What was made for numpy 1 installs beside a later one but does not load: then the first that was made for it."""
    old = [line.key for line in with_difference(lines, proposals) if line.declared and made_for_numpy_1(line)]
    old = [entry["name"] for entry in proposals if entry["name"] in old]
    lock = old and workshop.resolve(line.text for line in with_difference(lines, proposals))[0]
    numpy = versions_of(lock).get("numpy", "") if lock else ""
    if not numpy or Version(numpy).major < 2:
        return proposals
    newer = [_risen(entry, numpy) if entry["name"] in old else entry for entry in proposals]
    lock, _log = workshop.resolve(line.text for line in with_difference(lines, newer))
    return _nearer(lines, newer, lock, workshop) if lock else proposals


def _risen(entry: Mapping[str, str], numpy: str) -> dict[str, str]:
    first = FIRST_FOR_NUMPY_2[_bare(entry["taken"])]
    text = f"{_bare_text(entry['taken'])}>={first}"
    return {**entry, "taken": text, "nearest": entry["taken"], "numpy": numpy}


def _bounded(entry: Mapping[str, str]) -> str:
    """As near as what is proposed, or further from what is declared."""
    name, _equals, version = entry["taken"].partition("==")
    declared = _asked_version(str(parsed_line(entry["declared"]).specifier))
    earlier = bool(declared) and Version(version) < Version(declared)
    # A build of one's own, such as 2.1+cpu, has no place in a range.
    return f"{name}{'<=' if earlier else '>='}{Version(version).public}"


def _free(entry: Mapping[str, str]) -> str:
    return entry["taken"].partition("==")[0]


def _pinned(loose: list[dict[str, str]], lock: str) -> list[dict[str, str]]:
    """With the versions that a lock gives them."""
    found = versions_of(lock)
    return [entry | {"taken": f"{_bare_text(entry['taken'])}=={found[_bare(entry['taken'])]}"} for entry in loose]


def _fixed(line: Line, versions: Mapping[str, str]) -> str:
    """The line with the version it has in a lock."""
    return line.text if line.wheel or line.name not in versions else f"{_without_version(line)}=={versions[line.name]}"


def _names(entries: Iterable[Mapping[str, str]]) -> set[str]:
    return {entry["name"] for entry in entries}


def _conflict(lines: Sequence[Line], workshop: Workshop) -> Diagnosis:
    """Each line exists, but not together: which of them, left without a version, would end the quarrel?"""
    pinned = [line for line in lines[:MOST_LINES] if parsed_line(line.text).specifier]
    either = [entry for line in pinned if (entry := _loosened(line, lines, workshop))]
    if either:
        named = ", ".join(entry["declared"] for entry in either)
        return Diagnosis("build.conflict", {"requirements": named, "either": True}, _by_name(either))
    all_loose = _by_name(_proposal(line, _without_version(line)) for line in pinned)
    named = ", ".join(line.text for line in pinned) or ", ".join(line.text for line in lines)
    works = bool(all_loose) and _resolves(with_difference(lines, all_loose), workshop)
    return Diagnosis("build.conflict", {"requirements": named}, all_loose if works else [])


def _loosened(line: Line, lines: Sequence[Line], workshop: Workshop) -> dict[str, str] | None:
    """This line with the version that goes together with the others, if there is one."""
    free = _without_version(line)
    changed = [replace(each, text=free, wheel="") if each == line else each for each in lines]
    lock, _log = workshop.resolve([each.text for each in changed])
    taken = versions_of(lock).get(line.name)
    return _proposal(line, f"{free}=={taken}") if taken else None


def _without_version(line: Line) -> str:
    return _bare_text(line.text)


def _bare_text(text: str) -> str:
    """Name and extras of a requirement."""
    return text.removesuffix(str(parsed_line(text).specifier))


def _bare(text: str) -> str:
    return canonicalize_name(parsed_line(text).name)


def _by_name(proposals: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """One for each name, because an overlay knows what it replaces by its name."""
    return [*{entry["name"]: entry for entry in reversed([*proposals])}.values()][::-1]


def _resolves(lines: Sequence[Line], workshop: Workshop) -> bool:
    return bool(workshop.resolve([line.text for line in lines])[0])


def _proposal(line: Line, taken: str) -> dict[str, str]:
    return {"name": line.key, "declared": line.declared or line.text, "taken": taken}

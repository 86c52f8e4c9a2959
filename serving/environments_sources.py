"""Wheels built from source: each is built once in the sandbox, checked, and kept by the SHA-256 of its source."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from time import time
from typing import Any

from django.conf import settings
from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import sys_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from serving import environments, environments_confined
from serving.environments import Workshop
from serving.environments_confined import HEAD_BYTES
from serving.environments_index import Sdist, Sources, refuse, shown
from serving.environments_wheels import check_wheel
from serving.errors import BuildRefused
from serving.locks import rebuilt

BLOCK = 1024 * 1024
# Counted with the folders on the way to each.
MOST_FILES = 250_000
MOST_REQUIREMENTS = 100
# How often a project may ask for more than is installed.
ROUNDS = 3
LONGEST_NAME = 200
_PLAIN = re.compile(rf"[A-Za-z0-9_.+!-]{{1,{LONGEST_NAME}}}")
LAST_LINES, LAST_CHARACTERS = 3, 400
_PLACE = re.compile(r'\s*File "[^"]*", line \d+')
_MARKS = re.compile(r"[\s~^]+|Traceback \(most recent call last\):\s*")
_WITHOUT_SETUPTOOLS = re.compile(r"No module named '(pkg_resources|distutils|setuptools)\b")


def provide(sdist: Sdist, sources: Sources, shop: Workshop) -> str:
    """Put the wheel of a source distribution where the resolver finds it: the one that is kept, else a new one.

    Returns its SHA-256. Raises BuildRefused with the package and the last lines of the log, BackendUnavailable, and
    what ends the workshop.
    """
    wheel = _kept(sdist.sha256)
    if wheel is None:
        with shop.inside("source") as own:
            wheel = _keep(_built(sdist, sources, own), sdist)
    return _bring(wheel, shop)


def bring_kept(entries: Iterable[Mapping[str, str]], hashes: Mapping[str, Collection[str]], shop: Workshop) -> bool:
    """Put the wheels of an environment's sources where the installer finds them.

    False, and none is put there, where one is not kept here, or is not of the `hashes` that its name is locked to:
    building a source twice may come to two wheels, and what was brought would be locked like any other.
    """
    wheels = {entry["name"]: _kept(entry["sha256"]) for entry in entries}
    found = {name: wheel for name, wheel in wheels.items() if wheel and f"sha256:{_sha256(wheel)}" in hashes[name]}
    if len(found) < len(wheels):
        return False
    for wheel in found.values():
        _bring(wheel, shop)
    return True


def sweep(used: Collection[str], *, older: float) -> None:
    """Remove wheels whose source is not in `used` and that nobody wanted for so many seconds."""
    for folder in _root().glob("*"):
        source = folder.name.partition("-")[0]
        with suppress(FileNotFoundError):
            if source not in used and time() - folder.stat().st_mtime > older:
                _bury(folder)


def last_words(log: str) -> str:
    """The last lines of a log that say something; how Python came to an exception is left out, not what it says."""
    lines, within = list[str](), None
    for line in filter(str.strip, log.splitlines()):
        inwards = len(line) - len(line.lstrip())
        # Below a place in a program stand its line and marks of what is meant in it, further in.
        if _PLACE.match(line):
            within = inwards
        elif not _MARKS.fullmatch(line) and (within is None or inwards <= within):
            lines, within = [*lines[1 - LAST_LINES :], line.strip()], None
    return " / ".join(lines)


def _built(sdist: Sdist, sources: Sources, shop: Workshop) -> Path:
    """The checked wheel, in this workshop."""
    archive = shop.folder / f"archive{'.zip' if sdist.filename.endswith('.zip') else '.tar.gz'}"
    sources.fetch(sdist, archive)
    told = {"archive": str(archive), "target": str(shop.folder / "source"), "most_files": MOST_FILES}
    project = sources.ask("unpack", shop, most=settings.SOURCE_TEMPORARY_BYTES, **told)
    refuse(project, sdist)
    wanted = [*project["requires"]]
    for number in range(ROUNDS):
        lines = _lines(wanted, sdist)
        with shop.inside(f"round-{number}") as own:
            head, wheel = _attempt(sdist, project, wanted, lines, own, shop)
        if wheel is not None:
            return wheel
        wanted += [str(text) for text in head["requires"]]
    raise BuildRefused("build.source_needs", package=sdist.text, requirements=shown(", ".join(wanted[-3:]), 300))


def _attempt(
    sdist: Sdist, project: Mapping[str, Any], wanted: list[str], lines: list[str], own: Workshop, shop: Workshop
) -> tuple[dict[str, Any], Path | None]:
    """Build with these requirements installed: the wheel, or what else the project asks for."""
    lock, log = own.resolve(lines) if lines else ("", "")
    if lines and not lock:
        raise BuildRefused("build.source_needs", log=log, package=sdist.text, requirements=shown(", ".join(lines), 300))
    environment, result = own.install(lock), own.folder / "result"
    environment.chmod(0o755)
    told = {"backend": project["backend"], "path": project["path"], "installed": wanted}
    source = shop.folder / "source" / project["folder"]
    ended = environments_confined.build(told, source=source, environment=environment, result=result, shop=own)
    if ended.wrong or ended.code:
        raise _failed(sdist, ended)
    head = _taken_apart(result, sdist, ended.log)
    if "wheel" not in head:
        return head, None
    wheel = shop.folder / str(head["wheel"])
    result.rename(wheel)
    return head, wheel


def _failed(sdist: Sdist, ended: environments_confined.Ended) -> BuildRefused:
    last = last_words(ended.log)
    code = "build.source_old_setuptools" if _WITHOUT_SETUPTOOLS.search(last) else "build.source_failed"
    return BuildRefused(
        ended.wrong or code,
        log=ended.log,
        package=sdist.text,
        status=ended.code,
        last=last[-LAST_CHARACTERS:] or "--",
        minutes=-(-int(settings.SOURCE_TIMEOUT_SECONDS) // 60),
        mebibytes=settings.SOURCE_SPEC[1],
    )


def _lines(wanted: Iterable[str], sdist: Sdist) -> list[str]:
    """Build requirements as lines, those that hold on this Python; no addresses and no options."""
    texts, lines = [*wanted], []
    for text in texts[:MOST_REQUIREMENTS]:
        try:
            parsed = Requirement(text)
            if parsed.url:
                raise InvalidRequirement(text)
            if parsed.marker is None or parsed.marker.evaluate({"extra": ""}):
                parsed.marker = None
                lines.append(rebuilt(str(parsed)))
        # A marker may compare what cannot be compared, or be as deep as it likes.
        except (ValueError, KeyError, RecursionError, BuildRefused):
            raise BuildRefused("build.source_requirement", package=sdist.text, requirement=shown(text, 200)) from None
    if len(texts) > MOST_REQUIREMENTS:
        raise BuildRefused("build.source_broken", package=sdist.text, place="pyproject.toml")
    return [*dict.fromkeys(lines)]


def _taken_apart(result: Path, sdist: Sdist, log: str) -> dict[str, Any]:
    """The line before the wheel; `result` is the bytes of the wheel afterwards, checked."""
    wheel = result.with_name("wheel")
    with result.open("rb") as file, wheel.open("xb") as out:
        try:
            head = dict(json.loads(file.readline(HEAD_BYTES)))
            needs = head["requires"] if "wheel" not in head else []
            if not isinstance(needs, list) or not all(isinstance(text, str) for text in needs):
                raise ValueError(needs)
        except (ValueError, TypeError, KeyError, RecursionError):
            raise BuildRefused("build.source_wheel", log=log, package=sdist.text, found="--") from None
        shutil.copyfileobj(file, out, BLOCK)
    if "wheel" in head:
        _check(wheel, str(head["wheel"]), sdist, log)
    wheel.replace(result)
    return head


def _check(wheel: Path, filename: str, sdist: Sdist, log: str) -> None:
    """It must be the wheel of this package in this version, for this Python and this machine."""
    refusal = BuildRefused("build.source_wheel", log=log, package=sdist.text, found=shown(filename, LONGEST_NAME))
    # A build number may be anything, also what no file can be called.
    if not _PLAIN.fullmatch(filename):
        raise refusal
    try:
        name, version, _build, tags = parse_wheel_filename(filename)
    except InvalidWheelFilename:
        raise refusal from None
    if (name, version) != (sdist.name, Version(sdist.version)) or tags.isdisjoint(sys_tags()):
        raise refusal
    try:
        named = wheel.with_name(filename)
        wheel.rename(named)
        check_wheel(filename, named)
        named.rename(wheel)
    except BuildRefused as broken:
        raise (broken if broken.code == "build.too_large" else refusal) from None


def _root() -> Path:
    return environments.root() / ".sources"


def _place(sha256: str) -> Path:
    """By the source, and by the Python and the machine it was built on."""
    return _root() / f"{sha256}-{environments.digest_of('')[:12]}"


def _kept(sha256: str) -> Path | None:
    place = _place(sha256)
    wheel = next(place.glob("*.whl"), None)
    if wheel is not None:
        with suppress(FileNotFoundError):
            os.utime(place)
    return wheel


def _keep(wheel: Path, sdist: Sdist) -> Path:
    """Give it its place, in one step; one that another worker built meanwhile is as good."""
    folder = wheel.parent / "kept"
    folder.mkdir()
    wheel.chmod(0o644)
    wheel.rename(folder / wheel.name)
    _root().mkdir(parents=True, exist_ok=True)
    place = _place(sdist.sha256)
    try:
        folder.rename(place)
    except OSError:
        if _kept(sdist.sha256) is None:
            raise
    return next(place.glob("*.whl"))


def _bring(wheel: Path, shop: Workshop) -> str:
    shop.wheels.mkdir(exist_ok=True)
    return _sha256(Path(shutil.copyfile(wheel, shop.wheels / wheel.name)))


def _sha256(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _bury(folder: Path) -> None:
    environments.unfinished().mkdir(parents=True, exist_ok=True)
    grave = Path(mkdtemp(dir=environments.unfinished()))
    folder.rename(grave / "removed")
    shutil.rmtree(grave, ignore_errors=True)

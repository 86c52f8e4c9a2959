"""Rules for `dependencies`: only pip, and only requirements that are name, extras and versions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from posixpath import normpath
from typing import Any

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as ParsedRequirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from importers.package.config_notes import ConfigNotes
from importers.package.notes import shown
from importers.package.source_map import pointer_to
from importers.package.spelling import DEPENDENCY_KEYS, PACKAGE_KEYS, RESTRAINTS
from registry.config import OPERATORS, Dependency, Requirement
from registry.engines import IMAGE

LONGEST_REQUIREMENT = 256
MODEL_FOLDER = "/home/mind/model/"
_OPERATOR = re.compile(r"\s*(?:===|==|>=|<=|~=|!=|<|>)")
_ELSEWHERE = re.compile(r"\s*-|.*(?:://|@\s*\S|[/\\])|\s*\.", re.DOTALL)
_ARCHIVE = re.compile(r".*\.(?:whl|zip|tar\.gz|tgz|tar\.bz2)\s*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class _Constraint:
    """What may be installed: the word and the version, or a specifier the words cannot say; all empty for any."""

    restraint: str = ""
    version: str = ""
    specifier: str = ""

    def __str__(self) -> str:
        return self.specifier or (OPERATORS[self.restraint] + self.version if self.restraint else "")


class DependencyRules:
    """Reads the dependencies of one configuration; `paths` are the files of the package."""

    def __init__(self, notes: ConfigNotes, engine: str, paths: frozenset[str]) -> None:
        self.notes = notes
        self.engine = engine
        self.paths = paths

    def read(self, value: Mapping[str, Any]) -> tuple[Dependency, ...]:
        entries = value.get("dependencies")
        if not entries:
            return ()
        if self.engine == IMAGE:
            self.notes.error("config.dependencies_for_image", "/dependencies")
        return tuple(
            self._dependency(entry, pointer_to("dependencies", i))
            for i, entry in enumerate(entries)
            if entry is not None
        )

    def _dependency(self, entry: Mapping[str, Any], pointer: str) -> Dependency:
        installer = str(entry.get("installer", "")).strip().lower()
        if not installer:
            self.notes.warning("config.installer_missing", pointer)
        elif installer != "pip":
            self.notes.error("config.installer", pointer + "/installer", installer=entry["installer"])
        self.notes.unknown_keys(entry, DEPENDENCY_KEYS, pointer)
        packages = entry.get("packages") or ()
        read = [self._package(row, pointer + pointer_to("packages", i)) for i, row in enumerate(packages) if row]
        return Dependency(shown(installer or "pip", 40), tuple(row for row in read if row is not None))

    def _package(self, row: Mapping[str, Any], pointer: str) -> Requirement | None:
        """One requirement, rebuilt from its parts; None after an error."""
        self.notes.unknown_keys(row, PACKAGE_KEYS, pointer)
        if "package_name" not in row:
            return None
        name = str(row["package_name"]).strip()
        place = pointer + "/package_name"
        if len(name) > LONGEST_REQUIREMENT:
            self.notes.error("config.requirement", place, requirement=name)
            return None
        if _ARCHIVE.fullmatch(name) and "://" not in name:
            return self._wheel(name, place)
        if _ELSEWHERE.match(name):
            self.notes.error("config.requirement_elsewhere", place, requirement=name)
            return None
        return self._named(name, row, pointer)

    def _named(self, name: str, row: Mapping[str, Any], pointer: str) -> Requirement | None:
        try:
            parsed = ParsedRequirement(name)
        except InvalidRequirement:
            parsed = None
        if parsed is None or parsed.marker is not None or parsed.url is not None:
            self.notes.error("config.requirement", pointer + "/package_name", requirement=name)
            return None
        if parsed.specifier and "package_version" not in row:
            self.notes.warning("config.version_in_name", pointer + "/package_name", requirement=name)
            constraint: _Constraint | None = _constraint_of(str(parsed.specifier))
        else:
            constraint = self._constraint(row, pointer)
        if constraint is None:
            return None
        extras = tuple(sorted(parsed.extras))
        return Requirement(parsed.name, extras, constraint.version, constraint.restraint, constraint.specifier)

    def _constraint(self, row: Mapping[str, Any], pointer: str) -> _Constraint | None:
        restraint, version = self._restraint(row, pointer), self._version(row, pointer)
        if restraint is None or not version:
            if "restraint" in row and "package_version" not in row and restraint:
                self.notes.warning("config.restraint_without_version", pointer + "/restraint", restraint=restraint)
            return _Constraint()
        if _OPERATOR.match(version):
            self.notes.warning("config.version_with_operator", pointer + "/package_version", version=version)
            constraint = _constraint_of(version)
        else:
            constraint = _Constraint(restraint, version)
        if not _is_specifier(str(constraint)):
            self.notes.error("config.requirement", pointer + "/package_version", requirement=f"{restraint} {version}")
            return None
        return constraint

    def _version(self, row: Mapping[str, Any], pointer: str) -> str:
        written = row.get("package_version")
        place = pointer + "/package_version"
        if isinstance(written, str):
            if not written.strip():
                self.notes.info("config.any_version", place)
            return written.strip()
        if written is None:
            return ""
        text = self.notes.document.number_text(place) or str(written)
        self.notes.warning("config.version_as_number", place, version=text)
        return text

    def _restraint(self, row: Mapping[str, Any], pointer: str) -> str | None:
        """The documented word; EXACT when only a version is given; None when any version will do."""
        place = pointer + "/restraint"
        if "restraint" not in row:
            if row.get("package_version") not in (None, ""):
                self.notes.warning("config.version_without_restraint", pointer + "/package_version")
            return "EXACT"
        written = str(row["restraint"]).strip()
        if not written:
            if row.get("package_version") != "":
                self.notes.info("config.any_version", place)
            return None
        word = RESTRAINTS.get(written, written.upper())
        if word not in OPERATORS:
            self.notes.warning("config.restraint_unknown", place, restraint=written)
            return None
        if word != written:
            self.notes.warning("config.restraint_spelling", place, found=written, meant=word)
        return word

    def _wheel(self, name: str, pointer: str) -> Requirement | None:
        """A wheel that lies in the package; other archives and places are refused."""
        inside = normpath("model/" + name.removeprefix(MODEL_FOLDER).removeprefix("./").removeprefix("model/"))
        absolute = name.startswith("/") and not name.startswith(MODEL_FOLDER)
        try:
            distribution, version, *_rest = parse_wheel_filename(inside.rpartition("/")[2])
        except InvalidWheelFilename:
            distribution = None
        if distribution is None or absolute or not inside.startswith("model/"):
            self.notes.error("config.requirement_elsewhere", pointer, requirement=name)
            return None
        if inside not in self.paths:
            self.notes.warning("config.wheel_missing", pointer, path=inside)
        return Requirement(distribution, (), str(version), "EXACT", wheel=inside)


def _constraint_of(specifier: str) -> _Constraint:
    """A specifier as word and version where the three words can say it."""
    for word, operator in OPERATORS.items():
        version = specifier.strip().removeprefix(operator).strip()
        if specifier.strip().startswith(operator) and not re.search(r"[=<>!~,]", version):
            return _Constraint(word, version)
    return _Constraint(specifier=specifier.strip())


def _is_specifier(text: str) -> bool:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        return False
    return len(text) <= LONGEST_REQUIREMENT

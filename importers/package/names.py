"""Rules for the names of package files: they must join safely and stay apart on every file system."""

import re
import unicodedata
from collections.abc import Sequence

from importers.package.notes import Notes
from importers.package.report import FileEntry, Limits
from registry.findings import Where

_CONTROL = re.compile("[\x00-\x1f\x7f\\\\\ud800-\udfff]")
_DEEPEST = 40
_UNSAFE_PARTS = frozenset({"", ".", ".."})


def is_safe(path: str) -> bool:
    """Whether the path stays below the folder it is joined to, on any system."""
    return not _CONTROL.search(path) and _UNSAFE_PARTS.isdisjoint(path.split("/"))


def check_names(files: Sequence[FileEntry], limits: Limits, notes: Notes) -> None:
    """Say every name that cannot be kept, and every pair that cannot be kept together."""
    for entry in files:
        _check_name(entry, limits, notes)
    _check_pairs(files, notes)


def _check_name(entry: FileEntry, limits: Limits, notes: Notes) -> None:
    where = Where(entry.path)
    if not is_safe(entry.path):
        notes.error("layout.unsafe_name", where, path=entry.path)
    elif entry.link:
        notes.error("layout.link", where, path=entry.path)
    if len(entry.path.encode("utf-8", "surrogatepass")) > limits.key_bytes:
        notes.error("layout.name_too_long", where, path=entry.path, limit=limits.key_bytes)
    depth = entry.path.count("/") + 1
    if depth > limits.depth:
        notes.error("layout.too_deep", where, path=entry.path, depth=depth, limit=limits.depth)


def _check_pairs(files: Sequence[FileEntry], notes: Notes) -> None:
    folders = _first_by_name(sorted({folder for entry in files for folder in _folders(entry.path)}), notes)
    seen: dict[str, str] = {}
    for entry in files:
        key = _same_name(entry.path)
        first = seen.setdefault(key, entry.path)
        if key in folders:
            notes.error("layout.file_and_folder", Where(entry.path), path=entry.path)
        if first is not entry.path:
            code = "layout.name_repeated" if first == entry.path else "layout.name_collision"
            notes.error(code, Where(entry.path), path=entry.path, other=first)


def _first_by_name(folders: Sequence[str], notes: Notes) -> dict[str, str]:
    """Folders by what makes them the same; the second of two that differ only in case is said."""
    seen: dict[str, str] = {}
    for folder in folders:
        first = seen.setdefault(_same_name(folder), folder)
        if first != folder:
            notes.error("layout.name_collision", Where(folder), path=folder, other=first)
    return seen


def _same_name(path: str) -> str:
    """Equal for paths that a file system without case or with one normal form takes for one."""
    return unicodedata.normalize("NFC", path.casefold())


def _folders(path: str) -> list[str]:
    """The folders above a file, as many as a legal path has at most."""
    parts = path.split("/", _DEEPEST)[:-1]
    return ["/".join(parts[: i + 1]) for i in range(len(parts))]

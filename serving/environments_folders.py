"""What the operator's folders of wheels hold for this Python, to be taken before later releases of the index."""

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from packaging.tags import Tag, sys_tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version


def preferred(folders: Iterable[str]) -> tuple[str, ...]:
    """A pin for each name, of the highest version there is; where it does not fit, the index is asked as usual."""
    highest: dict[str, Version] = {}
    for folder in folders:
        for name, version in _offered(Path(folder)):
            highest[name] = max(version, highest.get(name, version))
    return tuple(f"{name}=={version}" for name, version in sorted(highest.items()))


def _offered(folder: Path) -> Iterator[tuple[str, Version]]:
    # What is no folder here may be a page of links, which only the resolver reads.
    for file in folder.glob("*.whl") if folder.is_dir() else ():
        try:
            name, version, _build, tags = parse_wheel_filename(file.name)
        except InvalidWheelFilename:
            continue
        if not tags.isdisjoint(_usable()):
            yield canonicalize_name(name), version


@cache
def _usable() -> frozenset[Tag]:
    """The tags of wheels this Python can use."""
    return frozenset(sys_tags())

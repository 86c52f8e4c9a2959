"""The headings of a list that can be sorted."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    """A column of a list; `sort` is where its heading leads, `state` a value of aria-sort."""

    label: str
    sort: str = ""
    state: str = "none"


def headings(labels: Mapping[str, str], columns: Mapping[str, str], sort: str) -> list[Heading]:
    """One heading for each label; those with a column sort by it, the first of them where `sort` is none."""
    wanted = sort if sort.removeprefix("-") in columns else next(iter(columns))
    return [_heading(key, label, columns, wanted) for key, label in labels.items()]


def _heading(key: str, label: str, columns: Mapping[str, str], sort: str) -> Heading:
    if key not in columns:
        return Heading(label)
    if sort == key:
        return Heading(label, f"-{key}", "ascending")
    return Heading(label, key, "descending" if sort == f"-{key}" else "none")

"""What the pages of lists share: parts, sortable headings and the way back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from django.http import HttpRequest
from django.utils.functional import Promise

from accounts.requests import ConsoleRequest, own_address


def is_part(request: ConsoleRequest, target: str) -> bool:
    """Whether htmx asks for just the part with this id."""
    return bool(request.htmx) and request.htmx.target == target


class Sortable(Protocol):
    @property
    def sort(self) -> str: ...

    def as_query(self, **changes: str) -> str: ...


@dataclass(frozen=True)
class Column:
    """A heading; with a `key` it sorts, and `descends` says which way the first click goes."""

    label: str | Promise
    key: str = ""
    descends: bool = False
    css: str = ""


@dataclass(frozen=True)
class Heading:
    column: Column
    query: str = ""
    sorted: str = "none"  # a value of aria-sort


def headings(columns: Sequence[Column], wanted: Sortable) -> list[Heading]:
    """The headings of a table sorted as wanted; a click on the sorted one turns its order round."""
    return [_heading(column, wanted) if column.key else Heading(column) for column in columns]


def _heading(column: Column, wanted: Sortable) -> Heading:
    down, up = f"-{column.key}", column.key
    if wanted.sort not in {down, up}:
        return Heading(column, wanted.as_query(sort=down if column.descends else up))
    if wanted.sort == down:
        return Heading(column, wanted.as_query(sort=up), "descending")
    return Heading(column, wanted.as_query(sort=down), "ascending")


def way_back(request: HttpRequest, default: str) -> str:
    """The `next` address of the form or the query when it is one of ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    return own_address(request, wanted) or default

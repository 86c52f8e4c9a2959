"""Paging by the last row seen instead of by counting: every page costs the same however far it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core import signing
from django.db.models import Model, Q, QuerySet
from django.utils.dateparse import parse_datetime

SALT = "registry.keyset"
M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Order:
    """One way of sorting: columns that together tell any two rows apart."""

    columns: tuple[str, ...]
    descending: bool = False

    def by(self, *, backwards: bool = False) -> list[str]:
        sign = "-" if self.descending != backwards else ""
        return [sign + column for column in self.columns]

    def beyond(self, values: list[Any], *, backwards: bool = False) -> Q:
        """The rows behind `values`. The leading column is bounded alone, too, so that an index starts there."""
        step = "lt" if self.descending != backwards else "gt"
        alternatives = Q()
        for i, column in enumerate(self.columns):
            equal = dict(zip(self.columns[:i], values, strict=False))
            alternatives |= Q(**equal, **{f"{column}__{step}": values[i]})
        return Q(**{f"{self.columns[0]}__{step}e": values[0]}) & alternatives


@dataclass(frozen=True)
class Slice(Generic[M]):
    rows: tuple[M, ...]
    next: str
    previous: str


def slice_of(rows: QuerySet[M], order: Order, *, after: str, before: str, limit: int) -> Slice[M]:
    """The `limit` rows after (or before) a cursor; one that is not ours, or leads nowhere, gives the first page."""
    backwards = bool(before)
    start = read_cursor(before or after, order)
    if start is None:
        return _first(rows, order, limit)
    found = list(
        rows.filter(order.beyond(start, backwards=backwards)).order_by(*order.by(backwards=backwards))[: limit + 1]
    )
    if len(found) < (limit if backwards else 1):
        return _first(rows, order, limit)
    more, page = len(found) > limit, found[:limit]
    if backwards:
        page.reverse()
    return Slice(
        tuple(page),
        next=_cursor(page[-1], order) if more or backwards else "",
        previous=_cursor(page[0], order) if more or not backwards else "",
    )


def _first(rows: QuerySet[M], order: Order, limit: int) -> Slice[M]:
    found = list(rows.order_by(*order.by())[: limit + 1])
    return Slice(tuple(found[:limit]), next=_cursor(found[limit - 1], order) if len(found) > limit else "", previous="")


def _cursor(row: Model, order: Order) -> str:
    """Signed, because its values go back into a query."""
    values = [getattr(row, column) for column in order.columns]
    texts = [value.isoformat() if hasattr(value, "isoformat") else value for value in values]
    return signing.dumps({"by": order.by(), "at": texts}, salt=SALT)


def read_cursor(cursor: str, order: Order) -> list[Any] | None:
    """The values of the row a cursor stands at; None for one that is not ours or of another order."""
    try:
        stored: Mapping[str, Any] = signing.loads(cursor, salt=SALT)
    except (signing.BadSignature, ValueError):
        return None
    if stored["by"] != order.by():
        return None
    return [
        parse_datetime(value) if column == "at" or column.endswith("_at") else value
        for column, value in zip(order.columns, stored["at"], strict=True)
    ]

"""What the address of a list asks for: search, filters, order and place."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Self
from urllib.parse import urlencode

from accounts.keyset import Order

LONGEST = 2048


@dataclass(frozen=True)
class ListFilter:
    """What a list is asked for; every value comes from the address and may be anything.

    `sort` names an order of the list, downwards with "-" in front; `after` and `before` are cursors.
    """

    q: str = ""
    sort: str = ""
    after: str = ""
    before: str = ""

    known: ClassVar[Mapping[str, frozenset[str]]] = {}

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Self:
        """Read from request.GET; a value that is not among the known ones of its field counts as not given."""
        given = {field.name: cleaned(query.get(field.name, "")) for field in fields(cls)}
        return cls(**{name: text for name, text in given.items() if text and text in cls.known.get(name, {text})})

    def as_query(self, **changes: str) -> str:
        """The address's query after these changes, without defaults; only a cursor leads past the first page."""
        changed = replace(self, **{"after": "", "before": "", **changes})
        shown = [(field.name, getattr(changed, field.name)) for field in fields(self)]
        defaults = {field.name: field.default for field in fields(self)}
        return urlencode([(name, value) for name, value in shown if value != defaults[name]])

    @property
    def narrowed(self) -> bool:
        """Whether it leaves anything out: an empty list then says that nothing was found."""
        return self != type(self)(sort=self.sort, after=self.after, before=self.before)


def sorts_of(names: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """Each of the orders upwards, and downwards with "-" in front."""
    return frozenset(sign + name for name in names for sign in ("", "-"))


def cleaned(text: str) -> str:
    """Without what no database column holds."""
    return "".join(char for char in text[:LONGEST] if char.isprintable()).strip()


def order_of(orders: Mapping[str, tuple[str, ...]], sort: str) -> Order:
    """The order that a value of `sort` names."""
    return Order(orders[sort.removeprefix("-")], descending=sort.startswith("-"))

"""Pages of what belongs to one version: its files and its events."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode

from registry.keyset import Order, Slice, slice_of
from registry.models import ModelVersion, StoredFile, VersionEvent
from registry.queries import cleaned

ROWS_SHOWN = 100
BY_PATH = Order(("path",))
NEWEST_FIRST = Order(("id",), descending=True)


@dataclass(frozen=True)
class TabFilter:
    """What a tab of the version page is asked for; every value comes from the address and may be anything."""

    tab: str
    q: str = ""
    after: str = ""
    before: str = ""

    @classmethod
    def from_query(cls, tab: str, query: Mapping[str, str]) -> Self:
        """Read from request.GET."""
        return cls(tab, cleaned(query.get("q", "")), query.get("after", ""), query.get("before", ""))

    def as_query(self, **cursor: str) -> str:
        """The address's query with this cursor; without one it leads to the first page."""
        given = {"tab": self.tab, "q": self.q} | cursor
        return urlencode({name: value for name, value in given.items() if value})


def file_page(version: ModelVersion, wanted: TabFilter, *, limit: int = ROWS_SHOWN) -> Slice[StoredFile]:
    """The files whose path contains `wanted.q`, in path order, however many there are."""
    files = version.files.filter(path__icontains=wanted.q) if wanted.q else version.files.all()
    return slice_of(files, BY_PATH, after=wanted.after, before=wanted.before, limit=limit)


def event_page(version: ModelVersion, wanted: TabFilter, *, limit: int = ROWS_SHOWN) -> Slice[VersionEvent]:
    """What happened to the version, newest first."""
    return slice_of(version.events.all(), NEWEST_FIRST, after=wanted.after, before=wanted.before, limit=limit)

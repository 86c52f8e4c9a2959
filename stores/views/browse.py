"""What lies in one folder of a bucket, as a page or as a picker."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.requests import ConsoleRequest, allowed
from stores.drivers.base import LINK, SPECIAL_FILE, Entry, Page
from stores.errors import SourceRefused, SourceUnavailable
from stores.forms import UploadForm
from stores.messages import message_of
from stores.models import Bucket
from stores.paths import MAX_KEY_BYTES, Location, check_prefix, name_of, parent_of, visible
from stores.services import driver_for
from stores.views.base import Picking, bucket_for, log_unavailable, picking, status_of

PAGE_ROWS = 100
_DELETABLE = ("", LINK, SPECIAL_FILE)


@dataclass(frozen=True)
class Row:
    """One line of a listing; `refusal` says why an object cannot be opened."""

    key: str
    name: str
    path: str
    folder: bool = False
    size: int | None = None
    modified: datetime | None = None
    refusal: str = ""
    deletable: bool = True
    answer: str = ""


@dataclass(frozen=True)
class Listing:
    """One page of a folder."""

    bucket: Bucket
    prefix: str
    search: str
    rows: tuple[Row, ...] = ()
    after: str = ""
    error: str = ""

    @property
    def path(self) -> str:
        return Location(self.bucket.name, self.prefix).display

    @property
    def shown_path(self) -> str:
        return visible(self.path)

    @property
    def title(self) -> str:
        return visible(name_of(self.prefix)) or self.bucket.name

    @property
    def parent(self) -> str:
        return parent_of(self.prefix)

    @property
    def crumbs(self) -> list[tuple[str, str]]:
        """Prefix and name of every folder from the top of the bucket down to this one."""
        parts = self.prefix.split("/")[:-1]
        above = [("", self.bucket.name)]
        return above + [("/".join(parts[: depth + 1]) + "/", visible(part)) for depth, part in enumerate(parts)]

    @property
    def holds_model(self) -> bool:
        """True when the rows show a package: a folder named `model`."""
        return any(row.folder and name_of(row.key) == "model" for row in self.rows)

    @property
    def can_be_imported(self) -> bool:
        """False where nothing could be, and for a path the import would refuse at once."""
        spaced = any(character.isspace() for character in self.prefix)
        return bool(self.prefix or self.holds_model) and not spaced and not self.error


@require_safe
@vary_on_headers("HX-Request")
def browse(request: ConsoleRequest, name: str) -> HttpResponse:
    bucket, picker = bucket_for(request, name), picking(request)
    prefix, search = request.GET.get("prefix", ""), request.GET.get("q", "").strip()
    status, listing = 200, Listing(bucket, prefix, search)
    try:
        page = driver_for(bucket).list_folder(
            check_prefix(prefix), after=request.GET.get("after", ""), limit=PAGE_ROWS, search=search
        )
    except (SourceRefused, SourceUnavailable) as error:
        log_unavailable(bucket, error)
        status, listing = status_of(error), Listing(bucket, "", search, error=message_of(error))
    else:
        listing = Listing(bucket, prefix, search, tuple(_rows(bucket, page, picker)), page.after)
    context = {"listing": listing, "bucket": bucket, "allowed": allowed(request, bucket.workspace), "picker": picker}
    if picker:
        answer = picker.answer(listing.path) if picker.what == "folder" else ""
        return picker_response(request, context | {"answer": answer}, status)
    context["form"] = UploadForm(initial={"folder": listing.prefix})
    return render(request, "stores/browse.html", context, status=status)


def picker_response(request: ConsoleRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """The picker as the inside of its dialog, as a whole dialog, or without JavaScript as a page."""
    if not request.htmx:
        return render(request, "stores/picker.html", context, status=status)
    part = "_picker.html" if request.htmx.target == "picker" else "_picker_dialog.html"
    return render(request, f"stores/{part}", context)


def _rows(bucket: Bucket, page: Page, picker: Picking | None) -> Iterator[Row]:
    for key in page.folders:
        path = Location(bucket.name, key).display
        answer = picker.answer(path) if picker and picker.what == "folder" else ""
        yield Row(key, visible(name_of(key)), path, folder=True, answer=answer)
    for entry in page.entries:
        yield _object_row(bucket, entry, picker)


def _object_row(bucket: Bucket, entry: Entry, picker: Picking | None) -> Row:
    path = Location(bucket.name, entry.key).display
    name = visible(name_of(entry.key))
    refusal = message_of(SourceRefused(entry.refusal, path=name, limit=MAX_KEY_BYTES)) if entry.refusal else ""
    answer = picker.answer(path) if picker and picker.what == "file" and not refusal else ""
    return Row(
        entry.key,
        name,
        path,
        size=entry.size,
        modified=entry.modified,
        refusal=refusal,
        deletable=entry.refusal in _DELETABLE,
        answer=answer,
    )

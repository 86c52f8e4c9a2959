"""What a registry holds: its repositories, the tags of one, and one image, as pages or as a picker."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.requests import ConsoleRequest, allowed
from stores.errors import SourceRefused, SourceUnavailable
from stores.messages import message_of
from stores.models import RegistryConnection
from stores.models_registries import NO_CATALOG
from stores.oci import Names
from stores.oci_images import ImageFacts
from stores.paths import shown
from stores.paths_images import ImageReference, is_digest, is_repository, is_tag
from stores.services_registries import check_allowed, look_up, repositories_of, tags_of
from stores.views.base import Picking, picking, status_of
from stores.views.columns import headings
from stores.views.registry_base import connection_of, last_test, note_answer

IMAGE = "image"
PAGE_ROWS = 100


@dataclass(frozen=True)
class Row:
    """A repository or a tag: the query of its page, what is copied, and what choosing it answers."""

    name: str
    query: str
    path: str
    answer: str = ""


@dataclass(frozen=True)
class Listing:
    """One page of the repositories of a registry, or of the tags of one."""

    connection: RegistryConnection
    repository: str = ""
    search: str = ""
    rows: tuple[Row, ...] = ()
    total: int = 0
    complete: bool = True
    after: str = ""
    # The cursor of the page before this one, empty for the first; None where there is none.
    before: str | None = None
    error: str = ""
    refused_listing: bool = False

    @property
    def path(self) -> str:
        return "/".join(filter(None, (self.connection.address, self.repository)))

    @property
    def typed_repository(self) -> str:
        """What is searched for, where it can be the name of a repository that is not listed."""
        return self.search if not self.repository and is_repository(self.search) else ""


@require_safe
@vary_on_headers("HX-Request")
def registry(request: ConsoleRequest, code: UUID) -> HttpResponse:
    connection, picker = connection_of(request, code), picking(request, (IMAGE,))
    context = {"connection": connection, "allowed": allowed(request, connection.workspace), "picker": picker}
    repository = request.GET.get("repository", "").strip()
    if request.GET.get("tag") or request.GET.get("digest"):
        return _image(request, connection, repository, context)
    status, listing = _listed(request, connection, repository, picker)
    context |= {"listing": listing}
    if picker:
        return picker_response(request, context, status)
    labels = {"name": _("Tag") if repository else _("Repository"), "operation": _("Operation")}
    context |= {"headings": headings(labels, {"name": ""}, _order(request, repository)), "test": last_test(connection)}
    return render(request, "stores/tags.html" if repository else "stores/registry.html", context, status=status)


def _listed(
    request: ConsoleRequest, connection: RegistryConnection, repository: str, picker: Picking | None
) -> tuple[int, Listing]:
    search = request.GET.get("q", "").strip()
    try:
        names = tags_of(connection, repository) if repository else repositories_of(connection)
    except (SourceRefused, SourceUnavailable) as error:
        note_answer(connection, error)
        refused, said = error.code == NO_CATALOG, message_of(error)
        listing = Listing(connection, shown(repository), search, error=said, refused_listing=refused)
        return (200 if refused else status_of(error)), listing
    if not repository:
        note_answer(connection, None)  # it does what the test does
    found = _sorted([name for name in names.names if search.lower() in name.lower()], _order(request, repository))
    return 200, _page(request, Listing(connection, repository, search), found, names, picker)


def _page(
    request: ConsoleRequest, listing: Listing, found: Sequence[str], names: Names, picker: Picking | None
) -> Listing:
    start = _start(found, request.GET.get("after", ""))
    part = found[start : start + PAGE_ROWS]
    rows = tuple(_row(listing, name, picker) for name in part)
    after = part[-1] if len(found) > start + PAGE_ROWS else ""
    before = found[start - PAGE_ROWS - 1] if start > PAGE_ROWS else ""
    return replace(
        listing,
        rows=rows,
        total=len(found),
        complete=names.complete,
        after=after,
        before=before if start else None,
    )


def _row(listing: Listing, name: str, picker: Picking | None) -> Row:
    if not listing.repository:
        return Row(name, urlencode({"repository": name}), f"{listing.path}/{name}")
    path = f"{listing.path}:{name}"
    answer = picker.answer(path) if picker else ""
    return Row(name, urlencode({"repository": listing.repository, "tag": name}), path, answer)


def _order(request: ConsoleRequest, repository: str) -> str:
    """`name` or `-name`; tags begin with the latest, as far as their names tell."""
    wanted = request.GET.get("sort", "")
    return wanted if wanted in ("name", "-name") else ("-name" if repository else "name")


def _sorted(names: list[str], order: str) -> list[str]:
    """As people count: 1.10 lies behind 1.9."""
    return sorted(names, key=_counted, reverse=order == "-name")


def _counted(name: str) -> tuple[list[tuple[int, int, str]], str]:
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts], name


def _start(found: Sequence[str], after: str) -> int:
    """Where the page behind a name begins; at the first when the name is gone."""
    return found.index(after) + 1 if after in found else 0


@dataclass(frozen=True)
class Shown:
    """An image as its page shows it."""

    facts: ImageFacts

    @property
    def created(self) -> datetime | None:
        """When it was built, where that is written as a time."""
        try:
            moment = parse_datetime(self.facts.config.created)
        except ValueError:
            return None
        return moment if moment and is_aware(moment) and 1 < moment.year < 9999 else None

    @property
    def is_index(self) -> bool:
        return self.facts.digest != self.facts.manifest_digest


def _image(
    request: ConsoleRequest, connection: RegistryConnection, repository: str, context: dict[str, Any]
) -> HttpResponse:
    tag, digest = request.GET.get("tag", "").strip(), request.GET.get("digest", "").strip()
    picker: Picking | None = context["picker"]
    image = ImageReference(connection.address, repository, tag, digest)
    context |= {"image": image, "repository": shown(repository), "name": shown(tag or digest)}
    status = 200
    try:
        _check(connection, image)
        context["shown"] = Shown(look_up(connection, image, platform=request.GET.get("platform", "").strip()))
        context["answer"] = picker.answer(str(image)) if picker else ""
    except (SourceRefused, SourceUnavailable) as error:
        note_answer(connection, error)
        status, context["error"] = status_of(error), message_of(error)
    if picker:
        return picker_response(request, context, status)
    return render(request, "stores/image.html", context, status=status)


def _check(connection: RegistryConnection, image: ImageReference) -> None:
    check_allowed(connection, image.repository)
    if (image.tag and not is_tag(image.tag)) or (image.digest and not is_digest(image.digest)):
        raise SourceRefused("image.malformed", reference=shown(str(image)))


def picker_response(request: ConsoleRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """The picker as the inside of its dialog, as a whole dialog, or without JavaScript as a page."""
    if not request.htmx:
        return render(request, "stores/image_picker.html", context, status=status)
    part = "_image_picker.html" if request.htmx.target == "picker" else "_image_picker_dialog.html"
    return render(request, f"stores/{part}", context)

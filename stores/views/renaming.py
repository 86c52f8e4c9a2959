"""Giving an object or a folder another name, and making a folder."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from accounts.requests import ConsoleRequest
from accounts.roles import Action
from stores.errors import SourceRefused, SourceUnavailable
from stores.forms import NameForm
from stores.messages import message_of
from stores.models import Bucket
from stores.paths import Location, check_key, check_prefix, name_of, parent_of, visible
from stores.services import Tally, count_object
from stores.services_objects import MOST_MOVED, count_move, make_folder, rename_folder, rename_object
from stores.views.base import address_of, bucket_for, go_on, log_unavailable, refused

_MERGEABLE = ("rename.folder_taken", "rename.halfway")


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def rename(request: ConsoleRequest, name: str) -> HttpResponse:
    """Asks for the new name of one object (`key`) or of a folder (`prefix`), and gives it."""
    bucket = bucket_for(request, name, Action.IMPORT)
    key, prefix = request.GET.get("key", ""), request.GET.get("prefix", "")
    back = address_of(bucket, parent_of(key or prefix))
    form = NameForm(request.POST if request.method == "POST" else None, initial={"name": name_of(key or prefix)})
    context: dict[str, Any] = {"bucket": bucket, "form": form, "back": back, "what": "rename", "folder": not key}
    context["path"] = visible(Location(bucket.name, key or prefix).display)
    try:
        context["tally"] = _tally(bucket, key, prefix)
    except (SourceRefused, SourceUnavailable) as error:
        return refused(request, bucket, error, back)
    if form.is_valid():
        try:
            told = _rename(request, bucket, key, prefix, form)
        except (SourceRefused, SourceUnavailable) as error:
            log_unavailable(bucket, error)
            form.add_error("name", message_of(error))
            context["mergeable"] = error.code in _MERGEABLE
        else:
            messages.success(request, told)
            return go_on(request, back)
    return _answer(request, context)


def _tally(bucket: Bucket, key: str, prefix: str) -> Tally:
    """What would move; refuses what is not there, and a folder with more in it than may be moved."""
    if key:
        return count_object(bucket, check_key(key))
    if not prefix:
        raise SourceRefused("source.missing", path="")
    tally = count_move(bucket, check_prefix(prefix))
    if tally.more:
        path = visible(Location(bucket.name, prefix).display)
        raise SourceRefused("rename.too_many", path=path, limit=MOST_MOVED[bucket.driver])
    return tally


def _rename(request: ConsoleRequest, bucket: Bucket, key: str, prefix: str, form: NameForm) -> str:
    name, merge = form.cleaned_data["name"], form.cleaned_data["merge"]
    if key:
        new = rename_object(bucket, key, name, by=request.user)
    else:
        new = rename_folder(bucket, prefix, name, merge=merge, by=request.user)
    return _("Renamed to %(path)s.") % {"path": visible(Location(bucket.name, new).display)}


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def folder_create(request: ConsoleRequest, name: str) -> HttpResponse:
    bucket = bucket_for(request, name, Action.IMPORT)
    prefix = request.GET.get("prefix", "")
    form = NameForm(request.POST if request.method == "POST" else None)
    try:
        path = visible(Location(bucket.name, check_prefix(prefix)).display)
    except SourceRefused as error:
        return refused(request, bucket, error, address_of(bucket))
    if form.is_valid():
        try:
            made = make_folder(bucket, prefix, form.cleaned_data["name"], by=request.user)
        except (SourceRefused, SourceUnavailable) as error:
            log_unavailable(bucket, error)
            form.add_error("name", message_of(error))
        else:
            return go_on(request, address_of(bucket, made))
    context = {"bucket": bucket, "form": form, "back": address_of(bucket, prefix), "what": "folder", "path": path}
    return _answer(request, context)


def _answer(request: ConsoleRequest, context: dict[str, Any]) -> HttpResponse:
    """The form as a page, as a dialog, or as the inside of a dialog that was sent."""
    bound = context["form"].is_bound
    template = "_name_form.html" if request.htmx and bound else "_name.html" if request.htmx else "name.html"
    context["dialog"] = bool(request.htmx)
    return render(request, f"stores/{template}", context, status=422 if bound else 200)

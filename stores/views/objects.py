"""Downloading and deleting what lies in a bucket."""

from contextlib import ExitStack, suppress
from dataclasses import dataclass

from django.contrib import messages
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.requests import ConsoleRequest
from accounts.roles import Action
from stores import services
from stores.errors import SourceRefused, SourceUnavailable
from stores.messages import message_of
from stores.models import Bucket
from stores.paths import Location, check_prefix, name_of, parent_of, visible
from stores.services_objects import delete_many
from stores.views.base import address_of, bucket_for, go_on, refused

CHUNK = 256 * 1024


@require_safe
def download(request: ConsoleRequest, name: str) -> HttpResponseBase:
    """Always as an attachment: nothing a bucket holds is ever shown as a page of ours."""
    bucket, key = bucket_for(request, name), request.GET.get("key", "")
    try:
        driver = services.driver_for(bucket)
        entry = driver.stat(key)
        stream = ExitStack().enter_context(driver.open(key, expected=entry))
    except (SourceRefused, SourceUnavailable) as error:
        return refused(request, bucket, error, address_of(bucket))
    response = FileResponse(stream, as_attachment=True, filename=name_of(key), content_type="application/octet-stream")
    response.block_size = CHUNK
    response["Content-Length"] = str(entry.size)
    return response


@dataclass(frozen=True)
class Chosen:
    """What is to be deleted: objects and folders. In the address it is one thing, from a form many."""

    keys: tuple[str, ...]
    prefixes: tuple[str, ...]
    many: bool = False

    @property
    def count(self) -> int:
        return len(self.keys) + len(self.prefixes)

    @property
    def first(self) -> str:
        return next(iter((*self.prefixes, *self.keys)), "")


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def delete(request: ConsoleRequest, name: str) -> HttpResponse:
    """Asks, naming what will be gone, and deletes objects (`key`) and everything in folders (`prefix`).

    What a form chose comes by POST, because an address cannot hold it; it is deleted when that says `confirmed`.
    """
    bucket = bucket_for(request, name, Action.DELETE)
    chosen = _chosen(request)
    back = address_of(bucket, parent_of(chosen.first))
    if chosen.many and not chosen.count:
        messages.warning(request, gettext("Choose at least one file or folder."))
        return go_on(request, address_of(bucket, _folder(request)))
    try:
        if request.method == "POST" and (not chosen.many or "confirmed" in request.POST):
            return _delete(request, bucket, chosen, back)
        tally = _tally(bucket, chosen)
    except (SourceRefused, SourceUnavailable) as error:
        return refused(request, bucket, error, back)
    paths = [visible(Location(bucket.name, key).display) for key in (*chosen.prefixes, *chosen.keys)]
    context = {"bucket": bucket, "paths": paths, "chosen": chosen, "back": back, "tally": tally}
    return render(request, "stores/_delete.html" if request.htmx else "stores/delete.html", context)


def _chosen(request: ConsoleRequest) -> Chosen:
    """What the address names, else what the form did."""
    key, prefix = request.GET.get("key", ""), request.GET.get("prefix", "")
    if request.method != "POST" or key or prefix or "many" not in request.POST:
        return Chosen((key,) if key else (), (prefix,) if prefix and not key else ())
    return Chosen(tuple(request.POST.getlist("key")), tuple(request.POST.getlist("prefix")), many=True)


def _folder(request: ConsoleRequest) -> str:
    """The folder a form was sent from; the top of the bucket when it names none that could be."""
    with suppress(SourceRefused):
        return check_prefix(request.POST["many"])
    return ""


def _tally(bucket: Bucket, chosen: Chosen) -> services.Tally:
    if not chosen.count:
        raise SourceRefused("source.missing", path="")
    tallies = [services.count_object(bucket, key) for key in chosen.keys]
    tallies += [services.count_folder(bucket, prefix) for prefix in chosen.prefixes]
    files, size = sum(tally.files for tally in tallies), sum(tally.bytes for tally in tallies)
    return services.Tally(files, size, more=any(tally.more for tally in tallies))


def _delete(request: ConsoleRequest, bucket: Bucket, chosen: Chosen, back: str) -> HttpResponse:
    error = None
    if chosen.many:
        deleted = delete_many(bucket, chosen.keys, chosen.prefixes, by=request.user)
        count, error = deleted.files, deleted.error
    else:
        count = _delete_one(request, bucket, chosen)
    if error:
        messages.error(request, message_of(error))
    if count or not error:
        told = ngettext("%(count)s file was deleted.", "%(count)s files were deleted.", count)
        messages.success(request, told % {"count": count})
    return redirect(back)


def _delete_one(request: ConsoleRequest, bucket: Bucket, chosen: Chosen) -> int:
    if chosen.keys:
        services.delete_object(bucket, chosen.keys[0], by=request.user)
        return 1
    if not chosen.prefixes:
        raise SourceRefused("source.missing", path="")
    return services.delete_folder(bucket, chosen.prefixes[0], by=request.user).files

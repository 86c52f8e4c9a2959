"""Downloading and deleting what lies in a bucket."""

from contextlib import ExitStack

from django.contrib import messages
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.requests import ConsoleRequest
from accounts.roles import Action
from stores import services
from stores.errors import SourceRefused, SourceUnavailable
from stores.messages import message_of
from stores.models import Bucket
from stores.paths import Location, name_of, parent_of, visible
from stores.views.base import address_of, bucket_for, status_of

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
        context = {"bucket": bucket, "error": message_of(error), "back": address_of(bucket)}
        return render(request, "stores/refused.html", context, status=status_of(error))
    response = FileResponse(stream, as_attachment=True, filename=name_of(key), content_type="application/octet-stream")
    response.block_size = CHUNK
    response["Content-Length"] = str(entry.size)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def delete(request: ConsoleRequest, name: str) -> HttpResponse:
    """Asks, naming what will be gone, and deletes one object (`key`) or everything in a folder (`prefix`)."""
    bucket = bucket_for(request, name, Action.DELETE)
    key, prefix = request.GET.get("key", ""), request.GET.get("prefix", "")
    back = address_of(bucket, parent_of(key or prefix))
    context = {"bucket": bucket, "path": visible(Location(bucket.name, key or prefix).display), "back": back}
    try:
        if request.method == "POST":
            messages.success(request, _delete(request, bucket, key, prefix))
            return redirect(back)
        context["tally"] = _tally(bucket, key, prefix)
    except (SourceRefused, SourceUnavailable) as error:
        context["error"] = message_of(error)
        return render(request, "stores/refused.html", context, status=status_of(error))
    return render(request, "stores/_delete.html" if request.htmx else "stores/delete.html", context)


def _tally(bucket: Bucket, key: str, prefix: str) -> services.Tally:
    if not key and not prefix:
        raise SourceRefused("source.missing", path="")
    return services.count_object(bucket, key) if key else services.count_folder(bucket, prefix)


def _delete(request: ConsoleRequest, bucket: Bucket, key: str, prefix: str) -> str:
    if key:
        services.delete_object(bucket, key, by=request.user)
        count = 1
    else:
        count = services.delete_folder(bucket, prefix, by=request.user).files
    return ngettext("%(count)s file was deleted.", "%(count)s files were deleted.", count) % {"count": count}

"""Uploading with a form: several files or ZIP archives in one request, straight into the bucket."""

from typing import Any

from django.conf import settings
from django.core.exceptions import TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from accounts.requests import ConsoleRequest
from accounts.roles import Action
from stores.errors import SourceRefused, SourceUnavailable
from stores.forms import UploadForm
from stores.messages import message_of
from stores.models import Bucket, Upload, UploadState
from stores.services import driver_for
from stores.services_receiving import Sent, store_sent
from stores.uploads_handler import BucketUploadHandler, SentFile
from stores.views.base import address_of, bucket_for, log_unavailable, picking, status_of
from stores.views.uploads import tell_stored


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def upload(request: ConsoleRequest, name: str) -> HttpResponse:
    """Refuses what is too large before a byte of it is read; `_upload` then checks the CSRF token like every view."""
    bucket = bucket_for(request, name, Action.IMPORT)
    if request.method != "POST":
        form = UploadForm(initial={"folder": request.GET.get("prefix", ""), "unpack": True})
        return _page(request, bucket, {"form": form})
    try:
        _check_length(request)
        return _receive(request, bucket)
    except TooManyFilesSent:
        limit = settings.DATA_UPLOAD_MAX_NUMBER_FILES
        return _refuse(request, bucket, SourceRefused("upload.too_many_files", limit=limit))
    except UnreadablePostError:
        return _refuse(request, bucket, SourceRefused("upload.interrupted"))
    except (SourceRefused, SourceUnavailable) as error:
        return _refuse(request, bucket, error)


def _check_length(request: HttpRequest) -> None:
    length = request.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > settings.UPLOAD_MAX_BYTES:
        raise SourceRefused("upload.too_large", limit=filesizeformat(settings.UPLOAD_MAX_BYTES))


def _receive(request: ConsoleRequest, bucket: Bucket) -> HttpResponse:
    """What was received without becoming part of an upload is thrown away, whatever happens."""
    handler = BucketUploadHandler(driver_for(bucket))
    request.upload_handlers = [handler]
    kept: set[str] = set()
    try:
        return _upload(request, bucket, kept)
    finally:
        handler.discard(keep=frozenset(kept))


@csrf_protect
def _upload(request: ConsoleRequest, bucket: Bucket, kept: set[str]) -> HttpResponse:
    form = UploadForm(request.POST, request.FILES, bucket=bucket.name)
    if not form.is_valid():
        return _page(request, bucket, {"form": form}, 422)
    values, paths = form.cleaned_data, request.POST.getlist("path")
    try:
        stored = store_sent(
            bucket,
            values["folder"],
            _sent(values["sent"], paths),
            unpack=values["unpack"],
            conflict=values["conflict"],
            by=request.user,
        )
    except (SourceRefused, SourceUnavailable) as error:
        log_unavailable(bucket, error)
        form.add_error("sent", message_of(error))
        return _page(request, bucket, {"form": form}, status_of(error))
    if stored.state == UploadState.UNPACKING:
        kept.update(stored.files.exclude(archive="").values_list("key", flat=True))
    return _go_on(request, bucket, stored)


def _sent(files: list[SentFile], paths: list[str]) -> list[Sent]:
    """`paths` says where in a chosen folder each file lay; a file without one goes by its name."""
    named = [*paths[: len(files)], *("" for _ in files[len(paths) :])]
    return [Sent(path or file.name or "", file.size or 0, file.key) for file, path in zip(files, named, strict=True)]


def _go_on(request: ConsoleRequest, bucket: Bucket, stored: Upload) -> HttpResponse:
    """To the folder, or the picker that asked; to the page of the upload when there is more to say or wait for."""
    if stored.state != UploadState.DONE:
        return redirect(stored)
    tell_stored(request, stored)
    address, picker = address_of(bucket, stored.prefix), picking(request)
    return redirect(f"{address}{'&' if '?' in address else '?'}{picker.query}" if picker else address)


def _page(request: ConsoleRequest, bucket: Bucket, context: dict[str, Any], status: int = 200) -> HttpResponse:
    picker = picking(request)
    template = "_picker_upload" if request.htmx and picker else "upload"
    values = {"bucket": bucket, "picker": picker, "prefix": request.GET.get("prefix", "")}
    return render(request, f"stores/{template}.html", values | context, status=status)


def _refuse(request: ConsoleRequest, bucket: Bucket, error: SourceRefused | SourceUnavailable) -> HttpResponse:
    """The answer to a request whose form could not be read: the folder is taken from the address."""
    log_unavailable(bucket, error)
    form = UploadForm(initial={"folder": request.GET.get("prefix", ""), "unpack": True})
    return _page(request, bucket, {"form": form, "error": message_of(error)}, status_of(error))

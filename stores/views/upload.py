"""Uploading files and ZIP archives into a folder of a bucket."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.utils.translation import ngettext
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from accounts.requests import ConsoleRequest
from accounts.roles import Action
from stores import services
from stores.errors import SourceRefused, SourceUnavailable
from stores.forms import UploadForm
from stores.messages import message_of
from stores.models import Bucket
from stores.views.base import address_of, bucket_for, status_of


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: ConsoleRequest, name: str) -> HttpResponse:
    """Refuses what is too large before a byte of it is read; `_upload` then checks the CSRF token like every view."""
    bucket = bucket_for(request, name, Action.IMPORT)
    if request.method != "POST":
        form = UploadForm(initial={"folder": request.GET.get("prefix", "")})
        return render(request, "stores/upload.html", {"form": form, "bucket": bucket})
    request.upload_handlers = [TemporaryFileUploadHandler(request)]
    try:
        _check_length(request)
        return _upload(request, bucket)
    except TooManyFilesSent:
        return _refuse(
            request, bucket, SourceRefused("upload.too_many_files", limit=settings.DATA_UPLOAD_MAX_NUMBER_FILES)
        )
    except UnreadablePostError:
        return _refuse(request, bucket, SourceRefused("upload.interrupted"))
    except OSError as error:
        return _refuse(request, bucket, SourceUnavailable(str(error), code="source.no_space"))
    except (SourceRefused, SourceUnavailable) as error:
        return _refuse(request, bucket, error)


def _check_length(request: HttpRequest) -> None:
    length = request.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > settings.UPLOAD_MAX_BYTES:
        raise SourceRefused("upload.too_large", limit=filesizeformat(settings.UPLOAD_MAX_BYTES))


@csrf_protect
def _upload(request: ConsoleRequest, bucket: Bucket) -> HttpResponse:
    form = UploadForm(request.POST, request.FILES, bucket=bucket.name)
    if not form.is_valid():
        return _answer_errors(request, bucket, form, 422)
    values = form.cleaned_data
    try:
        tally = services.upload_files(
            bucket,
            values["folder"],
            values["sent"],
            paths=request.POST.getlist("path"),
            unpack=values["unpack"],
            replace=values["replace"],
            by=request.user,
        )
    except (SourceRefused, SourceUnavailable) as error:
        form.add_error("sent", message_of(error))
        return _answer_errors(request, bucket, form, status_of(error))
    return _answer(request, bucket, values, tally)


def _answer(request: ConsoleRequest, bucket: Bucket, values: dict[str, Any], tally: services.Tally) -> HttpResponse:
    """Scripts send a request for each file; the last one tells how many there were `before`, and the page says it."""
    address, before = address_of(bucket, values["folder"]), values["before"]
    as_json = _wants_json(request)
    if before is not None or not as_json:
        count = tally.files + (before or 0)
        words = ngettext("%(count)s file was uploaded.", "%(count)s files were uploaded.", count)
        messages.success(request, words % {"count": count})
    if as_json:
        return JsonResponse({"files": tally.files, "bytes": tally.bytes, "address": address})
    return redirect(address)


def _answer_errors(request: ConsoleRequest, bucket: Bucket, form: UploadForm, status: int) -> HttpResponse:
    if _wants_json(request):
        return JsonResponse(
            {"errors": [str(error) for errors in form.errors.values() for error in errors]}, status=status
        )
    return render(request, "stores/upload.html", {"form": form, "bucket": bucket}, status=status)


def _refuse(request: ConsoleRequest, bucket: Bucket, error: SourceRefused | SourceUnavailable) -> HttpResponse:
    """The answer to a request whose form could not be read: the folder is taken from the address."""
    if _wants_json(request):
        return JsonResponse({"errors": [message_of(error)]}, status=status_of(error))
    form = UploadForm(initial={"folder": request.GET.get("prefix", "")})
    context = {"form": form, "bucket": bucket, "error": message_of(error)}
    return render(request, "stores/upload.html", context, status=status_of(error))


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")

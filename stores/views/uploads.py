"""Uploads for scripts: each file is a request of its own, which may be sent again from where it broke off."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.requests import ConsoleRequest
from accounts.roles import Action
from stores import services_uploads
from stores.errors import SourceRefused, SourceUnavailable
from stores.forms_uploads import read_wish
from stores.messages import message_of
from stores.models import Bucket, Upload, UploadFile, UploadState
from stores.paths import Location, visible
from stores.queries import buckets_for
from stores.services_receiving import Interrupted, OutOfStep, Received, receive_file, received_of
from stores.uploads import Plan
from stores.views.base import address_of, bucket_for, log_unavailable, status_of

# A hundred thousand names, with room.
WISH_BYTES = 32 * 1024 * 1024
_SHOWN = 5
_STATUS = {"upload.busy": 409, "upload.closed": 409, "upload.gone": 409}


@require_POST
def start(request: ConsoleRequest, name: str) -> JsonResponse:
    """Plan an upload, or only `check` what it would meet."""
    bucket = bucket_for(request, name, Action.IMPORT)
    try:
        raw = request.read(WISH_BYTES + 1)
        if len(raw) > WISH_BYTES:
            raise SourceRefused("upload.malformed")
        wish = read_wish(raw, bucket.name)
        if wish.only_check:
            plan = services_uploads.preview_upload(bucket, wish.prefix, wish.offers, unpack=wish.unpack)
            return JsonResponse(_plan(bucket, plan))
        upload, plan = services_uploads.start_upload(
            bucket, wish.prefix, wish.offers, unpack=wish.unpack, conflict=wish.conflict, by=request.user
        )
    except (SourceRefused, SourceUnavailable) as error:
        return _refused(error, bucket)
    except OSError:
        return _refused(SourceRefused("upload.interrupted"), bucket)
    return JsonResponse(_plan(bucket, plan) | {"address": upload.get_absolute_url()}, status=201)


@require_http_methods(["GET", "PUT"])
def file(request: ConsoleRequest, name: str, code: UUID, number: int) -> JsonResponse:
    """Take a file from `?start=` on; asked with GET, how much of it is kept."""
    found = _file_for(request, name, code, number)
    try:
        if request.method == "GET":
            return _received(received_of(found))
        return _received(receive_file(found, start=_start(request), length=_length(request), read=request.read))
    except OutOfStep as step:
        return JsonResponse({"received": step.received, "done": False}, status=409)
    except Interrupted:
        return _refused(SourceRefused("upload.interrupted"), found.upload.bucket)
    except (SourceRefused, SourceUnavailable) as error:
        return _refused(error, found.upload.bucket)


@require_POST
def finish(request: ConsoleRequest, name: str, code: UUID) -> HttpResponse:
    """Nothing more will come. `announce` lets the next page say what was stored."""
    upload = _own_upload(request, name, code)
    services_uploads.finish_upload(upload)
    upload.refresh_from_db()
    if upload.state == UploadState.DONE and "announce" in request.GET:
        tell_stored(request, upload)
    return _after(request, upload)


@require_POST
def cancel(request: ConsoleRequest, name: str, code: UUID) -> HttpResponse:
    upload = _own_upload(request, name, code)
    services_uploads.cancel_upload(upload)
    upload.refresh_from_db()
    return _after(request, upload)


@require_safe
@vary_on_headers("HX-Request", "Accept")
def status(request: ConsoleRequest, name: str, code: UUID) -> HttpResponse:
    bucket = bucket_for(request, name)
    upload = Upload.objects.select_related("bucket").filter(bucket=bucket, uuid=code).first()
    if upload is None:
        raise Http404
    if wants_json(request):
        return JsonResponse(_summary(upload))
    mine = upload.created_by_id == request.user.pk
    context = {"bucket": bucket, "upload": upload, "mine": mine} | _shown(upload)
    return render(request, f"stores/{'_upload_live' if request.htmx else 'upload_status'}.html", context)


def stored_words(upload: Upload) -> str:
    """How many files are in the bucket now, and how many were left alone."""
    count = upload.files_done
    words = ngettext("%(count)s file was uploaded.", "%(count)s files were uploaded.", count) % {"count": count}
    if not upload.skipped:
        return words
    skipped = ngettext(
        "%(count)s file that existed already was skipped.",
        "%(count)s files that existed already were skipped.",
        upload.skipped,
    )
    return _("%(first)s %(second)s") % {"first": words, "second": skipped % {"count": upload.skipped}}


def tell_stored(request: HttpRequest, upload: Upload) -> None:
    """Let the next page say what an upload stored: a success when nothing is missing and not all was skipped."""
    words, missing = stored_words(upload), _missing_words(upload)
    level = messages.SUCCESS if upload.files_done and not missing else messages.WARNING
    if missing:
        words = _("%(first)s %(second)s") % {"first": words, "second": missing}
    messages.add_message(request, level, words)


def _missing_words(upload: Upload) -> str:
    """How many files never came though the upload was finished; empty when none is missing."""
    if upload.state not in (UploadState.UNPACKING, UploadState.DONE):
        return ""
    count = upload.files.filter(part_of=None, done=False).count()
    words = ngettext(
        "%(count)s file did not arrive. Upload it again.", "%(count)s files did not arrive. Upload them again.", count
    )
    return words % {"count": count} if count else ""


def wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


def _file_for(request: ConsoleRequest, name: str, code: UUID, number: int) -> UploadFile:
    """A file of an upload that the person began; 404 for any other, 403 for who may not upload (any more)."""
    buckets = buckets_for(request.user, request.workspace, Action.IMPORT)
    files = UploadFile.objects.select_related("upload__bucket").filter(
        number=number,
        part_of=None,
        upload__uuid=code,
        upload__created_by=request.user,
        upload__bucket__name=name,
        upload__bucket__in=buckets,
    )
    found = files.first()
    if found is None:
        bucket_for(request, name, Action.IMPORT)
        raise Http404
    return found


def _own_upload(request: ConsoleRequest, name: str, code: UUID) -> Upload:
    bucket = bucket_for(request, name, Action.IMPORT)
    uploads = Upload.objects.select_related("bucket__workspace", "created_by")
    upload = uploads.filter(bucket=bucket, uuid=code, created_by=request.user).first()
    if upload is None:
        raise Http404
    return upload


def _start(request: HttpRequest) -> int:
    text = request.GET.get("start", "0")
    return int(text) if text.isdecimal() and len(text) < 20 else -1


def _length(request: HttpRequest) -> int:
    text = request.META.get("CONTENT_LENGTH") or "0"
    return int(text) if text.isdecimal() and len(text) < 20 else -1


def _received(received: Received) -> JsonResponse:
    return JsonResponse({"received": received.received, "done": received.done})


def _refused(error: SourceRefused | SourceUnavailable, bucket: Bucket) -> JsonResponse:
    code = _STATUS.get(error.code)
    if code is None:
        log_unavailable(bucket, error)
        code = status_of(error)
    return JsonResponse({"code": error.code, "error": message_of(error)}, status=code)


def _plan(bucket: Bucket, plan: Plan) -> dict[str, Any]:
    """What happens to every file; those that are neither skipped nor renamed are sent as they are."""
    names = [visible(Location(bucket.name, key).display) for key in plan.conflicts[:_SHOWN]]
    return {
        "files": len(plan.files),
        "bytes": plan.size,
        "conflicts": len(plan.conflicts),
        "names": names,
        "skipped": [file.number for file in plan.skipped],
        "renamed": {file.number: file.key for file in plan.files if file.renamed},
    }


def _summary(upload: Upload) -> dict[str, Any]:
    shown = _shown(upload)
    numbers = {name: getattr(upload, name) for name in ("files_done", "files_total", "bytes_done", "bytes_total")}
    return {
        "state": upload.state,
        "finished": upload.finished,
        "skipped": upload.skipped,
        "error": shown["error"],
        "folder": address_of(upload.bucket, upload.prefix),
        "address": upload.get_absolute_url(),
        **numbers,
    }


def _shown(upload: Upload) -> dict[str, Any]:
    error = ""
    if upload.reason_code:
        error = message_of(SourceRefused(upload.reason_code, **upload.reason_params))
    total = upload.bytes_total
    return {
        "error": error,
        "folder": address_of(upload.bucket, upload.prefix),
        "path": visible(str(upload)),
        "percent": min(100 * upload.bytes_done // total, 100) if total else None,
        "stored": stored_words(upload),
        "missing": _missing_words(upload),
    }


def _after(request: ConsoleRequest, upload: Upload) -> HttpResponse:
    return JsonResponse(_summary(upload)) if wants_json(request) else redirect(upload)

"""Taking a version elsewhere: as a ZIP to download, or into a bucket in the background."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from accounts.queries import may, require
from accounts.requests import ConsoleRequest, follow_to
from accounts.requests_tokens import accepts_token, api_error
from accounts.roles import Action
from accounts.services import record_audit
from registry.exports import archive_of, can_be_exported, export_name
from registry.forms_exports import ExportForm
from registry.models import ModelSource, ModelVersion
from registry.models_exports import ExportJob
from registry.queries import may_download, versions_for
from registry.queries_exports import last_exports
from registry.services_exports import submit_export
from registry.views.base import way_back
from stores.errors import SourceRefused, SourceUnavailable
from stores.messages import message_of
from stores.paths import parent_of

# More than this makes no path, and would make an address that browsers and servers refuse.
LONGEST_PATH = 1024
ASKED = ("folder", "name", "replace")


@accepts_token(Action.VIEW)
@require_safe
def version_export(request: ConsoleRequest, code: UUID) -> HttpResponseBase:
    """The package, its manifest and its receipt, streamed; that somebody took it is an audit event."""
    version = get_object_or_404(versions_for(request.user), uuid=code)
    if refusal := _refusal(request, version):
        return refusal
    archive = archive_of(version)
    response = StreamingHttpResponse(archive.chunks(), content_type="application/zip")
    response["Content-Length"] = str(archive.size)
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=export_name(version))
    response["Cache-Control"] = "private, no-cache"
    if request.method == "GET":
        _record(request, version)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def version_export_form(request: ConsoleRequest, code: UUID) -> HttpResponse:
    """Both ways to choose from; a wish for the second is recorded and followed on a page of its own."""
    version = get_object_or_404(versions_for(request.user), uuid=code)
    if refusal := _refusal(request, version):
        return HttpResponseClientRedirect(request.get_full_path()) if request.htmx else refusal
    follow_to(request, version.model.workspace)
    if request.method != "POST":
        form = ExportForm(initial=_initial(request, version), workspace=version.model.workspace)
        return _answer(request, version, form)
    require(request.user, Action.IMPORT, version.model.workspace)
    if "browse" in request.POST:
        return _browse(request)
    form = ExportForm(request.POST, workspace=version.model.workspace)
    job = _submitted(request, version, form) if form.is_valid() else None
    if job is None:
        return _answer(request, version, form, status=422)
    address = job.get_absolute_url()
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


def _refusal(request: ConsoleRequest, version: ModelVersion) -> HttpResponse | None:
    """Why this version does not leave, as a page, or as JSON for a program; None when it may."""
    if (reason := _reason_to_keep(version)) is None:
        return None
    status, code, words = reason
    if request.user.acting_token:
        return api_error(status, code, words)
    context = {"version": version, "model": version.model, "reason": words, "kept": status == 403}
    return render(request, "registry/not_exported.html", context, status=status)


def _reason_to_keep(version: ModelVersion) -> tuple[int, str, str] | None:
    """The status of the answer, the documented code of that reason, and a sentence."""
    if version.model_source == ModelSource.EXEML:
        words = _(
            "Models trained by ExeML are never given out: they can be deployed here, but not downloaded or exported."
        )
        return 403, "ModelArts.3047", words
    if not may_download(version):
        words = _(
            "Subscribed models belong to their publisher: they can be deployed here, but not downloaded or exported."
        )
        return 403, "ModelArts.3049", words
    if not can_be_exported(version):
        return 409, "ModelArts.3048", _("Only a version that is Normal can be exported: nothing else was kept whole.")
    return None


def _initial(request: ConsoleRequest, version: ModelVersion) -> dict[str, Any]:
    """What the address asks for; else the folder this version was exported into last."""
    last = next(iter(last_exports(request.user, version, limit=1)), None)
    folder = f"/{last.bucket_name}/{parent_of(last.key)}" if last else ""
    asked = {name: value for name in ASKED if (value := request.GET.get(name))}
    return {"folder": folder, "name": export_name(version)} | asked


def _submitted(request: ConsoleRequest, version: ModelVersion, form: ExportForm) -> ExportJob | None:
    """The job; None when the bucket has something against it, which the form says then."""
    bucket, prefix = form.cleaned_data["folder"]
    name, replace = form.cleaned_data["name"], form.cleaned_data["replace"]
    try:
        return submit_export(version, bucket=bucket, prefix=prefix, name=name, replace=replace, by=request.user)
    except SourceRefused as refused:
        if refused.code == "rename.taken" and not replace:
            told = _("“%(path)s” exists already. Type another name, or tick that it is replaced.")
            form.add_error("name", told % refused.params)
        else:
            of_name = refused.code in {"rename.taken", "upload.case_collision", "source.name_too_long"}
            form.add_error("name" if of_name else "folder", message_of(refused))
    except SourceUnavailable as unavailable:
        form.add_error("folder", message_of(unavailable))
    return None


def _browse(request: ConsoleRequest) -> HttpResponse:
    """Go to the storage pages without JavaScript; their answer comes back to this form with what was typed."""
    typed = {name: value for name in ASKED[1:] if (value := request.POST.get(name))}
    back = f"{request.path}?{urlencode(typed)}"
    folder = request.POST.get("folder", "")[:LONGEST_PATH]
    query = urlencode({"pick": "folder", "field": "id_folder", "folder": folder, "next": back})
    return redirect(f"{reverse('stores:bucket-list')}?{query}")


def _answer(request: ConsoleRequest, version: ModelVersion, form: ExportForm, *, status: int = 200) -> HttpResponse:
    """The dialog when htmx asked for it, else the page with the same words."""
    context = {
        "version": version,
        "model": version.model,
        "form": form,
        "may_save": may(request.user, Action.IMPORT, version.model.workspace),
        "size": archive_of(version).size,
        "exports": last_exports(request.user, version),
        "back": way_back(request, version.get_absolute_url()),
    }
    if request.htmx:
        return render(request, "registry/_export_dialog.html", context, status=status)
    return render(request, "registry/export.html", context, status=status)


def _record(request: ConsoleRequest, version: ModelVersion) -> None:
    record_audit(
        version.model.workspace,
        "version.exported",
        by=request.user,
        name=version.model.name,
        version=version.number,
        digest=version.digest,
    )

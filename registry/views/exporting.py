"""Taking a version elsewhere as a ZIP."""

from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from accounts.requests import ConsoleRequest
from accounts.services import record_audit
from registry.exports import archive_of, can_be_exported, export_name
from registry.models import ModelVersion
from registry.queries import may_download, versions_for


@require_safe
def version_export(request: ConsoleRequest, code: UUID) -> HttpResponseBase:
    """The package, its manifest and its receipt, streamed; that somebody took it is an audit event."""
    version = get_object_or_404(versions_for(request.user), uuid=code)
    if refusal := refused(request, version):
        return refusal
    archive = archive_of(version)
    response = StreamingHttpResponse(archive.chunks(), content_type="application/zip")
    response["Content-Length"] = str(archive.size)
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=export_name(version))
    response["Cache-Control"] = "private, no-cache"
    if request.method == "GET":
        _record(request, version)
    return response


def refused(request: ConsoleRequest, version: ModelVersion) -> HttpResponse | None:
    """Why this version does not leave, as a page; None when it may."""
    status = 403 if not may_download(version) else 200 if can_be_exported(version) else 409
    context = {"version": version, "model": version.model, "kept": status == 403}
    return None if status == 200 else render(request, "registry/not_exported.html", context, status=status)


def _record(request: ConsoleRequest, version: ModelVersion) -> None:
    record_audit(
        version.model.workspace,
        "version.exported",
        by=request.user,
        name=version.model.name,
        version=version.number,
        digest=version.digest,
    )

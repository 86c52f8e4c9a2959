"""Taking a version elsewhere as a ZIP."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from accounts.requests import ConsoleRequest
from accounts.requests_tokens import accepts_token
from accounts.roles import Action
from accounts.services import record_audit
from registry.exports import can_be_exported, export_chunks, export_name
from registry.models import ModelVersion
from registry.queries import may_download, versions_for


@accepts_token(Action.VIEW)
@require_safe
def version_export(request: ConsoleRequest, code: UUID) -> HttpResponseBase:
    """The package, its manifest and its receipt, streamed; that somebody took it is an audit event."""
    version = get_object_or_404(versions_for(request.user), uuid=code)
    if not may_download(version):
        raise PermissionDenied
    if not can_be_exported(version):
        return render(request, "registry/not_exported.html", {"version": version, "model": version.model}, status=409)
    response = StreamingHttpResponse(export_chunks(version), content_type="application/zip")
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=export_name(version))
    response["Cache-Control"] = "private, no-cache"
    if request.method == "GET":
        _record(request, version)
    return response


def _record(request: ConsoleRequest, version: ModelVersion) -> None:
    record_audit(
        version.model.workspace,
        "version.exported",
        by=request.user,
        name=version.model.name,
        version=version.number,
        digest=version.digest,
    )

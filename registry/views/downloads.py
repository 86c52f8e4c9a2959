"""Giving out the stored files of a version."""

from pathlib import PurePosixPath
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.requests import ConsoleRequest
from accounts.requests_tokens import accepts_token, api_error
from accounts.roles import Action
from registry.artifacts import download_url, open_artifact
from registry.errors import ArtifactStoreUnavailable
from registry.models import StoredFile
from registry.queries import may_download, versions_for


@accepts_token(Action.VIEW)
@require_safe
def file_download(request: ConsoleRequest, code: UUID, path: str) -> HttpResponseBase:
    """The bytes as an attachment, never as something a browser would show or run."""
    version = get_object_or_404(versions_for(request.user), uuid=code)
    if not may_download(version):
        raise PermissionDenied
    if "\0" in path:  # No path holds it, and PostgreSQL refuses to look for it.
        raise Http404
    file = get_object_or_404(version.files, path=path)
    try:
        return _answer(file)
    except ArtifactStoreUnavailable:
        return _unreadable(request, {"version": version, "model": version.model, "file": file})


def _answer(file: StoredFile) -> HttpResponseBase:
    """The store's own short-lived address where it has one, which spares the console the bytes; else a stream."""
    name = PurePosixPath(file.path).name
    if url := download_url(file.sha256, name):
        redirect = HttpResponseRedirect(url)
        redirect["Cache-Control"] = "private, no-store"
        return redirect
    content = open_artifact(file.sha256)
    response = FileResponse(content, as_attachment=True, filename=name, content_type="application/octet-stream")
    response["Content-Length"] = str(file.size)
    response["ETag"] = f'"{file.sha256}"'
    response["Cache-Control"] = "private, no-cache"
    return response


def _unreadable(request: ConsoleRequest, context: dict[str, object]) -> HttpResponse:
    if request.user.acting_token:
        return api_error(503, "ModelArts.0001", _("The artifact store did not give this file. Try again in a moment."))
    return render(request, "registry/file_unreadable.html", context, status=503)

"""What a version runs in: its environment, its lock, and what may be taken instead of what it declares."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.queries import require
from accounts.requests import ConsoleRequest, allowed, follow_to
from accounts.roles import Action
from registry.engines import cannot_run_reason
from registry.models import ModelVersion, Status
from registry.queries import versions_for
from registry.views.base import is_part
from serving.environments import interpreter
from serving.forms_environments import OverlayForm
from serving.models import Making, VersionEnvironment
from serving.queries_environments import failures_of, record_of
from serving.services_environments import (
    environment_stands,
    prepare_version_again,
    take_as_declared,
    take_instead,
)

FAILED = frozenset({Status.BUILD_FAILED, Status.FAILED})
FORM = "#instead"


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def version_environment(request: ConsoleRequest, code: UUID) -> HttpResponse:
    version = get_object_or_404(versions_for(request.user), uuid=code)
    follow_to(request, version.model.workspace)
    record = record_of(version)
    if is_part(request, "making"):
        return render(request, "serving/_environment_making.html", {"record": record})
    proposals = record.proposals if record else []
    form = OverlayForm(request.POST if request.method == "POST" else None, proposals=proposals)
    if request.method == "POST":
        require(request.user, Action.IMPORT, version.model.workspace)
        if form.is_valid():
            return _taken(request, version, form.cleaned_data["take"])
    overlays = list(version.overlays.all())
    failures = failures_of(version, overlays) if proposals else {}
    context = {
        "version": version,
        "model": version.model,
        "record": record,
        "form": form,
        "chosen": request.POST.getlist("take"),
        "failed": _has_failed(version, record),
        "lacking": not (record and record.making) and _lacks_environment(version),
        "overlays": overlays,
        "proposals": [entry | {"failed": failures.get(entry["taken"], "")} for entry in proposals],
        "interpreter": interpreter(),
        "allowed": allowed(request, version.model.workspace),
    }
    return render(request, "serving/environment.html", context, status=422 if form.errors else 200)


@require_POST
def version_prepare(request: ConsoleRequest, code: UUID) -> HttpResponse:
    """Build once more, as before or (`declared`) without what was taken instead."""
    version = get_object_or_404(versions_for(request.user), uuid=code)
    require(request.user, Action.IMPORT, version.model.workspace)
    begin = take_as_declared if "declared" in request.POST else prepare_version_again
    _say(request, begin(version, by=request.user))
    return redirect(_followed(version))


@require_safe
def version_lock(request: ConsoleRequest, code: UUID) -> HttpResponse:
    """The lock as a requirements file."""
    version = get_object_or_404(versions_for(request.user), uuid=code)
    record = record_of(version)
    if record is None or record.environment is None:
        raise Http404
    name = f"{version.model.name}-{version.number}-requirements.txt"
    response = HttpResponse(record.environment.lock, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    return response


def _taken(request: ConsoleRequest, version: ModelVersion, names: list[str]) -> HttpResponse:
    _say(request, take_instead(version, names, by=request.user) is not None)
    return redirect(_followed(version))


def _has_failed(version: ModelVersion, record: VersionEnvironment | None) -> bool:
    making = record.making if record else ""
    return making == Making.FAILED or (version.status in FAILED and version.digest != "")


def _lacks_environment(version: ModelVersion) -> bool:
    normal = version.status == Status.NORMAL and not cannot_run_reason(version.engine)
    return normal and not environment_stands(version)


def _followed(version: ModelVersion) -> str:
    """The page that shows how it goes on: a Normal version stays as it is meanwhile."""
    normal = version.status == Status.NORMAL
    return reverse("serving:environment", args=[version.uuid]) if normal else version.get_absolute_url()


def _say(request: ConsoleRequest, begun: bool) -> None:
    if begun:
        messages.success(request, _("It will be built as soon as a builder is free. This page follows it."))
    else:
        messages.warning(request, _("Nothing was begun: nothing is to be built again, or it is being built."))

"""The page of an export into a bucket, and what is asked of it while it runs."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.queries import may, require
from accounts.requests import ConsoleRequest, follow_to
from accounts.roles import Action
from registry.models_exports import ExportJob
from registry.queries_exports import exports_for
from registry.services_exports import cancel_export, retry_export
from registry.views.export_progress import ExportProgress


def _job(request: ConsoleRequest, code: UUID) -> ExportJob:
    jobs = exports_for(request.user).select_related("workspace", "version__model", "bucket")
    return get_object_or_404(jobs.prefetch_related("events"), uuid=code)


def _context(request: ConsoleRequest, job: ExportJob) -> dict[str, object]:
    return {"progress": ExportProgress(job), "job": job, "may_save": may(request.user, Action.IMPORT, job.workspace)}


@require_GET
def export_page(request: ConsoleRequest, code: UUID) -> HttpResponse:
    job = _job(request, code)
    follow_to(request, job.workspace)
    return render(request, "registry/export_job.html", _context(request, job))


@require_GET
def export_status(request: ConsoleRequest, code: UUID) -> HttpResponse:
    """The live part of the page; it asks for itself until the job has ended."""
    return render(request, "registry/_export_status.html", _context(request, _job(request, code)))


@require_POST
def export_cancel(request: ConsoleRequest, code: UUID) -> HttpResponse:
    job = _job(request, code)
    require(request.user, Action.IMPORT, job.workspace)
    if cancel_export(job, by=request.user):
        messages.success(request, _("The export was cancelled. Nothing of it is in the bucket."))
    else:
        messages.warning(request, _("It was too late to cancel: the export had ended, or its file was being named."))
    return redirect(job)


@require_POST
def export_retry(request: ConsoleRequest, code: UUID) -> HttpResponse:
    job = _job(request, code)
    require(request.user, Action.IMPORT, job.workspace)
    if retry_export(job, by=request.user):
        messages.success(request, _("The export is queued again."))
    else:
        messages.warning(request, _("Only a failed export whose version and bucket still exist can be retried."))
    return redirect(job)

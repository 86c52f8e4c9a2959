"""The page of an import job, and what is asked of it while it runs."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.queries import may, require
from accounts.requests import ConsoleRequest, follow_to
from accounts.roles import Action
from importers.models import ImportJob
from importers.queries import jobs_for
from importers.services import cancel_import, retry_import
from importers.views.progress import Progress
from registry.queries import versions_for


def _job(request: ConsoleRequest, code: UUID) -> ImportJob:
    jobs = (
        jobs_for(request.user)
        .select_related("workspace", "version__model", "training_run__job")
        .prefetch_related("events")
    )
    return get_object_or_404(jobs, uuid=code)


def _context(request: ConsoleRequest, job: ImportJob) -> dict[str, object]:
    return {"progress": Progress(job), "job": job, "may_import": may(request.user, Action.IMPORT, job.workspace)}


@require_GET
def job_page(request: ConsoleRequest, code: UUID) -> HttpResponse:
    job = _job(request, code)
    follow_to(request, job.workspace)
    return render(request, "importers/job.html", _context(request, job))


@require_GET
def job_status(request: ConsoleRequest, code: UUID) -> HttpResponse:
    """The live part of the page; it asks for itself until the version rests."""
    return render(request, "importers/_job_status.html", _context(request, _job(request, code)))


@require_http_methods(["GET", "POST"])
def job_cancel(request: ConsoleRequest, code: UUID) -> HttpResponse:
    """Ask once what it means, then stop the job: the version is deleted and its name is free again."""
    job = _job(request, code)
    require(request.user, Action.IMPORT, job.workspace)
    if request.method != "POST":
        return render(request, "importers/job_cancel.html", _context(request, job))
    if cancel_import(job, by=request.user):
        messages.success(request, _("The import was cancelled and the version deleted; its number is free again."))
    else:
        messages.warning(request, _("It was too late to cancel: the import had ended."))
    return redirect(job)


@require_POST
def job_retry(request: ConsoleRequest, code: UUID) -> HttpResponse:
    job = _job(request, code)
    require(request.user, Action.IMPORT, job.workspace)
    if retry_import(job, by=request.user):
        messages.success(request, _("The import is queued again."))
    else:
        messages.warning(request, _("Only a failed import whose version still exists can be retried."))
    return redirect(job)


@require_GET
def version_progress(request: ConsoleRequest, code: UUID) -> HttpResponse:
    """The place of the status in a version's row: a bar while it is imported, then the badge, or that it is gone."""
    version = versions_for(request.user).filter(uuid=code).first()
    jobs = jobs_for(request.user).filter(version_uuid=code)
    job = get_object_or_404(jobs[:1]) if version is None else jobs.first()
    progress = Progress(job) if job else None
    return render(request, "importers/_version_progress.html", {"version": version, "job": job, "progress": progress})


@require_GET
def version_job(request: ConsoleRequest, code: UUID) -> HttpResponse:
    """The page of the latest job of a version, for who knows only the version."""
    job = jobs_for(request.user).filter(version_uuid=code).first()
    return redirect(job or get_object_or_404(versions_for(request.user), uuid=code))

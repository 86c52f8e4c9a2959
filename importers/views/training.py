"""The list of training jobs, and the page of one with its runs."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.requests import ConsoleRequest, allowed, follow_to
from accounts.requests_lists import Column, headings, is_part
from importers.catalogue_algorithms import ALGORITHMS
from importers.models import AlgorithmKind, RunStatus
from importers.queries_training import RunFilter, TrainingFilter, run_page, training_jobs_for, training_page

JOB_COLUMNS = (
    Column(_("Name"), "name"),
    Column(_("Status")),
    Column(pgettext_lazy("column", "Runs"), "run_count", descends=True, css="numeric"),
    Column(_("Algorithm")),
    Column(_("AI engine")),
    Column(pgettext_lazy("column", "Latest run"), "latest_at", descends=True),
    Column(_("Created at"), "created_at", descends=True),
)
RUN_COLUMNS = (
    Column(_("Version"), "number", descends=True),
    Column(_("Status")),
    Column(_("Algorithm")),
    Column(_("AI engine")),
    Column(_("Started at")),
    Column(pgettext_lazy("training", "Duration"), css="numeric"),
    Column(_("Created by")),
)
FILES = {"train.py": "train.py", "customize_service.py": "customize_service.py"}


@require_safe
@vary_on_headers("HX-Request")
def training_list(request: ConsoleRequest) -> HttpResponse:
    wanted = TrainingFilter.from_query(request.GET)
    jobs = training_jobs_for(request.user).filter(workspace=request.workspace)
    context = {
        "wanted": wanted,
        "page": training_page(jobs, wanted),
        "headings": headings(JOB_COLUMNS, wanted),
        "statuses": RunStatus.choices,
        "kinds": AlgorithmKind.choices,
        "algorithms": ALGORITHMS.values(),
        "allowed": allowed(request, request.workspace),
    }
    if not is_part(request, "training-jobs"):
        return render(request, "importers/training/list.html", context)
    response = render(request, "importers/training/_jobs.html", context)
    response["HX-Push-Url"] = f"{request.path}?{wanted.as_query(after=wanted.after, before=wanted.before)}".rstrip("?")
    return response


@require_safe
@vary_on_headers("HX-Request")
def training_job(request: ConsoleRequest, code: UUID) -> HttpResponse:
    job = get_object_or_404(training_jobs_for(request.user), uuid=code)
    follow_to(request, job.workspace)
    wanted = RunFilter.from_query(request.GET)
    context = {
        "job": job,
        "wanted": wanted,
        "page": run_page(job, wanted),
        "headings": headings(RUN_COLUMNS, wanted),
        "statuses": RunStatus.choices,
        "allowed": allowed(request, job.workspace),
    }
    part = is_part(request, "training-runs")
    return render(request, f"importers/training/{'_runs' if part else 'job'}.html", context)


@require_safe
def algorithm_file(request: ConsoleRequest, name: str, file: str) -> HttpResponse:
    """The training script or the inference code of a built-in algorithm, to read and to keep."""
    if name not in ALGORITHMS or file not in FILES:
        raise Http404
    content = ALGORITHMS[name].script.with_name(FILES[file]).read_bytes()
    disposition = f'attachment; filename="{file}"'
    headers = {"Content-Disposition": disposition, "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content, content_type="text/x-python; charset=utf-8", headers=headers)

"""Entering a run by hand, and deleting runs and jobs."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from accounts.models import Workspace
from accounts.queries import require
from accounts.requests import ConsoleRequest, workspace_for
from accounts.roles import Action
from importers.catalogue_algorithms import ALGORITHMS
from importers.errors import RunConflict
from importers.forms_training import TrainingRunForm, initial_of
from importers.models import RunSource, TrainingRun
from importers.queries_training import training_jobs_for, training_runs_for
from importers.services_training import delete_job, delete_run, register_run
from registry.findings import message_for
from registry.views.base import as_uuid

SUGGESTED = 50


@require_http_methods(["GET", "HEAD", "POST"])
def training_new(request: ConsoleRequest) -> HttpResponse:
    """Enter a run, or with `?run=` say more of one that is known."""
    workspace = workspace_for(request, Action.IMPORT)
    known = _known(request, workspace)
    initial = initial_of(known) if known else _initial(request, workspace)
    data = request.POST if request.method == "POST" else None
    form = TrainingRunForm(data, initial=initial, workspace=workspace, run=known)
    if form.is_valid():
        run = _register(form, workspace, request)
        if run is not None:
            said = _("Run %(run)s was updated.") if known else _("Run %(run)s was registered.")
            messages.success(request, said % {"run": f"{run.job.name} {run.label}"})
            return HttpResponseRedirect(run.get_absolute_url())
    names = training_jobs_for(request.user).filter(workspace=workspace).values_list("name", flat=True)[:SUGGESTED]
    context = {"form": form, "run": known, "names": list(names), "algorithms": ALGORITHMS.values()}
    return render(request, "importers/training/new.html", context, status=422 if form.errors else 200)


def _known(request: ConsoleRequest, workspace: Workspace) -> TrainingRun | None:
    code = as_uuid(request.GET.get("run", ""))
    return training_runs_for(request.user).filter(job__workspace=workspace, uuid=code).first() if code else None


def _initial(request: ConsoleRequest, workspace: Workspace) -> dict[str, Any]:
    """What an address asks for: a run of a job."""
    if code := as_uuid(request.GET.get("job", "")):
        job = training_jobs_for(request.user).filter(workspace=workspace, uuid=code).first()
        return {"job": job.name, "kind": job.latest_kind, "engine": job.latest_engine} if job else {}
    return {}


def _register(form: TrainingRunForm, workspace: Workspace, request: ConsoleRequest) -> TrainingRun | None:
    """The registered run; None when it was refused, with the reason at its field."""
    try:
        return register_run(workspace, form.values, by=request.user, source=RunSource.FORM)
    except RunConflict as conflict:
        form.add_error(
            conflict.field if conflict.field in form.fields else None, message_for(conflict.code, conflict.params)
        )
    except ValidationError as error:
        form.add_error(None, error)
    return None


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def run_delete(request: ConsoleRequest, code: UUID) -> HttpResponse:
    run = get_object_or_404(training_runs_for(request.user), uuid=code)
    require(request.user, Action.DELETE, run.job.workspace)
    if request.method != "POST":
        there = run.source == RunSource.MLFLOW
        return _ask(request, {"run": run, "job": run.job, "from_mlflow": there, "back": run.job.get_absolute_url()})
    label = run.label
    delete_run(run, by=request.user)
    messages.success(request, _("Run %(run)s was deleted.") % {"run": f"{run.job.name} {label}"})
    return _leave(request, run.job.get_absolute_url())


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def job_delete(request: ConsoleRequest, code: UUID) -> HttpResponse:
    job = get_object_or_404(training_jobs_for(request.user), uuid=code)
    require(request.user, Action.DELETE, job.workspace)
    if request.method != "POST":
        there = job.runs.filter(source=RunSource.MLFLOW).exists()
        return _ask(request, {"job": job, "from_mlflow": there, "back": job.get_absolute_url()})
    delete_job(job, by=request.user)
    messages.success(request, _("Training job %(name)s was deleted.") % {"name": job.name})
    return _leave(request, reverse("importers:training-list"))


def _ask(request: ConsoleRequest, context: dict[str, Any]) -> HttpResponse:
    """The dialog when htmx asked for it, else a page with the same words."""
    template = "_delete_dialog" if request.htmx else "delete"
    return render(request, f"importers/training/{template}.html", context | {"address": request.path})


def _leave(request: ConsoleRequest, address: str) -> HttpResponse:
    return HttpResponseClientRedirect(address) if request.htmx else HttpResponseRedirect(address)

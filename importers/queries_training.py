"""Which training jobs and runs a user may see, and the pages of their lists."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from django.db.models import Prefetch, QuerySet

from accounts.keyset import slice_of
from accounts.models import Workspace
from accounts.queries import Person, workspaces_for
from accounts.queries_lists import ListFilter, order_of, sorts_of
from accounts.roles import Action
from importers.models import AlgorithmKind, ImportJob, RunStatus, TrainingJob, TrainingRun
from registry.queries import LARGE

PAGE_SIZE = 25
JOB_ORDERS = {
    "name": ("name", "id"),
    "run_count": ("run_count", "id"),
    "latest_at": ("latest_at", "id"),
    "created_at": ("created_at", "id"),
}
RUN_ORDERS = {"number": ("number",)}


@dataclass(frozen=True)
class TrainingFilter(ListFilter):
    """The list of jobs: `q` is part of the name, `status` and `kind` are those of the newest run."""

    sort: str = "-latest_at"
    status: str = ""
    kind: str = ""

    known: ClassVar[Mapping[str, frozenset[str]]] = {
        "sort": sorts_of(JOB_ORDERS),
        "status": frozenset(RunStatus.values),
        "kind": frozenset(AlgorithmKind.values),
    }


@dataclass(frozen=True)
class RunFilter(ListFilter):
    """The runs of one job."""

    sort: str = "-number"
    status: str = ""

    known: ClassVar[Mapping[str, frozenset[str]]] = {
        "sort": sorts_of(RUN_ORDERS),
        "status": frozenset(RunStatus.values),
    }


@dataclass(frozen=True)
class TrainingPage:
    """`next` and `previous` are cursors for `after` and `before`, empty where there is nothing more."""

    rows: tuple[TrainingJob, ...]
    total: int
    next: str
    previous: str


@dataclass(frozen=True)
class RunPage:
    """Like TrainingPage, of one job's runs."""

    rows: tuple[TrainingRun, ...]
    total: int
    next: str
    previous: str


def training_jobs_for(user: Person, action: Action = Action.VIEW) -> QuerySet[TrainingJob]:
    """Those of the workspaces in which `user` may do `action`, with their workspace."""
    return TrainingJob.objects.filter(workspace__in=workspaces_for(user, action)).select_related("workspace")


def training_runs_for(user: Person, action: Action = Action.VIEW) -> QuerySet[TrainingRun]:
    rows = TrainingRun.objects.filter(job__workspace__in=workspaces_for(user, action))
    return rows.select_related("job__workspace")


def training_page(jobs: QuerySet[TrainingJob], wanted: TrainingFilter, *, limit: int = PAGE_SIZE) -> TrainingPage:
    """A page of `jobs`, which are those of one workspace."""
    conditions = {"name__icontains": wanted.q, "latest_status": wanted.status, "latest_kind": wanted.kind}
    rows = jobs.filter(**{name: value for name, value in conditions.items() if value})
    found = slice_of(rows, order_of(JOB_ORDERS, wanted.sort), after=wanted.after, before=wanted.before, limit=limit)
    return TrainingPage(found.rows, rows.count(), found.next, found.previous)


def run_page(job: TrainingJob, wanted: RunFilter, *, limit: int = PAGE_SIZE) -> RunPage:
    """A page of the job's runs, each with the imports it was used for and their versions."""
    imports = ImportJob.objects.filter(version__isnull=False).order_by("-created_at", "-id")
    light = imports.select_related("version__model").defer("request", *(f"version__{name}" for name in LARGE))
    rows = job.runs.filter(**({"status": wanted.status} if wanted.status else {}))
    listed = rows.select_related("job").prefetch_related(Prefetch("import_jobs", queryset=light))
    order = order_of(RUN_ORDERS, wanted.sort)
    found = slice_of(listed, order, after=wanted.after, before=wanted.before, limit=limit)
    return RunPage(found.rows, rows.count(), found.next, found.previous)


def importable_runs(workspace: Workspace) -> QuerySet[TrainingRun]:
    """The runs a model can be made of: successful, with an output, not deleted in MLflow.

    ExeML brings its own in when it deploys them.
    """
    done = TrainingRun.objects.filter(job__workspace=workspace, status=RunStatus.SUCCESSFUL, gone_at=None)
    done = done.exclude(output_path="")
    return done.exclude(kind=AlgorithmKind.EXEML).select_related("job")


def run_named(workspace: Workspace, job: str, label: str) -> TrainingRun | None:
    """The run that people write as a job's name and V0001; None when there is none."""
    number = re.fullmatch(r"V([0-9]{4,9})", label)
    if number is None or "\0" in job:
        return None
    runs = TrainingRun.objects.filter(job__workspace=workspace, job__name=job, number=int(number[1]))
    return runs.select_related("job").first()


def run_with(workspace: Workspace, code: str) -> TrainingRun | None:
    """The run with that uuid; None when there is none, or there was one and `code` is empty now."""
    runs = TrainingRun.objects.filter(job__workspace=workspace, uuid=code) if code else TrainingRun.objects.none()
    return runs.select_related("job").first()

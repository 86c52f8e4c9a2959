"""The training jobs of the demo: real runs of the built-in algorithms, one of which failed."""

from collections.abc import Callable
from pathlib import Path

from accounts.models import User, Workspace
from demo.train import Trained, train_table, write_tables
from importers.catalogue_algorithms import ALGORITHMS
from importers.models import AlgorithmKind, RunSource, RunStatus, TrainingJob
from importers.services_training import register_run
from importers.values_training import RunValues

BUCKET = "demo"
# Job, external ID, algorithm, table and the column to learn; wine has no column of that name, so its first run fails.
RUNS = (
    ("wine", "demo-1", "tabular-classification", "wine", "quality"),
    ("wine", "demo-2", "tabular-classification", "wine", "cultivar"),
    ("diabetes-progression", "demo-1", "tabular-regression", "diabetes", "progression"),
)
Upload = Callable[[str, Path], None]


def seed_training(workspace: Workspace, work: Path, *, by: User, upload: Upload) -> None:
    """Train and register what is missing; `upload(prefix, folder)` stores an output. Raises TrainingFailed."""
    jobs = {job for job, *_ in RUNS}
    if TrainingJob.objects.filter(workspace=workspace, name__in=jobs).count() == len(jobs):
        return
    tables = write_tables(work)
    for job, external_id, algorithm, table, target in RUNS:
        place = f"training/{job}/{external_id}"
        trained = train_table(
            work, ALGORITHMS[algorithm].script, data=tables / f"{table}.csv", target=target, output=place
        )
        if trained.folder:
            upload(place, trained.folder)
        run = _run(job, external_id, algorithm, trained, f"/{BUCKET}/{place}/")
        register_run(workspace, run, by=by, source=RunSource.API)


def _run(job: str, external_id: str, algorithm: str, trained: Trained, path: str) -> RunValues:
    return RunValues(
        job=job,
        external_id=external_id,
        status=RunStatus.SUCCESSFUL if trained.folder else RunStatus.FAILED,
        kind=AlgorithmKind.BUILT_IN,
        algorithm=algorithm,
        engine=ALGORITHMS[algorithm].engine,
        output_path=path if trained.folder else "",
        metrics=trained.metrics,
        parameters=trained.parameters,
        started_at=trained.started_at,
        finished_at=trained.finished_at,
    )

"""Reading a tracking server: each finished run with a logged model becomes a run of a training job, once."""

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.timezone import now

from importers import transitions_mlflow as transitions
from importers.errors import RunConflict
from importers.mlflow import Client, Experiment, LoggedModel, Run, most_kept
from importers.mlflow_places import ArtifactPlaces
from importers.models import MLflowConnection, RunSource, RunStatus, TrainingJob, TrainingRun
from importers.package.mlmodel import MLMODEL, read_mlmodel
from importers.queries_mlflow import Known, is_forgotten, known_runs
from importers.services_mlflow import place_of
from importers.services_mlflow_gone import Deletions
from importers.services_training import Registered, record_run
from importers.values_training import LONGEST_NAME, LONGEST_VALUE, MOST_ENTRIES, RunValues
from stores.errors import SourceRefused, SourceUnavailable
from stores.paths import shown, visible

logger = logging.getLogger(__name__)
MOST_REASONS = 20
# Folders beside a run in which a model is looked for, where the server has no list of models.
MOST_FOLDERS = 20
# The lease is renewed when a part of it has gone.
RENEWED = 4


class Lost(Exception):
    """Another worker took the connection over, or somebody removed it."""


@dataclass(frozen=True)
class Logged:
    """One model of one run: what the run is called here, and where the model lies."""

    external_id: str
    address: str


@dataclass
class Tally:
    """What a synchronisation came to; `skipped` counts runs by reason, with one of them.

    `new` and `known` count what became of them, which may be several of one run.
    """

    seen: int = 0
    new: int = 0
    known: int = 0
    skipped: dict[str, dict[str, Any]] = field(default_factory=dict)

    def skip(self, run: str, code: str, params: Mapping[str, Any] | None = None) -> None:
        kept = dict(params or {})
        key = f"{code} {sorted(kept.items())}"
        if key in self.skipped or len(self.skipped) < MOST_REASONS:
            reason = self.skipped.setdefault(key, {"code": code, "params": kept, "count": 0, "run": shown(run)})
            reason["count"] += 1
        else:
            more = {"code": "mlflow.skip_more", "params": {}, "count": 0, "run": shown(run)}
            self.skipped.setdefault("", more)["count"] += 1

    def as_columns(self) -> dict[str, Any]:
        reasons = sorted(self.skipped.values(), key=lambda each: -each["count"])
        refused = sum(each["count"] for each in reasons)
        counts = {"runs_seen": self.seen, "runs_new": self.new, "runs_known": self.known, "runs_refused": refused}
        return counts | {"skipped": reasons}


def sync_connection(connection: MLflowConnection) -> None:
    """Read a connection to its end, or leave it to whoever holds it. Harmless to call again."""
    if not transitions.claim(connection):
        return
    sync = _Sync(connection)
    try:
        code, params = sync.run()
    except Lost:
        logger.info("synchronisation left", extra={"connection": connection.pk})
        return
    except (SourceRefused, SourceUnavailable) as error:
        code, params = error.code, error.params
    except Exception:
        bug = uuid4().hex[:12]
        logger.exception("synchronisation bug %s", bug, extra={"connection": connection.pk})
        code, params = "import.bug", {"id": bug}
    transitions.finish(connection, code, params, **sync.tally.as_columns())


class _Sync:
    """One reading of one server."""

    def __init__(self, connection: MLflowConnection) -> None:
        self.connection = connection
        self.workspace = connection.workspace
        self.places = ArtifactPlaces(self.workspace, connection.artifact_root)
        self.tally = Tally()

    def run(self) -> tuple[str, Mapping[str, Any]]:
        """Read everything; a code and its params when not all that was wanted could be read."""
        client = Client(place_of(self.connection))
        experiments = client.experiments()
        deletions = Deletions(self.connection, client)
        wanted = set(self.connection.wanted)
        cut: dict[str, list[str]] = {}
        for each in experiments:
            if (not wanted or each.name in wanted) and (reason := self._experiment(client, each, deletions)):
                cut.setdefault(reason, []).append(each.name)
        deletions.follow_experiments(experiments)
        missing = sorted(wanted - {each.name for each in experiments})
        if missing:
            return "mlflow.experiments_missing", {"names": shown(", ".join(missing))}
        for reason, names in cut.items():
            limit = most_kept() // 1024**2 if reason == "mlflow.too_much_said" else settings.MLFLOW_MAX_RUNS
            return reason, {"names": shown(", ".join(names)), "limit": limit}
        return "", {}

    def _experiment(self, client: Client, experiment: Experiment, deletions: Deletions) -> str:
        """Read one experiment, the oldest run first; a code when not all of its runs are looked at."""
        self._stay()
        runs = client.runs(experiment.id)
        deletions.follow(experiment.id, runs)
        wanted = [run for run in reversed(runs.newest) if self._is_wanted(run)]
        models = client.models(experiment.id) if wanted else []
        by_run: dict[str, list[LoggedModel]] = {}
        for model in models or []:
            by_run.setdefault(model.run, []).append(model)
        names = [_external_id(run, each.id) for run in wanted for each in by_run.get(run.id, [])]
        known = known_runs(self.workspace, names)
        for run in wanted:
            logged = _from_models(run, by_run.get(run.id, []))
            if not logged and models is None:
                logged, known = self._from_files(client, run, known)
            self._take(client, experiment, run, logged, known)
        return runs.cut

    def _is_wanted(self, run: Run) -> bool:
        self.tally.seen += 1
        if run.deleted:
            self.tally.skip(run.id, "mlflow.skip_deleted")
        elif run.status in ("FAILED", "KILLED"):
            self.tally.skip(run.id, "mlflow.skip_failed")
        elif not run.finished:
            self.tally.skip(run.id, "mlflow.skip_unfinished")
        else:
            return True
        return False

    def _from_files(self, client: Client, run: Run, known: Known) -> tuple[list[Logged], Known]:
        """The models among the artifacts of a run, for servers that keep no list of models."""
        self._stay()
        folders, files = client.files(run.id)
        found = [""] if MLMODEL in files else []
        for folder in folders[:MOST_FOLDERS]:
            if any(path.rpartition("/")[2] == MLMODEL for path in client.files(run.id, folder)[1]):
                found.append(folder)
        logged = [Logged(_external_id(run, folder), f"{run.artifacts.rstrip('/')}/{folder}") for folder in found]
        return logged, known | known_runs(self.workspace, [each.external_id for each in logged])

    def _take(self, client: Client, experiment: Experiment, run: Run, logged: Sequence[Logged], known: Known) -> None:
        if not logged:
            self.tally.skip(run.id, "mlflow.skip_no_model")
        for each in logged:
            if each.external_id in known.forgotten:
                self.tally.skip(run.id, "mlflow.skip_forgotten")
            elif each.external_id in known.here:
                self.tally.known += 1
            else:
                self._stay()
                self._register(client, experiment, run, each)

    def _register(self, client: Client, experiment: Experiment, run: Run, logged: Logged) -> None:
        try:
            path, data = self.places.find(logged.address)
            values = _values(run, logged, path, _engine(data), client.page_of(run))
            created = self._record(experiment, values, run.user)
        except (SourceRefused, SourceUnavailable) as error:
            self.tally.skip(run.id, error.code, _told(error, experiment))
        except ValidationError as error:
            self.tally.skip(run.id, "mlflow.skip_invalid", {"fields": ", ".join(sorted(error.message_dict))})
        except RunConflict:
            return  # Somebody else registered it in this moment.
        else:
            self.tally.new += created

    @transaction.atomic
    def _record(self, experiment: Experiment, values: Mapping[str, Any], user: str) -> bool:
        body = RunValues(job=self._job_name(experiment), **values)
        run, outcome = record_run(self.workspace, body, by=None, source=RunSource.MLFLOW)
        if outcome is not Registered.CREATED:
            return False
        if is_forgotten(self.workspace, body.external_id):
            transaction.set_rollback(True)  # Somebody deleted it in this moment.
            return False
        TrainingRun.objects.filter(pk=run.pk).update(created_by_name=_named(user)[:150])
        own = TrainingJob.objects.filter(pk=run.job_id, connection=None)
        own.exclude(runs__source__in=[RunSource.FORM, RunSource.API]).update(connection=self.connection)
        return True

    def _job_name(self, experiment: Experiment) -> str:
        """The experiment's name; where another connection has a job of that name, with this one's behind it."""
        name = _named(experiment.name) or f"experiment {_named(experiment.id)}"
        taken = TrainingJob.objects.filter(workspace=self.workspace, name=name).exclude(connection=None)
        if taken.exclude(connection=self.connection).exists():
            suffix = f" ({self.connection.name})"
            return _named(name, LONGEST_NAME - len(suffix)) + suffix
        return name

    def _stay(self) -> None:
        """Keep the claim alive; raises Lost when it is gone."""
        lease = self.connection.lease_until
        left = (lease - now()).total_seconds() if lease else 0
        if left < settings.MLFLOW_LEASE_SECONDS * (1 - 1 / RENEWED) and not transitions.renew(self.connection):
            raise Lost


def _from_models(run: Run, models: Sequence[LoggedModel]) -> list[Logged]:
    return [Logged(_external_id(run, each.id), each.artifacts) for each in models if each.ready and each.id]


def _external_id(run: Run, part: str) -> str:
    """The run, and which of its models; what is too long is told apart by a part of its hash."""
    whole = f"{run.id}/{part}"
    if len(whole) <= LONGEST_NAME and whole == visible(whole):
        return whole
    return f"{_named(run.id, 64)}/{hashlib.sha256(whole.encode(errors='replace')).hexdigest()[:32]}"


def _engine(data: bytes) -> str:
    """The engine of what an MLmodel file describes; empty for what only an import will say more of."""
    try:
        return read_mlmodel(data).engine
    except SourceRefused:
        return ""


def _values(run: Run, logged: Logged, path: str, engine: str, page: str) -> dict[str, Any]:
    return {
        "external_id": logged.external_id,
        "status": RunStatus.SUCCESSFUL,
        "engine": engine,
        "output_path": path,
        "metrics": dict(_entries(run.metrics)),
        "parameters": {name: visible(value)[:LONGEST_VALUE] for name, value in _entries(run.parameters)},
        "external_url": page if len(page) <= LONGEST_VALUE else "",
        "started_at": run.started_at,
        "finished_at": _end_of(run),
    }


def _end_of(run: Run) -> Any:
    """Clocks of trainers jump: an end before the beginning is none."""
    backwards = run.started_at and run.finished_at and run.finished_at < run.started_at
    return None if backwards else run.finished_at


def _entries(said: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """As many as a run may have, under names that may be shown."""
    named = ((_named(name), value) for name, value in sorted(said.items()) if name)
    return islice(named, MOST_ENTRIES)


def _named(text: str, longest: int = LONGEST_NAME) -> str:
    """A foreign name as one of ours: visible, without blanks around it, and short enough."""
    safe = visible(text).strip()
    return safe if len(safe) <= longest else f"{safe[: longest - 1].rstrip()}…"


def _told(error: SourceRefused | SourceUnavailable, experiment: Experiment) -> dict[str, Any]:
    """The params of a reason; a place that no bucket reaches is that of the whole experiment, not of one model."""
    told = {name: value if isinstance(value, int) else shown(str(value)) for name, value in error.params.items()}
    if error.code == "mlflow.skip_no_bucket" and experiment.artifacts.startswith(("/", "file:")):
        told["place"] = shown(experiment.artifacts)
    return told

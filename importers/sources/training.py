"""Import from a run of a training job: the output it left in a bucket, and what the platform supplies for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from accounts.models import Workspace
from importers.catalogue_algorithms import ALGORITHMS, COLUMNS, LARGEST_COLUMNS, Algorithm
from importers.models import AlgorithmKind, RunSource, RunStatus, TrainingRun
from importers.package.check import FileEntry
from importers.package.layout import MODEL
from importers.package.report import CODE, CONFIG
from importers.queries_training import run_named, run_with
from importers.sources.base import NO_TERMS, NOTHING_ELSE, About, Folder, Origin, Terms
from importers.sources.bucket import BucketFolder, folder_at
from importers.sources.mlmodel import MlmodelFolder
from registry.models import ModelSource
from stores.errors import SourceRefused
from stores.paths import parse_location, shown

MODEL_SOURCES = {AlgorithmKind.BUILT_IN: ModelSource.BUILT_IN, AlgorithmKind.EXEML: ModelSource.EXEML}
# The parameter an import under way adds: the uuid of the run it was submitted with, empty once that was deleted.
RUN = "run_uuid"
# What the people who trained with an algorithm of their own put beside the weights.
OWN_CODE = (CODE.removeprefix(MODEL),)


@dataclass(frozen=True, kw_only=True)
class RunOutput(BucketFolder):
    """The folder a run left its output in; that it is not there is a matter of the run, and not of a choice."""

    run: TrainingRun

    def files(self) -> Iterator[FileEntry]:
        try:
            yield from super().files()
        except SourceRefused as refused:
            if refused.code not in ("source.empty", "source.missing"):
                raise
            said = {"job": shown(self.run.job.name), "run": self.run.label, "path": shown(self.run.output_path)}
            raise SourceRefused("training.output_missing", **said) from refused


@dataclass(frozen=True)
class SuppliedFolder:
    """The output of a run of a built-in algorithm: its inference code is ours, and so is a configuration it lacks."""

    output: BucketFolder
    algorithm: Algorithm
    metrics: Mapping[str, float]
    supplied: dict[str, bytes] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.output.name

    @property
    def about(self) -> About:
        return NOTHING_ELSE

    def files(self) -> Iterator[FileEntry]:
        self.supplied.clear()
        listed = {entry.path: entry for entry in self.output.files()}
        root = MODEL if any(path.startswith(MODEL) for path in listed) else ""
        if root or self.name == MODEL.rstrip("/"):
            self._supply(root, listed)
        yield from (entry for path, entry in listed.items() if path not in self.supplied)
        yield from (FileEntry(path, len(content)) for path, content in self.supplied.items())

    def _supply(self, root: str, listed: Mapping[str, FileEntry]) -> None:
        code, config = (root + path.removeprefix(MODEL) for path in (CODE, CONFIG))
        self.supplied[code] = self.algorithm.inference_code
        if config in listed:
            return
        columns = root + COLUMNS
        if columns not in listed or listed[columns].size > LARGEST_COLUMNS:
            raise SourceRefused("training.columns_missing", file=COLUMNS, path=self._shown(columns))
        self.supplied[config] = self.algorithm.config(self.output.read(columns, LARGEST_COLUMNS), self.metrics)

    def _shown(self, path: str) -> str:
        return shown(f"/{self.output.bucket.name}/{self.output.prefix}{path}")

    def read(self, path: str, size: int) -> bytes:
        return self.supplied[path][:size] if path in self.supplied else self.output.read(path, size)

    def chunks(self, path: str) -> Iterator[bytes]:
        if path in self.supplied:
            yield self.supplied[path]
        else:
            yield from self.output.chunks(path)

    def origin(self, path: str) -> Origin | None:
        return None if path in self.supplied else self.output.origin(path)


class TrainingSource:
    """`params` are the job by name and the run as V0001; `RUN` is which run that was when somebody asked for it."""

    params = ("job", "run")
    writes_config = False
    consent = ""

    def shown(self, workspace: Workspace, params: Mapping[str, str]) -> str:
        return parse_location(_run(workspace, params).output_path).folder.display

    def terms(self, workspace: Workspace, params: Mapping[str, str]) -> Terms:
        run = _meant(workspace, params)
        if run is None:
            return NO_TERMS  # `locate` and `shown` say so
        own = run.kind in (AlgorithmKind.FRAMEWORK, AlgorithmKind.CUSTOM)
        source = MODEL_SOURCES.get(AlgorithmKind(run.kind), ModelSource.CUSTOM)
        return Terms(required_files=OWN_CODE if own else (), model_source=source, training_run=run)

    def locate(self, workspace: Workspace, params: Mapping[str, str]) -> Folder:
        run = _run(workspace, params)
        folder = folder_at(workspace, run.output_path)
        output = RunOutput(folder.driver, folder.bucket, folder.prefix, run=run)
        if run.source == RunSource.MLFLOW:
            return MlmodelFolder(output, run.output_path, run.metrics)
        if run.kind != AlgorithmKind.BUILT_IN:
            return output
        algorithm = ALGORITHMS.get(run.algorithm)
        if algorithm is None:
            raise SourceRefused("training.unknown_algorithm", algorithm=shown(run.algorithm))
        return SuppliedFolder(output, algorithm, run.metrics)


def _run(workspace: Workspace, params: Mapping[str, str]) -> TrainingRun:
    """The run that is meant; SourceRefused when there is none or nothing can be made of it."""
    job, label = params.get("job", ""), params.get("run", "")
    run = _meant(workspace, params)
    said = {"job": shown(job), "run": shown(label)}
    if run is None:
        raise SourceRefused("training.run_missing", **said)
    if run.gone_at is not None:
        raise SourceRefused("training.run_gone", **said)
    if run.status != RunStatus.SUCCESSFUL:
        raise SourceRefused("training.run_not_successful", **said)
    if not run.output_path:
        raise SourceRefused("training.run_without_output", **said)
    if run.kind == AlgorithmKind.EXEML and not run.deployed:
        raise SourceRefused("training.exeml_not_deployed", project=shown(run.project))
    return run


def _meant(workspace: Workspace, params: Mapping[str, str]) -> TrainingRun | None:
    if RUN in params:
        return run_with(workspace, params[RUN])
    return run_named(workspace, params.get("job", ""), params.get("run", ""))


SOURCE = TrainingSource()

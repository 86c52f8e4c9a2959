"""A tracking server by its REST interface (2.0): experiments, runs, logged models and what lies beside a run."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

from django.conf import settings

from importers.mlflow_http import Answer, Place, ask, check_address
from importers.values_training import LONGEST_VALUE, MOST_ENTRIES, YEARS
from stores.errors import SourceRefused
from stores.paths import shown

API = "/api/2.0/mlflow/"
PAGE = 200
# So many times the largest answer is what may be kept in memory of all answers to one question.
KEPT = 4
LONGEST_VERSION = 40


@dataclass(frozen=True)
class Experiment:
    id: str
    name: str
    artifacts: str


@dataclass(frozen=True)
class Run:
    """One run; times are None where the server has none, metrics are finite."""

    id: str
    experiment: str
    status: str
    deleted: bool
    artifacts: str
    user: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    models: tuple[str, ...] = ()

    @property
    def finished(self) -> bool:
        return self.status == "FINISHED"


@dataclass(frozen=True)
class LoggedModel:
    id: str
    run: str
    artifacts: str
    ready: bool


@dataclass(frozen=True)
class Runs:
    """Runs of one experiment, the newest first; `cut` is the code that says why there are not all of them."""

    newest: list[Run]
    cut: str = ""


Kept = TypeVar("Kept", Experiment, Run, LoggedModel)


class Client:
    """Asks one server. Every method raises SourceRefused or SourceUnavailable, with codes of `messages_mlflow`."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def version(self) -> str:
        """What the server says it is; empty for one that does not tell."""
        answer = ask(self.place, "GET", "/version", {})
        text = answer.data[: LONGEST_VERSION + 1].decode("ascii", "replace").strip()
        return text if answer.status == 200 and text[:1].isdigit() and len(text) <= LONGEST_VERSION else ""

    def experiments(self, *, deleted: bool = False) -> list[Experiment]:
        """Those that are not deleted, or those that are; refuses a server too old to be asked, and what is none."""
        said = {"max_results": PAGE, "view_type": "DELETED_ONLY" if deleted else "ACTIVE_ONLY"}
        found = self._pages("experiments/search", said, "experiments", first=self._no_experiments)
        return self._all(map(_experiment, found))

    def runs(self, experiment: str) -> Runs:
        """Those of an experiment, deleted ones too, the newest first, as many as are looked at."""
        newest: list[Run] = []
        room = most_kept()
        for run in self._runs(experiment):
            room -= _weight(run)
            if len(newest) == settings.MLFLOW_MAX_RUNS:
                return Runs(newest, "mlflow.too_many_runs")
            if room < 0:
                return Runs(newest, "mlflow.too_much_said")
            newest.append(run)
        return Runs(newest)

    def _runs(self, experiment: str) -> Iterator[Run]:
        said = {"experiment_ids": [experiment], "max_results": PAGE, "run_view_type": "ALL"}
        said["order_by"] = ["attributes.start_time DESC"]
        yield from (_run(each) for each in self._pages("runs/search", said, "runs"))

    def models(self, experiment: str) -> list[LoggedModel] | None:
        """The logged models of an experiment; None from a server that knows none (before MLflow 3)."""
        said = {"experiment_ids": [experiment], "max_results": PAGE}
        try:
            return self._all(map(_model, self._pages("logged-models/search", said, "models", first=_no_models)))
        except _NoModels:
            return None

    def files(self, run: str, folder: str = "") -> tuple[list[str], list[str]]:
        """Folders and files beside a run, directly below a folder, by their whole paths."""
        answer = self._ask("artifacts/list", {"run_id": run} | ({"path": folder} if folder else {}), method="GET")
        found = _list(answer, "files")
        folders = [_text(each, "path") for each in found if each.get("is_dir") is True]
        return folders, [_text(each, "path") for each in found if each.get("is_dir") is not True]

    def page_of(self, run: Run) -> str:
        """Where people see the run."""
        return self.pages_of(run.experiment) + quote(run.id, safe="")

    def pages_of(self, experiment: str) -> str:
        """What the addresses of the pages of all its runs begin with."""
        return f"{check_address(self.place.address)}/#/experiments/{quote(experiment, safe='')}/runs/"

    def _all(self, found: Iterable[Kept]) -> list[Kept]:
        """The whole of an answer of many pages; raises SourceRefused when that would fill the memory."""
        kept: list[Kept] = []
        room = most_kept()
        for each in found:
            room -= _weight(each)
            if room < 0:
                limit = most_kept() // 1024**2
                raise SourceRefused("mlflow.too_large", address=shown(self.place.address), limit=limit)
            kept.append(each)
        return kept

    def _pages(self, path: str, said: Mapping[str, Any], name: str, first: Any = None) -> Iterator[Mapping[str, Any]]:
        token = ""
        for _page in range(settings.MLFLOW_MAX_RUNS // PAGE + 2):
            answer = self._ask(path, {**said, "page_token": token} if token else said, unknown=first)
            yield from _list(answer, name)
            following = answer.get("next_page_token")
            if not isinstance(following, str) or not following or following == token:
                return
            token = following

    def _ask(
        self, path: str, said: Mapping[str, Any], *, method: str = "POST", unknown: Any = None
    ) -> Mapping[str, Any]:
        answer = ask(self.place, method, API + path, said)
        value = answer.value()
        if answer.status == 200 and isinstance(value, dict):
            return value
        if unknown is not None and answer.status in (404, 405, 501):
            unknown(answer)
        code = value.get("error_code") if isinstance(value, dict) else None
        if isinstance(code, str):
            raise SourceRefused("mlflow.rejected", address=shown(self.place.address), reason=shown(code))
        raise SourceRefused("mlflow.not_mlflow", address=shown(self.place.address))

    def _no_experiments(self, answer: Answer) -> None:
        version = self.version()
        if version:
            raise SourceRefused("mlflow.too_old", address=shown(self.place.address), version=version)


def most_kept() -> int:
    """Bytes that may be kept of all answers to one question."""
    return KEPT * settings.MLFLOW_MAX_BYTES


def _weight(kept: Experiment | Run | LoggedModel) -> int:
    """About how many bytes it takes up."""
    return 500 + sum(map(_length, vars(kept).values()))


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(200 + len(name) + _length(said) for name, said in value.items())
    return sum(100 + len(each) for each in value) if isinstance(value, tuple) else 0


class _NoModels(Exception):
    """The server has no logged models."""


def _no_models(answer: Answer) -> None:
    raise _NoModels


def _list(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = answer.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _part(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = said.get(name)
    return found if isinstance(found, dict) else {}


def _text(said: Mapping[str, Any], name: str) -> str:
    """A text; lone surrogates, which no address and no database takes, become question marks."""
    value = said.get(name)
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def _experiment(said: Mapping[str, Any]) -> Experiment:
    return Experiment(_text(said, "experiment_id"), _text(said, "name"), _text(said, "artifact_location"))


def _first(said: Mapping[str, Any]) -> dict[str, Any]:
    """As many as a run here may have."""
    return {name: said[name] for name in sorted(filter(None, said))[:MOST_ENTRIES]}


def _run(said: Mapping[str, Any]) -> Run:
    info, data, outputs = _part(said, "info"), _part(said, "data"), _part(said, "outputs")
    tags = {_text(each, "key"): _text(each, "value") for each in _list(data, "tags")}
    numbers = {_text(each, "key"): _number(each.get("value")) for each in _list(data, "metrics")}
    return Run(
        id=_text(info, "run_id") or _text(info, "run_uuid"),
        experiment=_text(info, "experiment_id"),
        status=_text(info, "status"),
        deleted=_text(info, "lifecycle_stage") == "deleted",
        artifacts=_text(info, "artifact_uri"),
        user=_text(info, "user_id") or tags.get("mlflow.user", ""),
        started_at=_time(info.get("start_time")),
        finished_at=_time(info.get("end_time")),
        metrics=_first({name: value for name, value in numbers.items() if value is not None}),
        parameters=_first({_text(each, "key"): _text(each, "value")[:LONGEST_VALUE] for each in _list(data, "params")}),
        models=tuple(_text(each, "model_id") for each in _list(outputs, "model_outputs")),
    )


def _model(said: Mapping[str, Any]) -> LoggedModel:
    info = _part(said, "info")
    status = info.get("status")
    return LoggedModel(
        id=_text(info, "model_id"),
        run=_text(info, "source_run_id"),
        artifacts=_text(info, "artifact_uri"),
        ready=status in ("LOGGED_MODEL_READY", "READY", 2),
    )


def _number(value: Any) -> float | None:
    """A finite number; the server writes the others as texts."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _time(value: Any) -> datetime | None:
    """Milliseconds since 1970, which older servers write as text; None also for what no run here may have."""
    try:
        moment = datetime.fromtimestamp(int(value) / 1000, UTC) if value else None
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return moment if moment and moment.year in YEARS else None

"""A tracking server by its REST interface (2.0): experiments, runs, logged models and what lies beside a run."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from django.conf import settings

from importers.mlflow_http import Answer, Place, ask, check_address
from importers.values_training import YEARS
from stores.errors import SourceRefused
from stores.paths import shown

API = "/api/2.0/mlflow/"
PAGE = 500
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


class Client:
    """Asks one server. Every method raises SourceRefused or SourceUnavailable, with codes of `messages_mlflow`."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def version(self) -> str:
        """What the server says it is; empty for one that does not tell."""
        answer = ask(self.place, "GET", "/version", {})
        text = answer.data[: LONGEST_VERSION + 1].decode("ascii", "replace").strip()
        return text if answer.status == 200 and text[:1].isdigit() and len(text) <= LONGEST_VERSION else ""

    def experiments(self) -> Iterator[Experiment]:
        """Those that are not deleted; refuses a server too old to be asked, and what is none at all."""
        said = {"max_results": PAGE, "view_type": "ACTIVE_ONLY"}
        for each in self._pages("experiments/search", said, "experiments", first=self._no_experiments):
            yield Experiment(_text(each, "experiment_id"), _text(each, "name"), _text(each, "artifact_location"))

    def runs(self, experiment: str) -> Iterator[Run]:
        """All of an experiment, deleted ones too, the newest first."""
        said = {"experiment_ids": [experiment], "max_results": PAGE, "run_view_type": "ALL"}
        said["order_by"] = ["attributes.start_time DESC"]
        yield from (_run(each) for each in self._pages("runs/search", said, "runs"))

    def models(self, experiment: str) -> list[LoggedModel] | None:
        """The logged models of an experiment; None from a server that knows none (before MLflow 3)."""
        said = {"experiment_ids": [experiment], "max_results": PAGE}
        try:
            return [_model(each) for each in self._pages("logged-models/search", said, "models", first=_no_models)]
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
        experiment, name = (quote(part, safe="") for part in (run.experiment, run.id))
        return f"{check_address(self.place.address)}/#/experiments/{experiment}/runs/{name}"

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
        metrics={name: value for name, value in numbers.items() if value is not None},
        parameters={_text(each, "key"): _text(each, "value") for each in _list(data, "params")},
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

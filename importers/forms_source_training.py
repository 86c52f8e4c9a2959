"""The form of the source training job: the job, and which of its successful runs."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Workspace
from importers.forms_source import SourceForm
from importers.models import AlgorithmKind, RunSource, TrainingRun
from importers.package.report import CODE
from importers.queries_training import importable_runs, run_named
from registry.models import ModelVersion, SourceKind
from registry.validators import name_like
from stores.errors import SourceRefused
from stores.paths import parse_location

# A list to choose from gets no longer; what an address or a new version asks for is in it all the same.
MOST_OFFERED = 200


class TrainingSourceForm(SourceForm):
    """A successful run of a training job. Without a run, the newest of the job is taken."""

    kind = SourceKind.TRAINING
    part = "importers/sources/training.html"
    rows_part = "importers/_derived.html"
    live_parts = ("importers/training/_chosen_live.html", "importers/_derived.html")
    main_field = "run"
    asked = ("job", "run")

    job = forms.ChoiceField(
        label=pgettext_lazy("training", "Training job"),
        error_messages={
            "required": _("Choose a training job."),
            "invalid_choice": _("There is no such training job here any more. Choose another one."),
        },
    )
    run = forms.ChoiceField(
        label=_("Version"),
        widget=forms.Select(attrs={"data-recheck": ""}),
        error_messages={
            "required": _("Choose a version: one of the successful runs."),
            "invalid_choice": _("There is no such run here any more. Choose another one."),
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.chosen: TrainingRun | None = None
        self.jobs: list[str] = []
        self.asked_job = str(self.initial.get("job") or "")

    @classmethod
    def start_of(cls, version: ModelVersion) -> dict[str, Any]:
        return {"job": version.source_params.get("job", "")}

    def offer(self, workspace: Workspace) -> None:
        """The jobs that have a run to choose and the runs of the chosen one, the newest first and chosen."""
        runs = importable_runs(workspace)
        names = runs.order_by("-job__latest_at", "-job_id").values_list("job__name", flat=True).distinct()
        self.jobs = list(names[:MOST_OFFERED])
        job = self._asked("job", self.jobs[0] if self.jobs else "")
        of_job = list(runs.filter(job__name=job).order_by("-number")[:MOST_OFFERED])
        label = self._asked("run", of_job[0].label if of_job else "")
        asked = run_named(workspace, job, label)
        if asked and asked not in of_job:
            of_job.append(asked)  # one of which nothing can be made, too: the check says why
        if of_job and job not in self.jobs:
            self.jobs.insert(0, job)
        self.chosen = next((run for run in of_job if run.label == label), None)
        self._offer("job", self.jobs)
        self._offer("run", [run.label for run in of_job])

    def _asked(self, name: str, default: str) -> str:
        """What was chosen; `default` becomes the choice where the field was not there to choose in."""
        asked = self.data.get(name) if self.is_bound else self.initial.get(name)
        if asked is not None:
            return str(asked).replace("\0", "")  # no column holds it, and PostgreSQL refuses to look for it
        if isinstance(self.data, QueryDict) and self.is_bound:
            self.data[name] = default
        else:
            self.initial = {**self.initial, name: default}
        return default

    def _offer(self, name: str, values: list[str]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("Choose")), *((value, value) for value in values)]

    @property
    def source(self) -> dict[str, str]:
        said = {name: str(self[name].value() or "").replace("\0", "") for name in ("job", "run")}
        return said if all(said.values()) else {}

    @property
    def proposed_name(self) -> str:
        return name_like(self.asked_job, otherwise="model") if self.asked_job else ""

    def url_of(self, path: str) -> str:
        run = self.chosen
        if run is None:
            return ""
        if run.kind == AlgorithmKind.BUILT_IN and path.endswith(CODE.rpartition("/")[2]):
            return reverse("importers:training-algorithm", args=[run.algorithm, "customize_service.py"])
        if run.source == RunSource.MLFLOW:
            return ""  # what is made for a logged model lies nowhere
        try:
            return f"obs:/{parse_location(run.output_path).folder.display}{path}"
        except SourceRefused:
            return ""

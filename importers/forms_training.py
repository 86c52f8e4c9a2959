"""What people type about a run of training: the form by hand."""

import math
import secrets
from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Workspace
from importers.catalogue_algorithms import ALGORITHMS
from importers.models import AlgorithmKind, RunStatus, TrainingRun
from importers.values_training import LONGEST_NAME, RunValues, check_run
from registry.engines import ENGINES, IMAGE
from registry.findings import message_for
from stores.errors import SourceRefused
from stores.services import resolve

_PLAIN = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}
_WHEN = "%Y-%m-%dT%H:%M:%S"
LONGEST_TEXT = 20_000
SAID = (
    "status",
    "kind",
    "algorithm",
    "project",
    "engine",
    "output_path",
    "metrics",
    "parameters",
    "started_at",
    "finished_at",
)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _value(text: str) -> Any:
    """Numbers and truth values as such, everything else as it was typed."""
    words = {"true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    for read in (int, _number):
        try:
            return read(text)
        except ValueError:
            continue
    return text


class EntriesField(forms.CharField):
    """Lines of `name = value` as a dictionary; `read` turns the text behind the sign into a value."""

    def __init__(self, *, read: Callable[[str], Any], example: str, **kwargs: Any) -> None:
        attrs = {"rows": 4, "class": "code-text", "spellcheck": "false", "placeholder": example}
        super().__init__(required=False, max_length=LONGEST_TEXT, widget=forms.Textarea(attrs=attrs), **kwargs)
        self.read = read

    def clean(self, value: Any) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        for number, line in enumerate(str(super().clean(value)).splitlines(), start=1):
            if line.strip():
                name, content = self._entry(number, line)
                if name in entries:
                    raise ValidationError(
                        _("Line %(line)s: “%(name)s” stands there twice."), params={"line": number, "name": name[:40]}
                    )
                entries[name] = content
        return entries

    def _entry(self, number: int, line: str) -> tuple[str, Any]:
        name, sign, text = line.partition("=")
        params = {"line": number, "text": line.strip()[:60]}
        if not sign or not name.strip():
            raise ValidationError(_("Line %(line)s: write “name = value” instead of “%(text)s”."), params=params)
        try:
            return name.strip(), self.read(text.strip())
        except ValueError:
            raise ValidationError(
                _("Line %(line)s: what follows “=” in “%(text)s” is no number."), params=params
            ) from None


def lines_of(entries: dict[str, Any]) -> str:
    """What EntriesField reads back."""
    return "\n".join(f"{name} = {value}" for name, value in sorted(entries.items()))


def _when(label: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1}, format=_WHEN)
    return forms.DateTimeField(label=label, required=False, widget=widget, input_formats=[_WHEN, "%Y-%m-%dT%H:%M"])


class TrainingRunForm(forms.Form):
    """A run entered by hand; without an external ID it is a new one.

    With `run` it says more of that one: what is known of it stays, what is not changed is not said again.
    """

    job = forms.CharField(
        label=pgettext_lazy("training", "Training job"),
        max_length=LONGEST_NAME,
        help_text=_("A new name makes a new job; a run of a job that exists gets its next version."),
        widget=forms.TextInput(attrs={**_PLAIN, "list": "training-job-names"}),
    )
    kind = forms.ChoiceField(
        label=_("Algorithm"), choices=AlgorithmKind.choices, initial=AlgorithmKind.FRAMEWORK, widget=forms.RadioSelect
    )
    algorithm = forms.ChoiceField(label=_("Built-in algorithm"), required=False)
    project = forms.CharField(label=_("ExeML project"), required=False, max_length=LONGEST_NAME)
    status = forms.ChoiceField(label=_("Status"), choices=RunStatus.choices, initial=RunStatus.SUCCESSFUL)
    engine = forms.ChoiceField(
        label=_("AI engine"),
        required=False,
        choices=[("", "--"), *((name, name) for name in ENGINES if name != IMAGE)],
        help_text=_("For the list alone; an import reads the engine from the configuration file."),
    )
    output_path = forms.CharField(
        label=_("Output path"),
        required=False,
        max_length=2048,
        widget=forms.TextInput(attrs={**_PLAIN, "class": "mono", "placeholder": "/bucket/job/V0001/"}),
        help_text=_("The folder in OBS that holds the model folder of this run."),
    )
    started_at = _when(_("Started at"))
    finished_at = _when(_("Finished at"))
    metrics = EntriesField(
        label=_("Metrics"), read=_number, example="accuracy = 0.97", help_text=_("One on each line: name = number.")
    )
    parameters = EntriesField(
        label=_("Parameters"), read=_value, example="max_depth = 3", help_text=_("One on each line: name = value.")
    )
    external_id = forms.CharField(
        label=_("External ID"),
        required=False,
        max_length=LONGEST_NAME,
        widget=forms.TextInput(attrs={**_PLAIN, "class": "mono"}),
        help_text=_("What the run is called where it was trained. Left empty, one is made up."),
    )

    def __init__(self, *args: Any, workspace: Workspace, run: TrainingRun | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.workspace = workspace
        self.run = run
        self.fields["algorithm"].choices = [("", "--"), *((each.name, each.title) for each in ALGORITHMS.values())]  # type: ignore[attr-defined]
        for name in known_of(run) if run else ():
            self.fields[name].disabled, self.fields[name].help_text = True, ""

    def clean_output_path(self) -> str:
        """What somebody types is there to be looked at; only scripts may name a bucket that comes later."""
        path = str(self.cleaned_data["output_path"])
        if path and "output_path" in self.changed_data:
            try:
                resolve(self.workspace, path)
            except SourceRefused as refused:
                raise ValidationError(message_for(refused.code, refused.params), code=refused.code) from refused
        return path

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        _drop_unasked(cleaned)
        if not self.errors:
            self.values = self._read(cleaned)
            try:
                check_run(self.values)
            except ValidationError as error:
                self.add_error(None, error)
        return cleaned

    def _read(self, cleaned: dict[str, Any]) -> RunValues:
        said = [name for name in SAID if self.run is None or name in self.changed_data]
        return RunValues(
            job=cleaned["job"],
            external_id=cleaned["external_id"] or f"form-{secrets.token_hex(6)}",
            **{name: cleaned[name] for name in said},
        )


def _drop_unasked(cleaned: dict[str, Any]) -> None:
    """What stands in a field that belongs to another kind of algorithm is not meant."""
    for name, kind in (("algorithm", AlgorithmKind.BUILT_IN), ("project", AlgorithmKind.EXEML)):
        if cleaned.get("kind") != kind and name in cleaned:
            cleaned[name] = ""


def initial_of(run: TrainingRun) -> dict[str, Any]:
    """The form as it would have to be filled in to say the same of the run once more."""
    lines = {"metrics": lines_of(run.metrics), "parameters": lines_of(run.parameters)}
    return {"job": run.job.name, "external_id": run.external_id} | {name: getattr(run, name) for name in SAID} | lines


def known_of(run: TrainingRun) -> list[str]:
    """The fields that nothing else can be said in any more; a status stays open until the run ended."""
    open_ones = {"status"} if not run.ended else set()
    return ["job", "external_id", *(name for name in SAID if getattr(run, name) and name not in open_ones)]

"""The form of the source OBS."""

from django import forms
from django.utils.translation import gettext_lazy as _

from importers.forms_source import EDITOR_PARTS, EditorForm, PathForm
from registry.engines import ENGINES
from registry.models import SourceKind


class ObsSourceForm(PathForm, EditorForm):
    """A package in a bucket: its folder, the engine when none can be derived, and the configuration to use."""

    kind = SourceKind.OBS
    part = "importers/sources/obs.html"
    rows_part = "importers/sources/obs_rows.html"
    live_parts = ("importers/_engine.html", "importers/_derived.html", *EDITOR_PARTS)
    picks = {"path": "folder", "config_path": "file"}
    asked = ("path", "engine")

    engine = forms.ChoiceField(
        label=_("AI engine"),
        required=False,
        choices=[("", _("AI engine")), *((name, name) for name in ENGINES)],
        widget=forms.Select(attrs={"data-recheck": ""}),
    )

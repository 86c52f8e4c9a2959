"""The import form: one Django form for each section of the page. A source brings its own in SOURCE_FORMS."""

import hashlib
import secrets
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from registry.engines import ENGINES
from registry.forms import DescriptionField, LabelsField, one_newline
from registry.models import DeploymentType, SourceKind
from registry.services import SpecValues
from registry.validators import valid_description, valid_name
from registry.versions import Version
from stores.errors import SourceRefused
from stores.paths import parse_location

DESCRIPTION_LENGTH = 100


def generated_name() -> str:
    return f"model-{secrets.token_hex(2)}"


def mark_of(origin: str, text: str) -> str:
    """Says where the editor's text was taken from, and recognises that it is still the same text."""
    return f"{origin}:{_digest(text)}"


def _digest(text: str) -> str:
    return hashlib.sha256(one_newline(text).encode(errors="replace")).hexdigest()[:32]


class BasicForm(forms.Form):
    """What the version is called and what it may be deployed as."""

    name = forms.CharField(
        label=_("Name"),
        validators=[valid_name],
        help_text=_("1 to 48 characters: letters, Chinese characters, digits, - and _; a letter or Chinese one first."),
    )
    version = forms.CharField(
        label=_("Version"), help_text=_("Three numbers from 0 to 99 joined by dots, such as 0.0.1.")
    )
    labels = LabelsField(
        label=_("Labels"),
        required=False,
        help_text=_("At most 5, separated by commas: letters, Chinese characters, digits and _."),
    )
    description = DescriptionField(
        label=_("Description"),
        required=False,
        validators=[valid_description],
        help_text=_("At most 100 characters, without & ! ' \" < > ="),
        widget=forms.Textarea(
            attrs={"rows": 3, "data-counter": "#description-counter", "data-limit": DESCRIPTION_LENGTH}
        ),
    )
    deployment_types = forms.MultipleChoiceField(
        label=_("Deployment type"),
        choices=DeploymentType.choices,
        initial=DeploymentType.values,
        widget=forms.CheckboxSelectMultiple(attrs={"data-recheck": ""}),
        help_text=_("What the version may be deployed as later."),
        error_messages={"required": _("Tick at least one deployment type.")},
    )
    replace = forms.BooleanField(label=_("Replace the failed version"), required=False)

    def clean_version(self) -> Version:
        try:
            return Version.parse(self.cleaned_data["version"])
        except ValueError:
            raise ValidationError(
                _("A version is three numbers from 0 to 99 joined by dots, without leading zeros: 0.0.1, for example.")
            ) from None


class ObsSourceForm(forms.Form):
    """A package in a bucket: its folder, the engine when none can be derived, and the configuration to use."""

    kind = SourceKind.OBS
    template = "importers/sources/obs.html"
    rows_template = "importers/sources/obs_rows.html"

    path = forms.CharField(
        label=_("Meta model"),
        max_length=2048,
        strip=False,
        widget=forms.TextInput(attrs={"placeholder": "/bucket/folder/", "data-recheck": "", "spellcheck": "false"}),
    )
    engine = forms.ChoiceField(
        label=_("AI engine"),
        required=False,
        choices=[("", _("AI engine")), *((name, name) for name in ENGINES)],
        widget=forms.Select(attrs={"data-recheck": ""}),
    )
    config_edit = forms.BooleanField(
        label=_("Configuration file"),
        required=False,
        widget=forms.CheckboxInput(attrs={"role": "switch", "data-recheck": ""}),
    )
    config_text = forms.CharField(
        label=_("Configuration to edit"),
        required=False,
        strip=False,
        widget=forms.Textarea(
            attrs={"class": "code-text", "rows": 20, "wrap": "off", "spellcheck": "false", "data-recheck-slowly": ""}
        ),
    )
    config_path = forms.CharField(
        label=_("Another configuration file in OBS"),
        required=False,
        max_length=2048,
        strip=False,
        widget=forms.TextInput(attrs={"placeholder": "/bucket/folder/config.json", "spellcheck": "false"}),
    )
    config_mark = forms.CharField(required=False, widget=forms.HiddenInput)

    @property
    def source(self) -> dict[str, str]:
        """The source's parameters as typed, whether valid or not; empty while nothing can be looked at."""
        path = str(self["path"].value() or "")
        return {"path": path} if path and "\0" not in path and len(path) <= 2048 else {}

    def url_of(self, path: str) -> str:
        """The address of a file below the chosen folder."""
        try:
            folder = parse_location(self.source.get("path", "")).folder
        except SourceRefused:
            return ""
        return f"obs:/{folder.display}{path}"

    @property
    def chosen_engine(self) -> str:
        engine = str(self["engine"].value() or "")
        return engine if engine in ENGINES else ""

    @property
    def config_origin(self) -> str:
        """found, repaired or obs while the editor's text is what was put there; edited once it was changed."""
        text = str(self["config_text"].value() or "")
        if not self["config_edit"].value() or not text.strip():
            return "found"
        origin, _dot, mark = str(self["config_mark"].value() or "").partition(":")
        return origin if mark == _digest(text) and origin in {"found", "repaired", "obs"} else "edited"

    @property
    def config_text_used(self) -> str | None:
        """The text that takes the place of the package's config.json, if any."""
        return None if self.config_origin == "found" else one_newline(str(self["config_text"].value()))


SOURCE_FORMS: dict[str, type[ObsSourceForm]] = {SourceKind.OBS: ObsSourceForm}


class SpecForm(forms.Form):
    """What one instance needs; looked at only while its switch is on."""

    spec = forms.BooleanField(
        label=_("Inference specification"), required=False, widget=forms.CheckboxInput(attrs={"role": "switch"})
    )
    cpu = forms.DecimalField(
        label="CPU",
        initial=Decimal("0.25"),
        validators=[MinValueValidator(Decimal("0.01"))],
        max_value=9999,
        decimal_places=2,
        widget=forms.NumberInput(attrs={"min": 0, "step": "0.25"}),
    )
    memory = forms.IntegerField(
        label=_("Memory"),
        initial=512,
        validators=[MinValueValidator(1)],
        max_value=16 * 1024 * 1024,
        widget=forms.NumberInput(attrs={"min": 0, "step": 128}),
    )
    accelerator = forms.ChoiceField(
        label=_("Accelerator"), choices=[("gpu", "GPU"), ("ascend", "Ascend")], initial="gpu", widget=forms.RadioSelect
    )
    gpu = forms.DecimalField(
        label="GPU",
        initial=Decimal("0.00"),
        min_value=0,
        max_value=999,
        decimal_places=2,
        widget=forms.NumberInput(attrs={"step": "1", "aria-label": "GPU"}),
    )
    ascend = forms.DecimalField(
        label="Ascend",
        initial=Decimal("0.00"),
        min_value=0,
        max_value=999,
        decimal_places=2,
        widget=forms.NumberInput(attrs={"step": "1", "aria-label": "Ascend"}),
    )

    def __init__(self, data: QueryDict | None = None, **kwargs: Any) -> None:
        if data is not None:
            data = data.copy()
            for name in ("cpu", "memory", "gpu", "ascend"):  # a browser does not send a control that is greyed out
                data.setdefault(name, str(self.base_fields[name].initial))
        super().__init__(data, **kwargs)

    def full_clean(self) -> None:
        """What is typed beside a switched-off control stays on the page and is no error."""
        super().full_clean()
        ignored = {"gpu", "ascend"} - {self["accelerator"].value()}
        if not self["spec"].value():
            ignored |= {"cpu", "memory", "accelerator", "gpu", "ascend"}
        for name in ignored:
            self.errors.pop(name, None)

    @property
    def values(self) -> SpecValues | None:
        if not self.cleaned_data["spec"]:
            return None
        data = self.cleaned_data
        accelerators = {"gpu": Decimal(0), "ascend": Decimal(0)} | {data["accelerator"]: data[data["accelerator"]]}
        return SpecValues(cpu=data["cpu"], memory=data["memory"], **accelerators)

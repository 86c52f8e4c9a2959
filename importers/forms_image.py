"""The form of the source container image: which image, the consent to share it, its configuration and health check."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from importers.forms_source import EDITOR_PARTS, LONGEST_PATH, EditorForm
from importers.package.health import with_health
from importers.sources.image import WORDS
from registry.models import ModelVersion, SourceKind
from stores.errors import SourceRefused
from stores.paths_images import parse_reference

OBS, ONLINE = "obs", "online"
HTTP, COMMAND = "HTTP", "EXEC"
MOST_SECONDS = 2**31 - 1
# Fields that are never empty at first.
BEGUN = ("config_from", "health_method", "health_url", "health_period", "health_delay", "health_failures")
# What an editor begins with, on request.
EXAMPLE = """{
  "model_algorithm": "custom",
  "model_type": "Image",
  "apis": [
    {
      "protocol": "http",
      "url": "/",
      "method": "post",
      "request": {
        "Content-type": "application/json",
        "data": {"type": "object", "properties": {"input": {"type": "string"}}}
      },
      "response": {
        "Content-type": "application/json",
        "data": {"type": "object", "properties": {"output": {"type": "string"}}}
      }
    }
  ]
}
"""


def seconds_field(label: Any, initial: int, *, least: int) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        initial=initial,
        required=False,
        validators=[MinValueValidator(least), MaxValueValidator(MOST_SECONDS)],
        widget=forms.NumberInput(attrs={"min": least, "max": MOST_SECONDS, "step": 1, "data-recheck": ""}),
    )


class HealthFields(forms.Form):
    """How a service asks a started image whether it is well; looked at only while its switch is on."""

    health = forms.BooleanField(
        label=gettext_lazy("Health check"),
        required=False,
        widget=forms.CheckboxInput(attrs={"role": "switch", "data-recheck": ""}),
    )
    health_method = forms.ChoiceField(
        label=gettext_lazy("Check mode"),
        choices=[(HTTP, gettext_lazy("HTTP request")), (COMMAND, pgettext_lazy("health check", "Command"))],
        initial=HTTP,
        required=False,
        widget=forms.RadioSelect(attrs={"data-recheck": ""}),
    )
    health_url = forms.CharField(
        label=gettext_lazy("Path to ask"),
        initial="/health",
        max_length=1024,
        required=False,
        widget=forms.TextInput(attrs={"class": "mono", "data-recheck": "", "spellcheck": "false"}),
    )
    health_command = forms.CharField(
        label=gettext_lazy("Command to run"),
        max_length=1024,
        required=False,
        widget=forms.TextInput(attrs={"class": "mono", "data-recheck": "", "spellcheck": "false"}),
    )
    health_period = seconds_field(gettext_lazy("Asked every"), 5, least=1)
    health_delay = seconds_field(gettext_lazy("First asked after"), 12, least=0)
    health_failures = seconds_field(gettext_lazy("Given up after"), 12, least=1)

    def full_clean(self) -> None:
        """What is typed beside a switch that is off stays on the page and is no error."""
        super().full_clean()
        unused = {"health_command" if self._health("method") != COMMAND else "health_url"}
        if not self["health"].value():
            unused = {name for name in self.fields if name.startswith("health")}
        for name in unused:
            self.errors.pop(name, None)

    def clean_health_url(self) -> str:
        path: str = self.cleaned_data["health_url"]
        if not path.startswith("/"):
            raise ValidationError(_("Write the path as the image answers it, beginning with /, such as /health."))
        return path

    def clean_health_command(self) -> str:
        command: str = self.cleaned_data["health_command"]
        if not command:
            raise ValidationError(_("Write the command that ends with 0 while the image is well."))
        return command

    @property
    def health_fields(self) -> list[forms.BoundField]:
        """What is typed while the switch is on."""
        return [self[name] for name in self.fields if name.startswith("health_")]

    @property
    def health_settings(self) -> Mapping[str, str]:
        """As a configuration writes them (model-package.md §3.8); empty while the switch is off."""
        if not self["health"].value():
            return {}
        numbers = {
            "initial_delay_seconds": self._health("delay") or "12",
            "period_seconds": self._health("period") or "5",
            "failure_threshold": self._health("failures") or "12",
        }
        if self._health("method") == COMMAND:
            return {"check_method": COMMAND, "command": self._health("command"), **numbers}
        return {"check_method": HTTP, "url": self._health("url"), "protocol": "http", **numbers}

    def _health(self, name: str) -> str:
        value = self[f"health_{name}"].value()
        return "" if value is None else str(value).strip()


class ImageSourceForm(HealthFields, EditorForm):
    """An image of a connected registry; its configuration comes from a bucket or is written online, and is needed."""

    kind = SourceKind.IMAGE
    part = "importers/sources/image.html"
    rows_part = "importers/sources/image_rows.html"
    live_parts = (
        "importers/sources/image_facts.html",
        "importers/sources/image_hint.html",
        "importers/sources/image_derived.html",
        *EDITOR_PARTS,
    )
    main_field = "image"
    picks = {"image": "image", "config_path": "file"}
    asked = ("image",)
    consent_words = WORDS
    example = EXAMPLE

    image = forms.CharField(
        label=gettext_lazy("Container image path"),
        max_length=LONGEST_PATH,
        error_messages={"required": gettext_lazy("Choose a container image.")},
        widget=forms.TextInput(
            attrs={
                "placeholder": "registry.example.com/team/model:1.0",
                "data-recheck": "",
                "spellcheck": "false",
                "autocapitalize": "none",
            }
        ),
    )
    agreed = forms.CharField(
        label=gettext_lazy("Sharing the image"),
        max_length=16,
        error_messages={"required": gettext_lazy("Tick that you agree: the image cannot be imported otherwise.")},
    )
    config_from = forms.ChoiceField(
        label=gettext_lazy("Configuration file"),
        choices=[(OBS, gettext_lazy("Import from OBS")), (ONLINE, gettext_lazy("Edit online"))],
        initial=OBS,
        required=False,
        widget=forms.RadioSelect(attrs={"data-recheck": ""}),
    )
    config_edit = forms.BooleanField(
        label=gettext_lazy("View the configuration file"),
        required=False,
        widget=forms.CheckboxInput(attrs={"role": "switch"}),
    )
    config_path = forms.CharField(
        label=gettext_lazy("OBS path of the configuration file"),
        required=False,
        max_length=LONGEST_PATH,
        strip=False,
        widget=forms.TextInput(
            attrs={"placeholder": "/bucket/folder/config.json", "data-recheck": "", "spellcheck": "false"}
        ),
    )

    def __init__(self, data: QueryDict | None = None, **kwargs: Any) -> None:
        """What a page of another source did not send begins as it does on a new page."""
        if data is not None:
            for name in BEGUN:
                data.setdefault(name, str(self.base_fields[name].initial))
        super().__init__(data, **kwargs)

    @classmethod
    def start_of(cls, version: ModelVersion) -> dict[str, Any]:
        """The image by its tag, where it has one, since a new version wants what that means now."""
        start = {"config_from": ONLINE, "config_text": version.config_used} if version.config_used else {}
        return start | cls.start_again(version.source_params)

    @classmethod
    def start_again(cls, source: Mapping[str, str]) -> dict[str, Any]:
        try:
            image = parse_reference(source.get("image", ""))
        except SourceRefused:
            return {}
        return {"image": str(replace(image, digest="") if image.tag else image)}

    @property
    def source(self) -> dict[str, str]:
        image = str(self["image"].value() or "").strip()
        if "\0" in image or len(image) > LONGEST_PATH:
            return {}
        return {"image": image} if image or self.config_text_used else {}

    @property
    def consent(self) -> str:
        return str(self["agreed"].value() or "")

    @property
    def config_text_used(self) -> str | None:
        text = super().config_text_used
        return with_health(text, self.health_settings) if text and self.health_settings else text

    @property
    def shows_text(self) -> bool:
        """The editor's text counts whether it is in sight or not: there is no other configuration."""
        return True

    def wants_file(self, *, pressed: bool) -> bool:
        """Also without the button, as long as nobody wrote into what was brought before."""
        path = str(self["config_path"].value() or "")
        fresh = self["config_from"].value() != ONLINE and bool(path) and path != self.loaded_from
        return pressed or (fresh and self.config_origin != "edited")

    def clean_agreed(self) -> str:
        agreed: str = self.cleaned_data["agreed"]
        if agreed != WORDS:
            raise ValidationError(
                _("What you agree to has changed since this page was opened. Read it and tick again.")
            )
        return agreed

    def clean(self) -> None:
        """Where nothing was taken from OBS yet, the field says so."""
        if self["config_from"].value() != ONLINE and not self.config_text_used and not self["config_path"].value():
            self.add_error("config_path", _("Choose the configuration file of the image, or write it online."))

"""The form of the source template: which template, the model folder, and what goes in and comes out."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from importers.catalogue import MODES, TEMPLATES, IOMode, ModelTemplate
from importers.catalogue.search import Filters, Picker
from importers.forms_source import LONGEST_PATH, PathForm
from registry.config import ModelConfig
from registry.models import ModelVersion, SourceKind
from stores.paths import shown


class TemplateSourceForm(PathForm):
    """`mode_for` is the template whose modes the page showed: a choice among those of another one is none."""

    kind = SourceKind.TEMPLATE
    part = "importers/sources/template.html"
    rows_part = "importers/sources/template_rows.html"
    live_parts = ("importers/sources/template_derived.html",)
    asked = ("path", "template", "mode")

    template = forms.CharField(
        label=gettext_lazy("Model template"),
        max_length=64,
        error_messages={"required": gettext_lazy("Choose a model template.")},
    )
    path = forms.CharField(
        label=gettext_lazy("Model directory"),
        max_length=LONGEST_PATH,
        strip=False,
        widget=forms.TextInput(
            attrs={
                "placeholder": gettext_lazy("Choose the model folder that holds the model's files"),
                "data-recheck": "",
                "spellcheck": "false",
            }
        ),
    )
    mode = forms.CharField(label=gettext_lazy("Input and output mode"), max_length=64, required=False)
    mode_for = forms.CharField(required=False)
    template_type = forms.CharField(required=False)
    template_engine = forms.CharField(required=False)
    template_environment = forms.CharField(required=False)
    template_q = forms.CharField(required=False)
    template_page = forms.CharField(required=False)

    @classmethod
    def start_of(cls, version: ModelVersion) -> dict[str, Any]:
        said = {name: version.source_params.get(name, "") for name in ("template", "mode")}
        return super().start_of(version) | said

    @property
    def chosen_template(self) -> ModelTemplate | None:
        return TEMPLATES.get(self._typed("template"))

    @property
    def chosen_mode(self) -> IOMode | None:
        """The mode that was chosen among those of the template, else its own."""
        template = self.chosen_template
        if template is None:
            return None
        mode = MODES.get(self._typed("mode"))
        return mode if mode in template.modes and not self.mode_is_of_another else template.built_in

    @property
    def mode_is_of_another(self) -> bool:
        """The page that was sent showed the modes of another template, or none."""
        return self.is_bound and "mode_for" in self.data and self._typed("mode_for") != self._typed("template")

    @property
    def source(self) -> dict[str, str]:
        place, template, mode = super().source, self.chosen_template, self.chosen_mode
        return {"template": template.id, "mode": mode.id, **place} if place and template and mode else {}

    @property
    def refused_types(self) -> Mapping[str, str]:
        mode = self.chosen_mode
        if mode is None or mode.allows_batch:
            return {}
        return {
            "batch": _(
                "Batch services are impossible with the undefined mode: they need to know the input parameters. "
                "Choose another input and output mode to have them."
            )
        }

    @property
    def config_origin(self) -> str:
        return "generated"

    @property
    def generated(self) -> str:
        """The configuration that will be the version's; empty until a template is chosen."""
        template, mode = self.chosen_template, self.chosen_mode
        return template.config_text(mode) if template and mode else ""

    @property
    def declared(self) -> ModelConfig:
        """What the parameter viewer shows of it."""
        return self.chosen_mode.declared if self.chosen_mode else ModelConfig()

    @property
    def picker(self) -> Picker:
        page = self._typed("template_page")
        typed = {name: self._typed(name) for name in self.fields}
        number = int(page) if page.isdecimal() and len(page) < 4 else 0
        return Picker(Filters.read(typed, "template_"), self._typed("template"), number)

    def clean_template(self) -> str:
        asked: str = self.cleaned_data["template"]
        if asked not in TEMPLATES:
            raise ValidationError(
                _("There is no model template “%(template)s”. Choose one of the catalogue.")
                % {"template": shown(asked)}
            )
        return asked

    def clean_mode(self) -> str:
        """A mode the template does not take is refused; one chosen for another template is asked for again."""
        asked: str = self.cleaned_data["mode"]
        template = self.chosen_template
        if template is None:
            return asked
        if self.mode_is_of_another and self.submitted:
            raise ValidationError(
                _("The modes of the template you have chosen are shown now. Look at the choice and create it again.")
            )
        if asked and asked not in template.mode_ids and not self.mode_is_of_another:
            names = ", ".join(str(mode.name) for mode in template.modes)
            raise ValidationError(_("This template takes only: %(modes)s. Choose one of them.") % {"modes": names})
        return asked

    def _typed(self, name: str) -> str:
        return str(self[name].value() or "").strip()

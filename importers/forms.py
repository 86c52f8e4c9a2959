"""The import form: one Django form for each section of the page. A source brings its own in SOURCE_FORMS."""

import secrets
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from importers.forms_image import ImageSourceForm
from importers.forms_obs import ObsSourceForm
from importers.forms_source import SourceForm
from importers.forms_source_training import TrainingSourceForm
from importers.forms_template import TemplateSourceForm
from registry.forms import DescriptionField, LabelsField
from registry.models import DeploymentType
from registry.services import SpecValues
from registry.validators import valid_description, valid_name
from registry.versions import Version

DESCRIPTION_LENGTH = 100


def generated_name() -> str:
    return f"model-{secrets.token_hex(2)}"


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


# In the order of the control.
SOURCE_FORMS: dict[str, type[SourceForm]] = {
    form.kind: form for form in (TrainingSourceForm, TemplateSourceForm, ImageSourceForm, ObsSourceForm)
}


def source_form(kind: str) -> type[SourceForm]:
    """The form of that source; of OBS when there is none."""
    return SOURCE_FORMS.get(kind, ObsSourceForm)


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

"""Forms of services: how one is deployed, and what may be changed while it runs."""

import secrets
from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from registry.findings import message_for
from registry.forms import DescriptionField
from serving import specs_variables as variables
from serving.specs import MOST_INSTANCES, SPECIFICATIONS
from serving.validators import valid_service_description, valid_service_name
from serving.values import AUTO_STOP_HOURS, DEFAULT_TIMEOUT, HOUR, LONGEST_DESCRIPTION, TIMEOUTS

CUSTOM = "custom"
NUMBER_ERRORS = ("required", "invalid", "min_value", "max_value")
OFFERED_HOURS = (1, 2, 4, 6)
AFTER = [
    ("1", _("1 hour later")),
    ("2", _("2 hours later")),
    ("4", _("4 hours later")),
    ("6", _("6 hours later")),
    (CUSTOM, pgettext_lazy("time until an automatic stop", "Custom")),
]


def generated_name() -> str:
    return f"service-{secrets.token_hex(2)}"


class AutoStopForm(forms.Form):
    """Whether and when a service stops by itself."""

    auto_stop = forms.BooleanField(
        label=_("Auto stop"),
        required=False,
        initial=True,
        widget=forms.CheckboxInput(attrs={"role": "switch"}),
    )
    auto_stop_after = forms.ChoiceField(
        label=_("Stops"), choices=AFTER, initial="1", required=False, widget=forms.RadioSelect
    )
    auto_stop_hours = forms.IntegerField(
        label=_("Hours"),
        initial=12,
        required=False,
        min_value=AUTO_STOP_HOURS[0],
        max_value=AUTO_STOP_HOURS[1],
        widget=forms.NumberInput(attrs={"step": 1}),
        error_messages=dict.fromkeys(NUMBER_ERRORS, _("Whole hours from 1 to 24.")),
    )

    def full_clean(self) -> None:
        """What stands beside what was not chosen stays on the page and is no error."""
        super().full_clean()
        if self.is_bound and not (self["auto_stop"].value() and self["auto_stop_after"].value() == CUSTOM):
            self.errors.pop("auto_stop_hours", None)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("auto_stop") and not cleaned.get("auto_stop_after") and "auto_stop_after" not in self.errors:
            self.add_error("auto_stop_after", _("Choose when it stops, or switch the automatic stop off."))
        wanted = cleaned.get("auto_stop") and cleaned.get("auto_stop_after") == CUSTOM
        if wanted and not cleaned.get("auto_stop_hours") and "auto_stop_hours" not in self.errors:
            self.add_error("auto_stop_hours", _("Whole hours from 1 to 24."))
        return cleaned

    @property
    def seconds(self) -> int | None:
        """None where it runs until somebody stops it."""
        data = self.cleaned_data
        if not data.get("auto_stop"):
            return None
        after = data["auto_stop_after"]
        return HOUR * int(data["auto_stop_hours"] if after == CUSTOM else after)


def auto_stop_initial(seconds: int | None) -> dict[str, Any]:
    """What AutoStopForm starts with for a service that has this setting."""
    if not seconds:
        return {"auto_stop": False, "auto_stop_after": "1"}
    hours = max(1, seconds // HOUR)
    if hours in OFFERED_HOURS:
        return {"auto_stop": True, "auto_stop_after": str(hours)}
    return {"auto_stop": True, "auto_stop_after": CUSTOM, "auto_stop_hours": hours}


class DeployForm(AutoStopForm):
    """A real-time service of one version on the public pool."""

    # As on the page: what is wrong is told in this order.
    field_order = ("name", "auto_stop", "auto_stop_after", "auto_stop_hours", "description", "model", "version")

    name = forms.CharField(
        label=_("Name"),
        validators=[valid_service_name],
        help_text=_("1 to 64 characters: letters, Chinese characters, digits, - and _."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    description = DescriptionField(
        label=_("Description"),
        required=False,
        validators=[valid_service_description],
        help_text=_("At most 100 characters, without & ! ' \" < > = +"),
        widget=forms.Textarea(
            attrs={"rows": 2, "data-counter": "#description-counter", "data-limit": LONGEST_DESCRIPTION}
        ),
    )
    model = forms.UUIDField(required=False)
    version = forms.UUIDField(
        label=_("Version"),
        error_messages={"required": _("Choose a version."), "invalid": _("Choose a version.")},
    )
    specification = forms.ChoiceField(
        label=_("Specification"),
        choices=[(each.code, each.code) for each in SPECIFICATIONS],
        error_messages={
            "required": _("Choose one of the specifications of the list."),
            "invalid_choice": _("Choose one of the specifications of the list."),
        },
    )
    instances = forms.IntegerField(
        label=_("Instances"),
        initial=1,
        min_value=1,
        max_value=MOST_INSTANCES,
        widget=forms.NumberInput(attrs={"step": 1}),
        error_messages=dict.fromkeys(NUMBER_ERRORS, _("A whole number from 1 to 5.")),
    )
    timeout = forms.IntegerField(
        label=_("Time-out"),
        initial=DEFAULT_TIMEOUT,
        min_value=TIMEOUTS[0],
        max_value=TIMEOUTS[1],
        widget=forms.NumberInput(attrs={"step": 1}),
        error_messages=dict.fromkeys(NUMBER_ERRORS, _("Whole minutes from 3 to 120.")),
        help_text=_("Minutes from 3 to 120. When the model is not ready by then, the deployment is given up."),
    )
    submission = forms.CharField(widget=forms.HiddenInput)


class VariableForm(forms.Form):
    """One environment variable; a row without both does not count."""

    name = forms.CharField(
        label=pgettext_lazy("environment variable", "Name"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
    )
    value = forms.CharField(
        label=pgettext_lazy("environment variable", "Value"),
        required=False,
        strip=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
    )

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name and (code := variables.why_not(name)):
            raise ValidationError(message_for(code, {}), code=code)
        return name

    def clean_value(self) -> str:
        value: str = self.cleaned_data["value"]
        if code := variables.why_not_value(value):
            raise ValidationError(message_for(code, {}), code=code)
        return value

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("value") and not cleaned.get("name") and "name" not in self.errors:
            self.add_error("name", message_for("variable.name_missing", {}))
        return cleaned


class BaseVariablesFormSet(forms.BaseFormSet):  # type: ignore[type-arg]
    def clean(self) -> None:
        """A name that stands there twice is told at its second row."""
        seen: set[str] = set()
        for form in self.forms:
            name = form.cleaned_data.get("name") if hasattr(form, "cleaned_data") else ""
            if name and name in seen:
                form.add_error("name", message_for("variable.name_twice", {}))
            seen.add(name or "")

    @property
    def variables(self) -> dict[str, str]:
        return {row["name"]: row["value"] for row in self.cleaned_data if row.get("name")}

    @property
    def typed_names(self) -> Iterable[str]:
        """What stands in the rows now, right or wrong."""
        return [name for form in self.forms if (name := form["name"].value())]


VariablesFormSet = cast(
    type[BaseVariablesFormSet],
    forms.formset_factory(
        VariableForm,
        formset=BaseVariablesFormSet,
        extra=variables.MOST,
        max_num=variables.MOST,
        absolute_max=variables.MOST,
        validate_max=True,
    ),
)


class ServiceDescriptionForm(forms.Form):
    description = DescriptionField(
        label=_("Description"),
        required=False,
        max_length=LONGEST_DESCRIPTION,
        validators=[valid_service_description],
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": LONGEST_DESCRIPTION}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self["description"]
        self.fields["description"].widget.attrs["data-counter"] = f"#{field.id_for_label}_counter"

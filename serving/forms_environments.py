"""The form that takes something else than a package declares."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class OverlayForm(forms.Form):
    """One box for each proposal."""

    take = forms.MultipleChoiceField(
        error_messages={
            "required": _("Tick at least one. Unless something else is taken, the build fails again."),
            "invalid_choice": _("These proposals have changed meanwhile: look again at what is offered."),
        }
    )

    def __init__(self, data: Any = None, *, proposals: Iterable[Mapping[str, str]]) -> None:
        super().__init__(data)
        self.fields["take"].choices = [(entry["name"], entry["taken"]) for entry in proposals]  # type: ignore[attr-defined]

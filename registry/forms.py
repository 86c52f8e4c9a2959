"""Fields and forms for what may be said about a version after its import."""

import re
from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from registry.details import MAX_DOCUMENTS, MAX_LABELS
from registry.models import ReviewState
from registry.validators import valid_description, valid_document_name, valid_document_url, valid_label
from registry.values import LONGEST_COMMENT

_BETWEEN_LABELS = re.compile(r"[,，、\n]")
_SHOWN_OF_A_LABEL = 64


def one_newline(text: str) -> str:
    """The text as an editor shows it: browsers send CRLF for every line end."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


class DescriptionField(forms.CharField):
    """A text area's text, in which a line break counts as one character, as its counter says."""

    def to_python(self, value: Any) -> str:
        return one_newline(super().to_python(value) or "")


class LabelsField(forms.CharField):
    """Labels typed with commas or line ends between them; cleans to a tuple in the order typed."""

    def to_python(self, value: Any) -> tuple[str, ...]:  # type: ignore[override]
        written = (part.strip() for part in _BETWEEN_LABELS.split(super().to_python(value) or ""))
        return tuple(dict.fromkeys(label for label in written if label))

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else ", ".join(value)

    def validate(self, value: Any) -> None:
        super().validate(value)
        if len(value) > MAX_LABELS:
            message = _("There are %(count)d labels; at most %(most)d are possible. Remove some.")
            raise ValidationError(message, code="too_many", params={"most": MAX_LABELS, "count": len(value)})

    def run_validators(self, value: Any) -> None:
        for label in value:
            try:
                valid_label(label)
            except ValidationError as error:
                told = {"label": label[:_SHOWN_OF_A_LABEL], "reason": error.messages[0]}
                raise ValidationError(_("“%(label)s”: %(reason)s"), code="label", params=told) from error


class DescriptionForm(forms.Form):
    """The description of a model or of a version."""

    description = DescriptionField(
        label=_("Description"),
        required=False,
        max_length=100,
        validators=[valid_description],
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": 100}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self["description"]
        self.fields["description"].widget.attrs["data-counter"] = f"#{field.id_for_label}_counter"


class LabelsForm(forms.Form):
    labels = LabelsField(
        label=_("Labels"),
        required=False,
        max_length=1000,
        help_text=_("At most 5, separated by commas: letters, Chinese characters, digits and _."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class DocumentForm(forms.Form):
    """One document: both name and URL, or neither (the row then does not count)."""

    name = forms.CharField(label=_("Document name"), required=False, max_length=48, validators=[valid_document_name])
    url = forms.CharField(label="URL", required=False, max_length=2048, validators=[valid_document_url])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("name") and not cleaned.get("url") and "url" not in self.errors:
            self.add_error("url", _("Give the address of this document, or clear its name."))
        if cleaned.get("url") and not cleaned.get("name") and "name" not in self.errors:
            self.add_error("name", _("Give this document a name, or clear its address."))
        return cleaned


class BaseDocumentsFormSet(forms.BaseFormSet):  # type: ignore[type-arg]
    @property
    def documents(self) -> tuple[tuple[str, str], ...]:
        """The rows that say something, as (name, URL)."""
        return tuple((row["name"], row["url"]) for row in self.cleaned_data if row.get("name"))


DocumentsFormSet = cast(
    type[BaseDocumentsFormSet],
    forms.formset_factory(
        DocumentForm,
        formset=BaseDocumentsFormSet,
        extra=MAX_DOCUMENTS,
        max_num=MAX_DOCUMENTS,
        absolute_max=MAX_DOCUMENTS,
        validate_max=True,
    ),
)


class ReviewForm(forms.Form):
    """What somebody decides about the review of a version, and the words that go with it."""

    class Decision(TextChoices):
        REQUEST = "request", _("Request review")
        WITHDRAW = "withdraw", _("Withdraw request")
        APPROVE = "approve", _("Approve")
        REJECT = "reject", _("Reject")

    decision = forms.ChoiceField(choices=Decision.choices)
    # The state on the page that was sent, so that nobody takes back an approval they never saw.
    seen = forms.ChoiceField(choices=ReviewState.choices, required=False)
    comment = DescriptionField(
        label=_("Comment"),
        required=False,
        max_length=LONGEST_COMMENT,
        widget=forms.Textarea(attrs={"rows": 3, "data-counter": "#id_comment_counter"}),
    )


class ModelDeleteForm(forms.Form):
    """Deleting a model with several versions asks for its name, typed."""

    name = forms.CharField(label=_("Model name"), widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, expected: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = expected

    def clean_name(self) -> str:
        typed: str = self.cleaned_data["name"]
        if typed != self.expected:
            raise ValidationError(_("This is not the name of the model. Type it exactly as it is shown."))
        return typed


def initial_documents(documents: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "url": url} for name, url in documents]

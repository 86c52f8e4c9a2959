"""Whether an import ends with a proof, and the sample request that is asked then."""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.defaultfilters import filesizeformat
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from importers.storable import storable

LARGEST_FILES = 1024 * 1024
LARGEST_JSON = 256 * 1024
MOST_FILES = 10
# A kept file in base64 with its name and type.
LARGEST_KEPT = LARGEST_FILES * 4 // 3 + MOST_FILES * 1024
NAME_LENGTH = 200
_FIELDS = {"parameter", "name", "type", "data"}
Sample = dict[str, Any]


class _FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class _FilesField(forms.FileField):
    widget = _FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        given = data if isinstance(data, list | tuple) else [data]
        return [super(_FilesField, self).clean(each, initial) for each in given if each]


class SampleForm(forms.Form):
    """`sample_kept` has the files that were chosen before in base64: no server can put a file back into its field."""

    prove = forms.BooleanField(
        label=gettext_lazy("Proof after the import"),
        required=False,
        initial=True,
        widget=forms.CheckboxInput(attrs={"role": "switch"}),
    )
    sample_json = forms.CharField(
        label="JSON",
        required=False,
        strip=True,
        help_text=gettext_lazy("The body of the request; beside files, its members are the other fields of the form."),
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono", "spellcheck": "false"}),
    )
    sample_file = _FilesField(
        label=gettext_lazy("Files"),
        required=False,
        help_text=gettext_lazy("At most 1 MB together."),
        widget=_FilesInput(attrs={"data-keep-files": "#id_sample_kept"}),
    )
    sample_parameter = forms.CharField(
        label=gettext_lazy("Parameter"),
        required=False,
        max_length=NAME_LENGTH,
        help_text=gettext_lazy("Under which name the files are sent; empty: the first declared one that takes a file."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    sample_drop = forms.BooleanField(label=gettext_lazy("Leave these files out"), required=False)
    sample_kept = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self,
        data: Any = None,
        files: MultiValueDict[str, Any] | None = None,
        *,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        given = dict(initial or {})
        super().__init__(data, files, initial=given | begun_with(given.get("sample")))
        if data is not None and files:
            self._keep(files.getlist("sample_file"))

    def clean_sample_json(self) -> str:
        text: str = self.cleaned_data["sample_json"]
        check_json(text)
        return text

    def clean_sample_kept(self) -> list[Sample]:
        if self.data.get("sample_drop"):
            return []
        try:
            return kept_files(self.data.get("sample_kept", ""))
        except ValueError:
            raise ValidationError(_("The kept files cannot be read any more. Choose them again.")) from None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if (
            sum(len(entry["data"]) for entry in cleaned.get("sample_kept", ()))
            > LARGEST_FILES * 4 // 3 + 8 * MOST_FILES
        ):
            self.add_error("sample_file", too_large())
        return cleaned

    @property
    def sample(self) -> Sample | None:
        """What is kept with the version; only after it was found valid."""
        text, files = self.cleaned_data["sample_json"], self.cleaned_data["sample_kept"]
        named = [entry | {"parameter": self.cleaned_data["sample_parameter"]} for entry in files]
        return {"json": text, "files": named} if text or named else None

    @property
    def kept_names(self) -> list[tuple[str, int]]:
        """Name and size of each file that is kept."""
        try:
            found = kept_files(str(self["sample_kept"].value() or ""))
        except ValueError:
            return []
        return [(entry["name"], len(entry["data"]) * 3 // 4) for entry in found]

    @property
    def open(self) -> bool:
        """Whether something stands in it, or is wrong with it."""
        names = ("sample_json", "sample_parameter", "sample_kept")
        return bool(self.errors) or any(self[name].value() for name in names)

    def _keep(self, sent: Iterable[Any]) -> None:
        """Files that came with the form take the place of those that were kept."""
        entries = [entry_of(file.name or "", file.content_type or "", file.read()) for file in sent]
        if entries:
            self.data = {name: value for name, value in self.data.items() if name != "sample_drop"} | {
                "sample_kept": json.dumps(entries[: MOST_FILES + 1])
            }


def entry_of(name: str, media_type: str, data: bytes, parameter: str = "") -> Sample:
    """A file as it is kept."""
    encoded = base64.b64encode(data).decode()
    said = {"parameter": parameter, "name": name[-NAME_LENGTH:], "type": media_type[:NAME_LENGTH]}
    return {name: str(storable(value)) for name, value in said.items()} | {"data": encoded}


def kept_files(text: str) -> list[Sample]:
    """The files that a page kept; ValueError where the text is not what a page of ours writes."""
    if not text:
        return []
    if len(text) > 4 * LARGEST_KEPT:
        raise ValueError
    try:
        entries = json.loads(text)
    except RecursionError:
        raise ValueError from None
    if not isinstance(entries, list) or len(entries) > MOST_FILES + 1:
        raise ValueError
    return [_entry(entry) for entry in entries]


def check_json(text: str) -> None:
    """ValidationError with a sentence unless it is empty, or JSON within the bounds."""
    if len(text.encode(errors="replace")) > LARGEST_JSON:
        raise ValidationError(_("At most %(most)s of JSON are kept.") % {"most": filesizeformat(LARGEST_JSON)})
    try:
        if text:
            json.loads(text)
    except json.JSONDecodeError as error:
        told = {"line": error.lineno, "column": error.colno, "error": error.msg}
        raise ValidationError(_("Line %(line)s, column %(column)s: this is no JSON (%(error)s).") % told) from None
    except (ValueError, RecursionError):
        raise ValidationError(_("This JSON is nested too deeply, or has numbers that are too long.")) from None


def too_large() -> str:
    most = {"most": filesizeformat(LARGEST_FILES)}
    return _("These files are too large: at most %(most)s together are kept. Choose smaller ones.") % most


def begun_with(sample: Any) -> dict[str, str]:
    """What stands in the fields for a sample that a version has."""
    if not isinstance(sample, Mapping):
        return {}
    files = [entry for entry in sample.get("files") or () if isinstance(entry, Mapping)]
    begun = {"sample_json": str(sample.get("json") or "")}
    if files:
        begun |= {"sample_kept": json.dumps(files), "sample_parameter": str(files[0].get("parameter") or "")}
    return begun


def _entry(entry: Any) -> Sample:
    if not isinstance(entry, dict) or not entry.keys() <= _FIELDS:
        raise ValueError
    if not all(isinstance(value, str) for value in entry.values()):
        raise ValueError
    try:
        data = base64.b64decode(entry.get("data", ""), validate=True)
    except binascii.Error:
        raise ValueError from None
    return entry_of(entry.get("name", ""), entry.get("type", ""), data)

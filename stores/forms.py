"""What people type on the storage pages."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from stores.errors import SourceRefused
from stores.messages import message_of
from stores.models import Conflict
from stores.paths import folder_in


class NameForm(forms.Form):
    """One name in a folder; `merge` lets a renamed folder go into one that is there."""

    name = forms.CharField(label=_("Name"), max_length=255)
    merge = forms.BooleanField(required=False)


class ManyFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """Every file of a multiple file input, as a list."""

    widget = ManyFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:  # type: ignore[type-arg]
        files = data if isinstance(data, list | tuple) else [data]
        return [file for file in files if isinstance(file, UploadedFile)]


class UploadForm(forms.Form):
    folder = forms.CharField(label=_("Folder"), required=False, max_length=1024)
    sent = ManyFilesField(label=_("Files"), required=False)
    unpack = forms.BooleanField(label=_("Unpack ZIP archives"), required=False, initial=True)
    conflict = forms.ChoiceField(
        label=_("Files that exist already"), choices=Conflict.choices, required=False, initial=Conflict.SKIP
    )

    def __init__(self, *args: Any, bucket: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.bucket = bucket

    def clean_conflict(self) -> str:
        return self.cleaned_data["conflict"] or Conflict.SKIP

    def clean_folder(self) -> str:
        try:
            return folder_in(self.bucket, self.cleaned_data["folder"])
        except SourceRefused as refusal:
            raise forms.ValidationError(message_of(refusal)) from refusal

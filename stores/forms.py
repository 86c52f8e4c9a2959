"""What people type on the storage pages."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from stores.errors import SourceRefused
from stores.messages import message_of
from stores.models import Conflict
from stores.paths import as_prefix, check_prefix, check_spaces, is_bucket_name, shown, without_bucket


class BucketForm(forms.Form):
    name = forms.CharField(label=_("Bucket name"), max_length=63)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not is_bucket_name(name):
            raise forms.ValidationError(message_of(SourceRefused("bucket.name_invalid", bucket=shown(name))))
        return name


def folder_in(bucket: str, text: str) -> str:
    """The prefix somebody typed; a whole path, as the console shows and copies it, loses the name of its bucket."""
    return check_spaces(check_prefix(as_prefix(without_bucket(text.strip(), bucket))))


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

"""What people type on the storage pages."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from stores.errors import SourceRefused
from stores.messages import message_of
from stores.paths import as_prefix, check_prefix, is_bucket_name, shown


class BucketForm(forms.Form):
    name = forms.CharField(label=_("Bucket name"), max_length=63)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not is_bucket_name(name):
            raise forms.ValidationError(message_of(SourceRefused("bucket.name_invalid", bucket=shown(name))))
        return name


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
    replace = forms.BooleanField(label=_("Replace files that exist"), required=False)

    def clean_folder(self) -> str:
        try:
            return check_prefix(as_prefix(self.cleaned_data["folder"].strip().removeprefix("/")))
        except SourceRefused as refusal:
            raise forms.ValidationError(message_of(refusal)) from refusal

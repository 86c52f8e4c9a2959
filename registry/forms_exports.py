"""What somebody says who saves a version's archive in a bucket."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import Workspace
from stores.errors import SourceRefused
from stores.messages import message_of
from stores.models import Bucket
from stores.paths import is_safe_name, parse_location, shown
from stores.services import resolve

SUFFIX = ".zip"
_PLAIN = {"class": "mono", "autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}


class ExportForm(forms.Form):
    """Folder, name and whether a file of that name may go; the folder cleans to bucket and prefix."""

    folder = forms.CharField(
        label=_("Bucket and folder"),
        max_length=2048,
        help_text=_("Written as /bucket/folder/. A folder that does not exist is made."),
        error_messages={"required": _("Choose the bucket and the folder to save into.")},
        widget=forms.TextInput(attrs={**_PLAIN, "placeholder": "/bucket/folder/"}),
    )
    name = forms.CharField(
        label=_("File name"),
        max_length=255,
        error_messages={"required": _("Give the file a name.")},
        widget=forms.TextInput(attrs=_PLAIN),
    )
    replace = forms.BooleanField(label=_("Replace a file of this name"), required=False)

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.workspace = workspace

    def clean_folder(self) -> tuple[Bucket, str]:
        try:
            folder = parse_location(self.cleaned_data["folder"]).folder
            return resolve(self.workspace, folder.display)
        except SourceRefused as refused:
            raise ValidationError(message_of(refused)) from refused

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not is_safe_name(name):
            raise ValidationError(message_of(SourceRefused("rename.invalid", name=shown(name))))
        if not name.lower().endswith(SUFFIX):
            raise ValidationError(_("End the name in .zip, so that people and programs know what it is."))
        return name

"""What an administrator types to make a bucket, to connect one at object storage, and to change it."""

import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.utils.translation import gettext_lazy as _

from stores.drivers.s3 import S3Place
from stores.drivers.s3_place import is_region
from stores.errors import SourceRefused
from stores.messages import message_of
from stores.models import Bucket
from stores.paths import as_prefix, check_prefix, is_bucket_name, shown
from stores.services_buckets import SECRETS, with_saved_credentials

_ENDPOINT = r"https?://(?:[a-z0-9][a-z0-9._-]*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
_REMOTE_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}"
_PLAIN = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}
# The browser keeps what is typed here when the form comes back, since the server never sends it.
_SECRET = {"autocomplete": "new-password", "spellcheck": "false", "hx-preserve": "true"}


def plain_text(label: Any, length: int, *, example: str = "", help_text: Any = "") -> forms.CharField:
    widget = forms.TextInput(attrs={**_PLAIN, "class": "mono", "placeholder": example})
    return forms.CharField(label=label, required=False, max_length=length, widget=widget, help_text=help_text)


def secret_text(label: Any, length: int, *, help_text: Any) -> forms.CharField:
    widget = forms.PasswordInput(attrs=_SECRET)
    return forms.CharField(label=label, required=False, max_length=length, widget=widget, help_text=help_text)


class PlaceForm(forms.Form):
    """Where a bucket lies at object storage and with which credentials; `bucket` is the one that is changed, if any."""

    endpoint = plain_text(
        _("Endpoint"),
        255,
        example="https://obs.cn-north-4.myhuaweicloud.com",
        help_text=_(
            "OBS: https://obs.cn-north-4.myhuaweicloud.com. AWS: https://s3.eu-central-1.amazonaws.com. SeaweedFS, "
            "MinIO, Ceph: http://host:port. The name of the bucket is not part of it."
        ),
    )
    remote_name = plain_text(_("Bucket at the endpoint"), 63, example="team-models")
    remote_prefix = plain_text(
        _("Prefix"),
        512,
        example="models/",
        help_text=_("Shows and stores only what lies below this folder of the bucket. Empty: the whole bucket."),
    )
    region = plain_text(
        _("Region"),
        64,
        example="cn-north-4",
        help_text=_("Leave it empty: the endpoint is asked for it. Fill it in only when the test asks for a region."),
    )
    addressing = forms.ChoiceField(
        label=_("Addressing"), choices=Bucket.Addressing.choices, required=False, initial=Bucket.Addressing.PATH
    )
    access_key = plain_text(_("Access key"), 256)
    secret_key = secret_text(_("Secret key"), 512, help_text=_("Stored encrypted and never shown again."))
    session_token = secret_text(
        _("Session token"),
        8192,
        help_text=_("Only for temporary credentials; when they run out, the bucket cannot be read any more."),
    )
    forget = forms.BooleanField(label=_("Use no credentials any more"), required=False)
    write = forms.BooleanField(required=False, initial=True)
    anyway = forms.BooleanField(label=_("Save although the test failed"), required=False)

    def __init__(self, *args: Any, bucket: Bucket | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.bucket = bucket

    def clean_endpoint(self) -> str:
        typed = self.cleaned_data["endpoint"].strip().rstrip("/")
        if not typed:
            raise forms.ValidationError(_("Type the address of the storage service."))
        address: str = (typed if "://" in typed else f"https://{typed}").lower()
        if re.fullmatch(_ENDPOINT, address) is None or not _has_good_port(address):
            raise forms.ValidationError(
                _("Write it as https://host or http://host:port, with nothing behind it: no path, no user, no query.")
            )
        return address

    def clean_remote_name(self) -> str:
        name: str = self.cleaned_data["remote_name"]
        if not name:
            raise forms.ValidationError(_("Type the name of the bucket as the storage service knows it."))
        if re.fullmatch(_REMOTE_NAME, name) is None:
            raise forms.ValidationError(
                _("A bucket has letters, digits, hyphens, dots and underscores; type its name alone.")
            )
        return name

    def clean_remote_prefix(self) -> str:
        try:
            prefix = check_prefix(as_prefix(self.cleaned_data["remote_prefix"].strip().removeprefix("/")))
        except SourceRefused as refusal:
            raise forms.ValidationError(message_of(refusal)) from refusal
        if any(character.isspace() for character in prefix):
            raise forms.ValidationError(message_of(SourceRefused("source.space_in_path", path=shown(prefix))))
        return prefix

    def clean_region(self) -> str:
        region: str = self.cleaned_data["region"]
        if region and not is_region(region):
            raise forms.ValidationError(_("A region has letters, digits and hyphens, such as cn-north-4."))
        return region

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        self._check_host(cleaned)
        self._check_credentials(cleaned)
        if not self.errors and self.bucket and self._keeps_credentials(cleaned):
            try:
                with_saved_credentials(self.bucket, self._typed())
            except SourceRefused as refusal:
                self.add_error("access_key", message_of(refusal))
        return cleaned

    def place(self, name: str) -> S3Place:
        """The place of a valid form; saved credentials go with it only to where they were given for."""
        place = replace(self._typed(), name=name)
        if self.bucket and self._keeps_credentials(self.cleaned_data):
            return with_saved_credentials(self.bucket, place)
        return place

    def _typed(self) -> S3Place:
        values = self.cleaned_data
        place = S3Place(
            endpoint=values["endpoint"],
            bucket=values["remote_name"],
            name=values["remote_name"],
            prefix=values["remote_prefix"],
            region=values["region"],
            virtual=values["addressing"] == Bucket.Addressing.VIRTUAL,
            **{name: "" if values["forget"] else values[name] for name in SECRETS},
        )
        saved = self.bucket
        if saved and (place.endpoint, place.bucket) != (saved.endpoint, saved.remote_name):
            # A region that nobody changed was that of the other place.
            return replace(place, region="" if place.region == saved.region else place.region)
        return place

    def _keeps_credentials(self, cleaned: dict[str, Any]) -> bool:
        return not cleaned.get("forget") and not any(cleaned.get(name) for name in SECRETS)

    def _check_host(self, cleaned: dict[str, Any]) -> None:
        host = urlsplit(cleaned.get("endpoint", "")).hostname or ""
        name = cleaned.get("remote_name", "")
        if name and host.startswith(f"{name.lower()}."):
            message = str(_("Leave the name of the bucket out of the endpoint, which is %(host)s then."))
            self.add_error("endpoint", message % {"host": host[len(name) + 1 :]})

    def _check_credentials(self, cleaned: dict[str, Any]) -> None:
        typed = [name for name in SECRETS if cleaned.get(name)]
        if cleaned.get("forget") and typed:
            self.add_error("forget", _("Either type an access key, or use none: not both."))
        elif typed:
            for name in ("access_key", "secret_key"):
                if name not in typed and name in cleaned:
                    self.add_error(name, _("Access key and secret key belong together: type both, or none."))


class BucketForm(forms.Form):
    """The kind of a new bucket and its name, which for object storage is that of the bucket there unless typed."""

    kind = forms.ChoiceField(
        label=_("Kind"), choices=Bucket.Driver.choices, required=False, initial=Bucket.Driver.FOLDER
    )
    name = plain_text(_("Bucket name"), 63)

    def clean_kind(self) -> str:
        return self.cleaned_data["kind"] or Bucket.Driver.FOLDER

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "name" in self.errors:
            return cleaned
        remote = str(self.data.get("remote_name", "")).strip() if self.connects else ""
        name = cleaned.get("name") or remote
        # A name that is none at the endpoint either is refused where it was typed.
        told = self.connects and not cleaned.get("name") and re.fullmatch(_REMOTE_NAME, remote) is None
        if not told and not is_bucket_name(name):
            self.add_error("name", message_of(SourceRefused("bucket.name_invalid", bucket=shown(name))))
        return cleaned | {"name": name}

    @property
    def connects(self) -> bool:
        """Whether the bucket lies at object storage."""
        return bool(getattr(self, "cleaned_data", {}).get("kind") == Bucket.Driver.S3)


def _has_good_port(address: str) -> bool:
    try:
        return urlsplit(address).port != 0
    except ValueError:
        return False

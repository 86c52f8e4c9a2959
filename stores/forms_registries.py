"""What an administrator types to connect a container registry and to change the connection."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from stores.errors import SourceRefused
from stores.forms_buckets import plain_text, secret_text
from stores.messages import message_of
from stores.models import RegistryConnection
from stores.oci_place import RegistryPlace, check_ca, check_place
from stores.paths import shown
from stores.paths_images import is_address, is_pattern
from stores.services_registries import RegistryEntry, with_saved_password

_SEPARATORS = r"[\s,;，；、]+"
MOST_PATTERNS, MOST_HOSTS = 200, 20


def _lines(label: Any, rows: int, length: int, *, example: str, help_text: Any) -> forms.CharField:
    attributes = {"rows": rows, "class": "mono", "placeholder": example, "spellcheck": "false", "autocomplete": "off"}
    widget = forms.Textarea(attrs=attributes)
    return forms.CharField(label=label, required=False, max_length=length, widget=widget, help_text=help_text)


class RegistryForm(forms.Form):
    """A connection to a registry; `connection` is the one that is changed, if any."""

    name = plain_text(
        _("Name"), 63, example="team", help_text=_("What the connection is called here; it can be changed.")
    )
    address = plain_text(
        _("Address"),
        262,
        example="registry.example.com",
        help_text=_(
            "Host, and port where it is not 443. SWR: swr.cn-north-4.myhuaweicloud.com. Docker Hub: "
            "registry-1.docker.io. It is the first part of every image's path."
        ),
    )
    repositories = _lines(
        _("Allowed repositories"),
        2,
        8000,
        example="team/*",
        help_text=_(
            "One on each line; * stands for any characters. Images of other repositories are neither shown nor used. "
            "Empty: every repository the user may read."
        ),
    )
    username = plain_text(_("User name"), 255)
    password = secret_text(
        _("Password or token"),
        8192,
        help_text=_("Needs no other right than to pull. Stored encrypted and never shown again."),
    )
    token_host = plain_text(
        _("Token service"),
        255,
        example="auth.example.com",
        help_text=_(
            "Only where the registry has the password sent to another host (Docker Hub: auth.docker.io). The test "
            "says when it is needed and which host it is."
        ),
    )
    blob_hosts = _lines(
        _("Hosts of blobs"),
        2,
        4000,
        example="blobs.example.com",
        help_text=_(
            "Only where the registry keeps its files on other hosts; one on each line. The password never goes there."
        ),
    )
    ca = _lines(
        _("Certificate of the authority"),
        3,
        64_000,
        example="-----BEGIN CERTIFICATE-----",
        help_text=_("Only for a registry whose certificate is signed by an authority of its own; in PEM form."),
    )
    forget = forms.BooleanField(label=_("Use no password any more"), required=False)
    anyway = forms.BooleanField(label=_("Save although the test failed"), required=False)

    def __init__(self, *args: Any, connection: RegistryConnection | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connection = connection

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not name or not name.isprintable():
            raise forms.ValidationError(_("Type a name in visible characters."))
        return name

    def clean_address(self) -> str:
        """The address with its scheme, which `place` takes apart again."""
        typed = self.cleaned_data["address"].strip().rstrip("/").lower()
        if not typed:
            raise forms.ValidationError(_("Type the address of the registry."))
        scheme, _found, address = typed.rpartition("://")
        if scheme not in ("", "http", "https") or not is_address(address):
            raise forms.ValidationError(
                _("Write it as host or host:port, with nothing behind it: no path, no user, no repository.")
            )
        place = RegistryPlace(address, insecure=scheme == "http")
        try:
            check_place(place)
        except SourceRefused as refusal:
            raise forms.ValidationError(message_of(refusal)) from refusal
        return place.base

    def clean_repositories(self) -> tuple[str, ...]:
        found = _split(self.cleaned_data["repositories"])
        for pattern in found:
            if not is_pattern(pattern):
                message = str(_("“%(pattern)s” is not a repository. Write it as team/model or team/*, in lower case."))
                raise forms.ValidationError(message % {"pattern": shown(pattern)})
        if len(found) > MOST_PATTERNS:
            raise forms.ValidationError(_("At most %(limit)s repositories can be named.") % {"limit": MOST_PATTERNS})
        return found

    def clean_token_host(self) -> str:
        found = _hosts(self.cleaned_data["token_host"])
        if len(found) > 1:
            raise forms.ValidationError(_("Type one host alone."))
        return found[0] if found else ""

    def clean_blob_hosts(self) -> tuple[str, ...]:
        found = _hosts(self.cleaned_data["blob_hosts"])
        if len(found) > MOST_HOSTS:
            raise forms.ValidationError(_("At most %(limit)s hosts can be named.") % {"limit": MOST_HOSTS})
        return found

    def clean_ca(self) -> str:
        text: str = self.cleaned_data["ca"].strip().replace("\r\n", "\n")
        if text:
            try:
                check_ca(text)
            except SourceRefused as refusal:
                raise forms.ValidationError(message_of(refusal)) from refusal
        return text

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        self._check_sign_in(cleaned)
        if not self.errors and self._keeps_password(cleaned):
            try:
                self.entry()
            except SourceRefused as refusal:
                self.add_error("password", message_of(refusal))
        return cleaned

    def entry(self) -> RegistryEntry:
        """What a valid form says; a saved password goes with it only to where it was given for."""
        values = self.cleaned_data
        scheme, _found, address = values["address"].partition("://")
        place = RegistryPlace(
            address=address,
            insecure=scheme == "http",
            token_host=values["token_host"],
            blob_hosts=values["blob_hosts"],
            ca=values["ca"],
            username="" if values["forget"] else values["username"],
            password="" if values["forget"] else values["password"],
        )
        if self.connection and self._keeps_password(values):
            place = with_saved_password(self.connection, place)
        return RegistryEntry(values["name"], place, values["repositories"])

    @property
    def hides_network(self) -> bool:
        """Whether nothing was typed about hosts and certificates, nor is anything wrong there."""
        names = ("token_host", "blob_hosts", "ca")
        return not any(self[name].value() or self[name].errors for name in names)

    def _keeps_password(self, cleaned: dict[str, Any]) -> bool:
        saved = self.connection is not None and bool(self.connection.password)
        return saved and not cleaned.get("forget") and not cleaned.get("password")

    def _check_sign_in(self, cleaned: dict[str, Any]) -> None:
        if cleaned.get("forget"):
            if cleaned.get("password"):
                self.add_error("forget", _("Either type a password, or use none: not both."))
            return
        if cleaned.get("password") and not cleaned.get("username"):
            self.add_error("username", _("Type the user the password belongs to."))
        elif cleaned.get("username") and not cleaned.get("password") and not self._keeps_password(cleaned):
            self.add_error("password", _("Type the password, or no user name either."))


def _split(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, re.split(_SEPARATORS, text))))


def _hosts(text: str) -> tuple[str, ...]:
    """Hosts that may be asked, without a scheme."""
    found = tuple(host.lower().removeprefix("https://").removeprefix("http://").rstrip("/") for host in _split(text))
    for host in found:
        try:
            check_place(RegistryPlace(host))
        except SourceRefused as refusal:
            raise forms.ValidationError(message_of(refusal)) from refusal
    return found

"""What an administrator types to connect an MLflow server, and to change a connection."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from importers.mlflow_http import Place, check_address
from importers.models import MLflowConnection
from importers.services_mlflow import Wanted, with_saved_credentials
from registry.findings import message_for
from registry.validators import has_hidden_characters
from stores.errors import SourceRefused
from stores.messages import message_of
from stores.paths import parse_location

LONGEST_NAME = 64
MOST_EXPERIMENTS = 50
NOBODY, BASIC, TOKEN = "none", "basic", "token"
_PLAIN = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}
# The browser keeps what is typed here when the form comes back, since the server never sends it.
_SECRET = {"autocomplete": "new-password", "spellcheck": "false", "hx-preserve": "true"}


def auth_of(connection: MLflowConnection) -> str:
    """As whom a connection asks."""
    if not connection.credentials:
        return NOBODY
    return BASIC if connection.username else TOKEN


class ConnectionForm(forms.Form):
    """One connection; `connection` is the one that is changed, if any."""

    name = forms.CharField(label=_("Name"), max_length=LONGEST_NAME, widget=forms.TextInput(attrs=_PLAIN))
    address = forms.CharField(
        label=_("Address"),
        max_length=255,
        widget=forms.TextInput(attrs={**_PLAIN, "class": "mono", "placeholder": "https://mlflow.example.org"}),
        help_text=_("Where people open MLflow, such as http://host:5000. A path belongs to the address."),
    )
    auth = forms.ChoiceField(
        label=_("Sign in"),
        choices=[(NOBODY, _("Not at all")), (BASIC, _("User name and password")), (TOKEN, _("Token"))],
        required=False,
        initial=NOBODY,
    )
    username = forms.CharField(
        label=_("User name"), required=False, max_length=150, widget=forms.TextInput(attrs={**_PLAIN, "class": "mono"})
    )
    password = forms.CharField(
        label=_("Password"), required=False, max_length=512, strip=False, widget=forms.PasswordInput(attrs=_SECRET)
    )
    token = forms.CharField(
        label=_("Token"), required=False, max_length=4096, widget=forms.PasswordInput(attrs=_SECRET)
    )
    experiments = forms.CharField(
        label=_("Experiments"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_("One name on each line. Empty: all of them. Each becomes a training job of the same name."),
    )
    artifact_root = forms.CharField(
        label=_("Folder of the artifacts"),
        required=False,
        max_length=1024,
        widget=forms.TextInput(attrs={**_PLAIN, "class": "mono", "placeholder": "/bucket/mlflow/"}),
        help_text=_(
            "Only for a server that hands out artifacts itself (mlflow-artifacts:): the folder of a bucket in which it "
            "keeps them. Artifacts at s3:// or in a shared folder are found by themselves."
        ),
    )
    anyway = forms.BooleanField(label=_("Save although the test failed"), required=False)

    def __init__(self, *args: Any, connection: MLflowConnection | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connection = connection

    @property
    def saved_auth(self) -> str:
        """As whom the saved connection asks; its secret is kept while the same way is chosen and nothing is typed."""
        return auth_of(self.connection) if self.connection else NOBODY

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if has_hidden_characters(name):
            raise forms.ValidationError(_("The name holds characters that cannot be seen. Type it again."))
        return name

    def clean_address(self) -> str:
        typed = self.cleaned_data["address"].strip()
        address = typed if "://" in typed else f"https://{typed}"
        try:
            return check_address(address)
        except SourceRefused as refusal:
            raise forms.ValidationError(_message(refusal)) from refusal

    def clean_auth(self) -> str:
        return self.cleaned_data["auth"] or NOBODY

    def clean_username(self) -> str:
        name: str = self.cleaned_data["username"]
        if ":" in name:
            raise forms.ValidationError(_("A user name holds no colon."))
        return name

    def clean_token(self) -> str:
        token: str = self.cleaned_data["token"]
        if re.fullmatch(r"[!-~]*", token) is None:
            raise forms.ValidationError(_("A token has only letters, digits and signs of ASCII, and no spaces."))
        return token

    def clean_experiments(self) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(line.strip() for line in self.cleaned_data["experiments"].splitlines()))
        wanted = tuple(name for name in names if name)
        if len(wanted) > MOST_EXPERIMENTS:
            raise forms.ValidationError(
                _("At most %(most)s names; leave it empty to take all."), params={"most": MOST_EXPERIMENTS}
            )
        return wanted

    def clean_artifact_root(self) -> str:
        typed = self.cleaned_data["artifact_root"].strip()
        if not typed:
            return ""
        try:
            return parse_location(typed).folder.display
        except SourceRefused as refusal:
            raise forms.ValidationError(message_of(refusal)) from refusal

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        self._drop_unasked(cleaned)
        self._check_secret(cleaned)
        if not self.errors and self._keeps(cleaned) and self.connection:
            try:
                with_saved_credentials(self.connection, self._typed())
            except SourceRefused as refusal:
                self.add_error("password" if cleaned["auth"] == BASIC else "token", _message(refusal))
        return cleaned

    def wanted(self) -> Wanted:
        """What a valid form asks for; a saved secret goes with it only to where it was given for."""
        place = self._typed()
        if self.connection and self._keeps(self.cleaned_data):
            place = with_saved_credentials(self.connection, place)
        values = self.cleaned_data
        return Wanted(values["name"], place, values["experiments"], values["artifact_root"])

    def _typed(self) -> Place:
        values = self.cleaned_data
        return Place(values["address"], values["username"], values["password"], values["token"])

    def _drop_unasked(self, cleaned: dict[str, Any]) -> None:
        """What stands in a field that belongs to another way to sign in is not meant."""
        for name, auth in (("username", BASIC), ("password", BASIC), ("token", TOKEN)):
            if cleaned.get("auth") != auth:
                cleaned[name] = ""

    def _keeps(self, cleaned: dict[str, Any]) -> bool:
        same = cleaned.get("auth") == self.saved_auth != NOBODY
        return same and not cleaned.get("password") and not cleaned.get("token")

    def _check_secret(self, cleaned: dict[str, Any]) -> None:
        if cleaned.get("auth") == BASIC and not cleaned.get("username") and "username" not in self.errors:
            self.add_error("username", _("Type the user name, or choose another way to sign in."))
        secret = {BASIC: "password", TOKEN: "token"}.get(cleaned.get("auth", ""))
        if secret and not cleaned.get(secret) and not self._keeps(cleaned) and secret not in self.errors:
            self.add_error(secret, _("Type it, or choose another way to sign in."))


def initial_of(connection: MLflowConnection) -> dict[str, Any]:
    """The form as it would have to be filled in to say the same once more, without the secret."""
    names = ("name", "address", "username", "experiments", "artifact_root")
    return {name: getattr(connection, name) for name in names} | {"auth": auth_of(connection)}


def _message(refusal: SourceRefused) -> str:
    return message_for(refusal.code, refusal.params)

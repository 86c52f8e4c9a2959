"""Forms of members, invitations, API tokens and of the workspace itself."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib.auth.forms import UserCreationForm
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User, Workspace
from accounts.roles import Role

NAME_RULE = _("Only letters, digits, hyphens and underscores.")


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)


class LeaveForm(forms.Form):
    """Asked of people who remove themselves."""

    leave = forms.BooleanField(
        label=_("Yes, remove me"), error_messages={"required": _("Tick this to remove yourself.")}
    )


class InvitationForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.DEVELOPER)
    note = forms.CharField(
        label=pgettext_lazy("invitation", "Note"),
        required=False,
        max_length=120,
        help_text=_("Who it is for, such as a name or an e-mail address. Nothing is sent; only administrators see it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class AccountForm(UserCreationForm):  # type: ignore[type-arg]
    """The account of somebody who was invited."""

    class Meta:
        model = User
        fields = ("username",)
        labels = {"username": _("User name")}
        help_texts = {"username": _("Letters, digits and @ . + - _")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs |= {"spellcheck": "false", "autocomplete": "username"}
        self.fields["username"].widget.attrs.pop("autofocus", None)
        self.fields["password1"].label = _("Password")
        self.fields["password1"].help_text = _(
            "At least 8 characters; not a common password, and not like your user name."
        )
        self.fields["password2"].label = _("Password again")
        self.fields["password2"].help_text = ""

    def name_is_taken(self) -> None:
        """Somebody was quicker by a moment."""
        self.add_error("username", _("This user name is taken. Choose another one."))


class TokenForm(forms.Form):
    """A token with one of `roles`, those its maker has themselves."""

    EXPIRIES = [("30", _("30 days")), ("90", _("90 days")), ("365", _("365 days")), ("", _("Never"))]

    name = forms.CharField(
        label=_("Name"),
        max_length=64,
        help_text=_("What uses it, such as “nightly export”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(
        label=_("Role"), help_text=_("At most what you may do yourself. Give it the least it needs.")
    )
    expiry = forms.ChoiceField(label=_("Expires after"), choices=EXPIRIES, required=False, initial="90")

    def __init__(self, *args: Any, roles: list[Role], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["role"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(role.value, role.label) for role in roles]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not name.isprintable():
            raise forms.ValidationError(_("The name holds characters that cannot be shown."))
        return name

    @property
    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["expiry"]
        return now() + timedelta(days=int(days)) if days else None


class WorkspaceNameForm(forms.Form):
    name = forms.SlugField(
        label=_("Name"),
        max_length=48,
        help_text=NAME_RULE,
        error_messages={"invalid": NAME_RULE},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
    )

    def name_is_taken(self) -> None:
        self.add_error("name", _("Another workspace has this name. Choose another one."))


class SettingsForm(WorkspaceNameForm):
    """The name of a workspace, and what was decided for everybody in it."""

    approval_to_publish = forms.BooleanField(required=False, label=_("Publishing needs approval"))
    approval_to_deploy = forms.BooleanField(required=False, label=_("Deploying needs approval"))
    four_eyes = forms.BooleanField(required=False, label=_("Four eyes"))
    source_builds = forms.BooleanField(required=False, label=_("Dependencies may be built from source"))

    def __init__(self, *args: Any, workspace: Workspace, editable: bool, **kwargs: Any) -> None:
        kwargs["initial"] = {name: getattr(workspace, name) for name in self.base_fields}
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.disabled = not editable
            if name != "name":
                field.widget.attrs |= {"role": "switch"}

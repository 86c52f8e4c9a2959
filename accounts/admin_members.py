"""The rows of members in the forms of the desk, and what holds for them there as on the console's own pages."""

from typing import Any

from django.core.exceptions import ValidationError
from django.forms import BaseInlineFormSet, ModelForm

from accounts.messages import last_administrator
from accounts.models import Membership, User
from accounts.roles import Role
from accounts.services_members import last_administrators


class MembershipForm(ModelForm):  # type: ignore[type-arg]
    """Whose membership it is and where is said once: somebody else's, or one elsewhere, is another membership."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in {"user", "workspace"} & set(self.fields) if self.instance.pk else ():
            self.fields[name].disabled = True


class MembershipFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """Leaves no workspace without an administrator, also when the person whose form it is was switched off in it."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        leaving: dict[int, list[int]] = {}
        kept = set()
        for form in self.forms:
            membership = form.instance
            if self._administers(form):
                kept.add(membership.workspace_id)
            elif membership.pk:
                leaving.setdefault(membership.workspace_id, []).append(membership.pk)
        for workspace, pks in leaving.items():
            if workspace not in kept and (last := last_administrators(workspace, pks)):
                raise ValidationError(last_administrator(last[0].user.get_username(), last[0].workspace.name))

    def role_before(self, membership: Membership) -> str:
        """What the form began with."""
        return next(str(form.initial["role"]) for form in self.initial_forms if form.instance.pk == membership.pk)

    def _administers(self, form: Any) -> bool:
        if form in self.deleted_forms or form.cleaned_data.get("role") != Role.ADMIN:
            return False
        return bool((self.instance if isinstance(self.instance, User) else form.instance.user).is_active)

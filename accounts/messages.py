"""What audit events mean, in words; an event nobody registered is shown by its code."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

AUDIT: dict[str, Promise] = {
    "workspace.created": _("Workspace created"),
    "workspace.changed": _("Workspace changed"),
    "person.signed_in": _("Signed in"),
    "person.signed_out": _("Signed out"),
    "person.sign_in_failed": _("Sign-in failed"),
    "person.password_changed": _("Own password changed"),
    "person.added": _("Person added"),
    "person.changed": _("Person changed"),
    "person.deleted": _("Person deleted"),
    "member.set": _("Role given"),
    "member.removed": _("Membership removed"),
}


def register_audit(words: Mapping[str, Promise]) -> None:
    """Add what the events of another app mean."""
    AUDIT.update(words)

"""What the audit events of this app mean, in words; events of other apps are shown by their code."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

AUDIT: Mapping[str, Promise] = {
    "workspace.created": _("Workspace created"),
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

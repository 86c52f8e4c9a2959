"""What audit events mean, in words: each app registers the codes it records, and what their details are called."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class CodeGroup:
    """Codes that stand together where one is chosen."""

    title: str | Promise
    words: Mapping[str, Promise]


AUDIT: dict[str, Promise] = {}
GROUPS: list[CodeGroup] = []
DETAILS: dict[str, Promise] = {}


def register_audit(
    title: str | Promise, words: Mapping[str, Promise], details: Mapping[str, Promise] | None = None
) -> None:
    """Add what codes mean, and what their parameters are called; a code has one meaning for ever."""
    for code, meaning in words.items():
        if AUDIT.setdefault(code, meaning) is not meaning:
            raise ValueError(f"audit code {code} is registered twice")
    GROUPS.append(CodeGroup(title, words))
    DETAILS.update(details or {})


def last_administrator(name: str, workspace: str) -> str:
    """Why a person's role, or they themselves, cannot be taken away, in the active language."""
    return gettext(
        "%(name)s is the last administrator of workspace %(workspace)s. Make somebody else an administrator first."
    ) % {"name": name, "workspace": workspace}


register_audit(
    _("Members and access"),
    {
        "member.set": _("Role given"),
        "member.removed": _("Membership removed"),
        "invitation.made": _("Invitation made"),
        "invitation.revoked": _("Invitation revoked"),
        "invitation.accepted": _("Invitation accepted"),
        "token.made": _("API token made"),
        "token.revoked": _("API token revoked"),
    },
    {
        "name": _("Name"),
        "role": _("Role"),
        "before": pgettext_lazy("audit", "Before"),
        "after": pgettext_lazy("audit", "After"),
        "note": pgettext_lazy("invitation", "Note"),
        "token": _("API token"),
        "tokens_revoked": _("API tokens revoked with it"),
        "invited_by": _("Invited by"),
        "begins": _("Begins with"),
        "expires": pgettext_lazy("audit", "Valid until"),
        "whose": _("Made by"),
    },
)
register_audit(
    _("Workspace"),
    {
        "workspace.created": _("Workspace created"),
        "workspace.changed": _("Workspace changed"),
        "workspace.deleted": _("Workspace deleted"),
        "workspace.renamed": _("Workspace renamed"),
        "workspace.policies_changed": _("Policies changed"),
        "audit.exported": _("Audit trail downloaded"),
    },
    {
        "approval_to_publish": _("Publishing needs approval"),
        "approval_to_deploy": _("Deploying needs approval"),
        "four_eyes": _("Four eyes"),
        "source_builds": _("Dependencies may be built from source"),
        "who": _("Who"),
        "what": _("What"),
        "since": _("From"),
        "until": _("Until"),
    },
)
register_audit(
    _("People"),
    {
        "person.signed_in": _("Signed in"),
        "person.signed_out": _("Signed out"),
        "person.sign_in_failed": _("Sign-in failed"),
        "person.password_changed": _("Own password changed"),
        "person.added": _("Person added"),
        "person.changed": _("Person changed"),
        "person.deleted": _("Person deleted"),
    },
    {
        "changes": _("Changes"),
        "added": _("Added"),
        "changed": _("Changed"),
        "deleted": _("Deleted"),
        "fields": _("Fields"),
        "object": _("Object"),
    },
)

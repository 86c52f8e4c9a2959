"""The table of roles and what each may do: the only place that knows it."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Role(TextChoices):
    VIEWER = "viewer", _("Viewer")
    DEVELOPER = "developer", _("Developer")
    REVIEWER = "reviewer", _("Reviewer")
    ADMIN = "admin", _("Administrator")


class Action(TextChoices):
    VIEW = "view", _("See models and files")
    IMPORT = "import", _("Import models and upload files")
    EDIT = "edit", _("Edit descriptions, labels and documents")
    DELETE = "delete", _("Delete models and versions")
    APPROVE = "approve", _("Approve versions")
    PUBLISH = "publish", _("Publish versions")
    DEPLOY = "deploy", _("Deploy versions")
    MANAGE = "manage", _("Manage members, buckets and settings")


ALLOWED: dict[Role, frozenset[Action]] = {
    Role.VIEWER: frozenset({Action.VIEW}),
    Role.DEVELOPER: frozenset({Action.VIEW, Action.IMPORT, Action.EDIT, Action.DEPLOY}),
    Role.REVIEWER: frozenset({Action.VIEW, Action.EDIT, Action.APPROVE, Action.PUBLISH}),
    Role.ADMIN: frozenset(Action),
}


def allows(role: str, action: Action) -> bool:
    return action in ALLOWED[Role(role)]


def allowed_by(*roles: str) -> frozenset[Action]:
    """Everything these roles together allow."""
    return frozenset(action for role in roles for action in ALLOWED[Role(role)])


def roles_allowing(action: Action) -> list[Role]:
    return [role for role, actions in ALLOWED.items() if action in actions]


def includes(role: str, other: str) -> bool:
    """Whether `role` allows everything that `other` does; of developer and reviewer neither does."""
    return ALLOWED[Role(role)] >= ALLOWED[Role(other)]


def roles_within(actions: frozenset[Action]) -> list[Role]:
    """The roles that allow nothing beyond these actions."""
    return [role for role, allowed in ALLOWED.items() if allowed <= actions]

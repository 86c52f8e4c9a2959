"""Commands that change who people are and record what they did."""

from typing import Any

from django.db import transaction

from accounts.models import AuditEvent, Membership, User, Workspace
from accounts.queries import Person
from accounts.roles import Role

STAFF_ROLES = (Role.REVIEWER, Role.ADMIN)


def record_audit(workspace: Workspace | None, code: str, *, by: Person | None, **params: Any) -> None:
    """Append one audit event; `params` are JSON values and never hold a secret."""
    actor = by if isinstance(by, User) else None
    name = actor.get_username() if actor else "system"
    AuditEvent.objects.create(workspace=workspace, actor=actor, actor_name=name, code=code, params=params)


def record_failed_sign_in(username: str) -> None:
    """Append an audit event under the name of the person meant; a name nobody has may be a mistyped secret."""
    known = User.objects.filter(username=username).exists()
    AuditEvent.objects.create(actor_name=username if known else "unknown", code="person.sign_in_failed")


def follow_memberships(user: User) -> None:
    """Let `user` enter the desk exactly while a reviewer or admin membership (or being an operator) says so."""
    user.is_staff = user.is_superuser or user.memberships.filter(role__in=STAFF_ROLES).exists()
    user.save(update_fields=["is_staff"])


def follow_membership(membership: Membership, *, by: Person, removed: bool = False) -> None:
    """After a membership was given, changed or removed: record it, and open or close the desk to its user."""
    code = "member.removed" if removed else "member.set"
    name = membership.user.get_username()
    record_audit(membership.workspace, code, by=by, name=name, role=membership.role)
    follow_memberships(membership.user)


@transaction.atomic
def create_first_admin(*, username: str, password: str) -> User | None:
    """Create workspace `default` and its administrator on an empty database; None when anybody exists already."""
    if User.objects.exists():
        return None
    workspace, _ = Workspace.objects.get_or_create(name="default")
    user = User.objects.create_superuser(username, password=password)
    Membership.objects.create(workspace=workspace, user=user, role=Role.ADMIN)
    record_audit(workspace, "workspace.created", by=user, name=workspace.name)
    return user

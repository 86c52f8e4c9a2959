"""Commands that change who people are and record what they did."""

from typing import Any

from django.db import transaction
from django.utils.timezone import now

from accounts.models import NOBODY, UNKNOWN, ApiToken, AuditEvent, Membership, User, Workspace
from accounts.queries import Person
from accounts.roles import Role

STAFF_ROLES = (Role.REVIEWER, Role.ADMIN)


def record_audit(workspace: Workspace | None, code: str, *, by: Person | None, **params: Any) -> None:
    """Append one audit event; `params` are JSON values and never hold a secret.

    What a token did is an event of its maker that names the token.
    """
    actor = by if isinstance(by, User) else None
    name = actor.get_username() if actor else NOBODY
    if actor and actor.acting_token:
        params["token"] = str(actor.acting_token)
    AuditEvent.objects.create(workspace=workspace, actor=actor, actor_name=name, code=code, params=params)


def record_failed_sign_in(username: str) -> None:
    """Append an audit event under the name of the person meant; a name nobody has may be a mistyped secret."""
    known = User.objects.filter(username=username).exists()
    AuditEvent.objects.create(actor_name=username if known else UNKNOWN, code="person.sign_in_failed")


def follow_memberships(user: User) -> None:
    """Let `user` enter the desk exactly while a reviewer or admin membership (or being an operator) says so."""
    user.is_staff = user.is_superuser or user.memberships.filter(role__in=STAFF_ROLES).exists()
    user.save(update_fields=["is_staff"])


def follow_membership(membership: Membership, *, by: Person, removed: bool = False, before: str = "") -> None:
    """After a membership was given, changed or removed: record it, and open or close the desk to its user.

    Whoever is removed leaves no token behind that would work again should they come back.
    """
    workspace, name = membership.workspace, membership.user.get_username()
    details = {"role": membership.role}
    if removed:
        record_audit(
            workspace, "member.removed", by=by, name=name, tokens_revoked=_revoke_tokens(membership), **details
        )
    elif before:
        record_audit(workspace, "member.set", by=by, name=name, field="role", before=before, after=membership.role)
    else:
        record_audit(workspace, "member.set", by=by, name=name, **details)
    follow_memberships(membership.user)


def _revoke_tokens(membership: Membership) -> int:
    tokens = ApiToken.objects.filter(workspace=membership.workspace_id, user=membership.user_id, revoked_at=None)
    return tokens.update(revoked_at=now())


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

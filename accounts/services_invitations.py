"""Commands on invitations: make, revoke, accept with an account one has or makes."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils.timezone import now

from accounts import transitions
from accounts.digests import digest_of, new_secret
from accounts.errors import InvitationClosed
from accounts.models import Invitation, User, Workspace
from accounts.queries import require
from accounts.queries_people import role_of, still_stands
from accounts.roles import Action, Role, includes
from accounts.services import record_audit
from accounts.services_members import hold_members, raise_role


@transaction.atomic
def make_invitation(workspace: Workspace, *, role: Role, note: str, by: User) -> tuple[Invitation, str]:
    """An invitation and the secret of its link, which is nowhere else. Raises NotAllowed."""
    require(by, Action.MANAGE, workspace)
    secret = new_secret()
    invitation = Invitation.objects.create(
        workspace=workspace,
        role=role,
        note=note,
        digest=digest_of(secret),
        created_by=by,
        created_by_name=by.get_username(),
        expires_at=now() + timedelta(seconds=settings.INVITATION_SECONDS),
    )
    record_audit(workspace, "invitation.made", by=by, role=role, note=note)
    return invitation, secret


@transaction.atomic
def revoke_invitation(invitation: Invitation, *, by: User) -> bool:
    """Its link leads nowhere from now on; False when it was used or revoked before."""
    if not transitions.revoke_invitation(invitation):
        return False
    record_audit(invitation.workspace, "invitation.revoked", by=by, role=invitation.role, note=invitation.note)
    return True


def would_change(invitation: Invitation, user: User) -> bool:
    """Whether accepting gives `user` anything: a role that allows all they may do now, and more."""
    present = role_of(user, invitation.workspace)
    return not present or (includes(invitation.role, present) and not includes(present, invitation.role))


@transaction.atomic
def accept_invitation(invitation: Invitation, *, by: User) -> bool:
    """Let `by` in with its role and spend it; False, and nothing is spent, when they have as much already.

    Raises InvitationClosed when somebody was quicker, its time is over, or who made it may not invite any more.
    """
    hold_members(invitation.workspace_id)
    if not still_stands(invitation):
        raise InvitationClosed
    if not would_change(invitation, by):
        return False
    if not transitions.use_invitation(invitation, by=by):
        raise InvitationClosed
    values = {"role": invitation.role, "invited_by": invitation.created_by_name, "note": invitation.note}
    record_audit(invitation.workspace, "invitation.accepted", by=by, name=by.get_username(), **values)
    raise_role(invitation.workspace, by, invitation.role, by=invitation.created_by or by)
    return True


def join_with_account(invitation: Invitation, *, username: str, password: str) -> User:
    """Make an account and accept with it, both or neither.

    Raises InvitationClosed, and IntegrityError when the name was taken meanwhile.
    """
    hashed = make_password(password)  # Slow on purpose, so before anything is locked.
    with transaction.atomic():
        user = User.objects.create(username=username, password=hashed)
        record_audit(None, "person.added", by=user, name=username)
        accept_invitation(invitation, by=user)
    user.refresh_from_db()
    return user

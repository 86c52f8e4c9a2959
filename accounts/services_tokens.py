"""Commands on API tokens: make, revoke, note their use."""

from datetime import datetime

from django.db import transaction

from accounts import transitions
from accounts.digests import SHOWN, TOKEN_MARK, digest_of, new_secret
from accounts.errors import RoleTooHigh
from accounts.models import ApiToken, User, Workspace
from accounts.queries import actions_in, require
from accounts.roles import Action, Role, roles_within
from accounts.services import record_audit


@transaction.atomic
def make_token(
    workspace: Workspace, *, name: str, role: Role, expires_at: datetime | None, by: User
) -> tuple[ApiToken, str]:
    """A token of `by` and its secret, which is nowhere else.

    Raises NotAllowed without the right to import, RoleTooHigh for a role beyond one's own.
    """
    require(by, Action.IMPORT, workspace)
    if role not in roles_within(actions_in(by, workspace)):
        raise RoleTooHigh
    secret = TOKEN_MARK + new_secret()
    token = ApiToken.objects.create(
        workspace=workspace,
        user=by,
        name=name,
        role=role,
        prefix=secret[:SHOWN],
        digest=digest_of(secret),
        expires_at=expires_at,
    )
    expires = expires_at.date().isoformat() if expires_at else ""
    record_audit(workspace, "token.made", by=by, name=name, begins=token.prefix, role=role, expires=expires)
    return token, secret


@transaction.atomic
def revoke_token(token: ApiToken, *, by: User) -> bool:
    """From now on nothing gets in with it; False when that was so already."""
    if not transitions.revoke_token(token):
        return False
    whose = token.user.get_username()
    record_audit(token.workspace, "token.revoked", by=by, name=token.name, begins=token.prefix, whose=whose)
    return True

"""State changes of invitations and tokens: one UPDATE that must hit exactly one row; the loser is told False."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils.timezone import now

from accounts.models import ApiToken, Invitation, User

USE_NOTED_EVERY = timedelta(minutes=1)


def use_invitation(invitation: Invitation, *, by: User) -> bool:
    """Spend it for `by`, unless it was spent or revoked or its time is over."""
    open_ones = Invitation.objects.filter(pk=invitation.pk, used_at=None, revoked_at=None, expires_at__gt=now())
    return open_ones.update(used_at=now(), used_by=by) == 1


def revoke_invitation(invitation: Invitation) -> bool:
    return Invitation.objects.filter(pk=invitation.pk, used_at=None, revoked_at=None).update(revoked_at=now()) == 1


def revoke_token(token: ApiToken) -> bool:
    return ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now()) == 1


def note_use(token: ApiToken) -> bool:
    """Keep when the token was last used; at most once a minute, for a program may ask a thousand times in one."""
    due = Q(last_used_at=None) | Q(last_used_at__lt=now() - USE_NOTED_EVERY)
    return ApiToken.objects.filter(due, pk=token.pk).update(last_used_at=now()) == 1


def note_uses(used: Mapping[str, datetime]) -> None:
    """Keep when tokens, by their digests, were last used elsewhere; as seldom as `note_use`."""
    for digest, at in used.items():
        due = Q(last_used_at=None) | Q(last_used_at__lt=at - USE_NOTED_EVERY)
        ApiToken.objects.filter(due, digest=digest).update(last_used_at=at)

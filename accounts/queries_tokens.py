"""Which API tokens open something, for those who check them without the database at hand."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import ApiToken, Membership
from accounts.roles import Action, roles_allowing


def tokens_allowing(action: Action) -> QuerySet[ApiToken]:
    """Every token, of any workspace, with which `action` is allowed there now; expired ones too.

    Its role allows it, its maker's account is switched on, and so does its maker's present role: what `may` says.
    """
    roles = roles_allowing(action)
    member = Membership.objects.filter(workspace=OuterRef("workspace"), user=OuterRef("user"), role__in=roles)
    rows = ApiToken.objects.filter(revoked_at=None, user__is_active=True, role__in=roles)
    return rows.filter(Q(user__is_superuser=True) | Exists(member))

"""Members, invitations and API tokens: what a user may see of them, and the pages of their lists."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from django.db.models import DateTimeField, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils.timezone import now

from accounts.digests import SHOWN, TOKEN_MARK, digest_of
from accounts.keyset import Slice, slice_of
from accounts.models import ApiToken, Invitation, Membership, Workspace
from accounts.queries import Person, may, workspaces_for
from accounts.queries_lists import ListFilter, order_of, sorts_of
from accounts.roles import Action

PAGE_SIZE = 25
# Where nothing is known an order still needs a value.
NEVER = Value(datetime(1970, 1, 1, tzinfo=UTC), DateTimeField())
MEMBER_ORDERS = {
    "name": ("username",),
    "role": ("role", "id"),
    "since": ("since_at", "id"),
    "signed_in": ("signed_in_at", "id"),
}
TOKEN_ORDERS = {
    "name": ("name", "id"),
    "who": ("username", "id"),
    "created_at": ("created_at", "id"),
    "used": ("used_at", "id"),
}


@dataclass(frozen=True)
class MemberFilter(ListFilter):
    """`q` is part of a name or of an address."""

    sort: str = "name"

    known: ClassVar[Mapping[str, frozenset[str]]] = {"sort": sorts_of(MEMBER_ORDERS)}


@dataclass(frozen=True)
class TokenFilter(ListFilter):
    """`q` is part of the token's name or of its maker's, or the beginning of the token itself."""

    sort: str = "-created_at"

    known: ClassVar[Mapping[str, frozenset[str]]] = {"sort": sorts_of(TOKEN_ORDERS)}


@dataclass(frozen=True)
class MemberPage:
    """`next` and `previous` are cursors for `after` and `before`, empty where there is nothing more."""

    rows: tuple[Membership, ...]
    total: int
    next: str
    previous: str


@dataclass(frozen=True)
class TokenPage:
    """Like MemberPage."""

    rows: tuple[ApiToken, ...]
    total: int
    next: str
    previous: str


def members_for(user: Person) -> QuerySet[Membership]:
    """With user and workspace loaded; whoever is in a workspace may see who else is."""
    return Membership.objects.filter(workspace__in=workspaces_for(user)).select_related("user", "workspace")


def invitations_for(user: Person) -> QuerySet[Invitation]:
    """Those still open in the workspaces that `user` administers."""
    rows = Invitation.objects.filter(workspace__in=workspaces_for(user, Action.MANAGE))
    return rows.filter(used_at=None, revoked_at=None, expires_at__gt=now()).select_related("workspace")


def tokens_for(user: Person) -> QuerySet[ApiToken]:
    """Tokens that were not revoked: one's own, and all of the workspaces that `user` administers."""
    own = Q(user=user.pk, workspace__in=workspaces_for(user))
    managed = Q(workspace__in=workspaces_for(user, Action.MANAGE))
    return ApiToken.objects.filter(own | managed, revoked_at=None).select_related("user", "workspace")


def member_page(members: QuerySet[Membership], wanted: MemberFilter, *, limit: int = PAGE_SIZE) -> MemberPage:
    """A page of `members` (those of one workspace)."""
    names = ("username", "first_name", "last_name", "email")
    rows = members.filter(_contains(wanted.q, *(f"user__{name}" for name in names)))
    listed = rows.annotate(
        username=F("user__username"),
        since_at=Coalesce("created_at", NEVER),
        signed_in_at=Coalesce("user__last_login", NEVER),
    )
    order = order_of(MEMBER_ORDERS, wanted.sort)
    found: Slice[Membership] = slice_of(listed, order, after=wanted.after, before=wanted.before, limit=limit)
    return MemberPage(found.rows, rows.count(), found.next, found.previous)


def token_page(tokens: QuerySet[ApiToken], wanted: TokenFilter, *, limit: int = PAGE_SIZE) -> TokenPage:
    """A page of `tokens` (those of one workspace)."""
    if wanted.q.startswith(TOKEN_MARK):  # Somebody who found one asks whose it is; that is no place for all of it.
        rows = tokens.filter(prefix__startswith=wanted.q[:SHOWN])
    else:
        rows = tokens.filter(_contains(wanted.q, "name", "user__username"))
    listed = rows.annotate(username=F("user__username"), used_at=Coalesce("last_used_at", NEVER))
    order = order_of(TOKEN_ORDERS, wanted.sort)
    found: Slice[ApiToken] = slice_of(listed, order, after=wanted.after, before=wanted.before, limit=limit)
    return TokenPage(found.rows, rows.count(), found.next, found.previous)


def _contains(text: str, *columns: str) -> Q:
    condition = Q()
    for column in columns if text else ():
        condition |= Q(**{f"{column}__icontains": text})
    return condition


def open_invitation(secret: str) -> Invitation | None:
    """The invitation behind a link, while somebody may accept it: who made it must still be an administrator."""
    rows = Invitation.objects.filter(digest=digest_of(secret), used_at=None, revoked_at=None, expires_at__gt=now())
    found = rows.select_related("workspace", "created_by").first()
    return found if found is not None and still_stands(found) else None


def still_stands(invitation: Invitation) -> bool:
    """Whether the person who made it could make it today."""
    maker = invitation.created_by
    return maker is not None and maker.is_active and may(maker, Action.MANAGE, invitation.workspace)


def token_behind(secret: str) -> ApiToken | None:
    """The token of this secret, expired or not, unless it was revoked or its maker's account is switched off."""
    rows = ApiToken.objects.filter(digest=digest_of(secret), revoked_at=None, user__is_active=True)
    return rows.select_related("user", "workspace").first()


def role_of(user: Person, workspace: Workspace) -> str:
    """The role of `user` as a member; empty for everybody else, operators included."""
    return Membership.objects.filter(workspace=workspace, user=user.pk).values_list("role", flat=True).first() or ""

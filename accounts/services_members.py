"""Commands on members: give another role, remove. A workspace always keeps somebody who may administer it."""

from collections.abc import Collection

from django.db import transaction

from accounts.errors import LastAdministrator
from accounts.models import Membership, User, Workspace
from accounts.roles import Role, includes
from accounts.services import follow_membership


@transaction.atomic
def change_role(membership: Membership, role: Role, *, by: User) -> bool:
    """Give a member another role; False when nothing was to change. Raises LastAdministrator."""
    before = _held(membership)
    if before is None or before == role:
        return False
    _check_somebody_stays(membership, before)
    Membership.objects.filter(pk=membership.pk).update(role=role)
    membership.role = role
    follow_membership(membership, by=by, before=before)
    return True


@transaction.atomic
def remove_member(membership: Membership, *, by: User) -> bool:
    """Take a person out of the workspace and revoke their tokens there; what they made stays.

    False when they were out already. Raises LastAdministrator.
    """
    before = _held(membership)
    if before is None:
        return False
    _check_somebody_stays(membership, before)
    Membership.objects.filter(pk=membership.pk).delete()
    follow_membership(membership, by=by, removed=True)
    return True


@transaction.atomic
def raise_role(workspace: Workspace, user: User, role: str, *, by: User) -> bool:
    """Make `user` a member with this role; a member keeps a role that allows something this one does not.

    Returns whether anything changed.
    """
    hold_members(workspace.pk)
    membership, made = Membership.objects.get_or_create(workspace=workspace, user=user, defaults={"role": role})
    before = "" if made else membership.role
    if before and (before == role or not includes(role, before)):
        return False
    if before:
        Membership.objects.filter(pk=membership.pk).update(role=role)
        membership.role = role
    follow_membership(membership, by=by, before=before)
    return True


def hold_members(workspace: int) -> None:
    """Until the transaction ends: changes of one workspace's members come one after the other."""
    Workspace.objects.select_for_update().get(pk=workspace)


def last_administrators(workspace: int, leaving: Collection[int]) -> list[Membership]:
    """Those of these memberships that are all the administrators the workspace has; changes there wait meanwhile.

    To be asked in the transaction that ends the memberships.
    """
    hold_members(workspace)
    admins = Membership.objects.filter(workspace=workspace, role=Role.ADMIN, user__is_active=True)
    if admins.exclude(pk__in=leaving).exists():
        return []
    return list(admins.filter(pk__in=leaving).select_related("user", "workspace"))


def _held(membership: Membership) -> str | None:
    """The member's role as it is now."""
    hold_members(membership.workspace_id)
    return Membership.objects.filter(pk=membership.pk).values_list("role", flat=True).first()


def _check_somebody_stays(membership: Membership, role: str) -> None:
    """An administrator whose account is switched off does not count."""
    if role != Role.ADMIN:
        return
    admins = Membership.objects.filter(workspace=membership.workspace_id, role=Role.ADMIN, user__is_active=True)
    if not admins.exclude(pk=membership.pk).exists():
        raise LastAdministrator

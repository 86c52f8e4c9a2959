"""What a user may see and do, asked in one place."""

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from accounts.errors import NotAllowed
from accounts.models import Membership, User, Workspace
from accounts.roles import Action, allowed_by, allows, roles_allowing

Person = User | AnonymousUser


def is_operator(user: Person) -> bool:
    """Whether `user` is above all workspaces; a token never is, whoever made it."""
    return isinstance(user, User) and user.is_superuser and user.acting_token is None


def workspaces_for(user: Person, action: Action = Action.VIEW) -> QuerySet[Workspace]:
    """The workspaces in which `user` may do `action`; every workspace for a superuser (an operator).

    For a token its own workspace alone, and only what both its role and its maker's present one allow.
    """
    if not isinstance(user, User):
        return Workspace.objects.none()
    rows, token = Workspace.objects.all(), user.acting_token
    if token is not None:
        rows = rows.filter(pk=token.workspace_id) if allows(token.role, action) else rows.none()
    if user.is_superuser:
        return rows
    return rows.filter(memberships__user=user, memberships__role__in=roles_allowing(action))


def may(user: Person, action: Action, workspace: Workspace) -> bool:
    return workspaces_for(user, action).filter(pk=workspace.pk).exists()


def require(user: Person, action: Action, workspace: Workspace) -> None:
    """Raise NotAllowed, which is a PermissionDenied, unless `user` may do `action` in `workspace`."""
    if not may(user, action, workspace):
        raise NotAllowed(action, workspace.name)


def actions_in(user: Person, workspace: Workspace) -> frozenset[Action]:
    """Everything `user` may do in `workspace`, in one query: what a page's controls offer."""
    if not isinstance(user, User):
        return frozenset()
    own = frozenset(Action)
    if not user.is_superuser:
        own = allowed_by(*Membership.objects.filter(workspace=workspace, user=user).values_list("role", flat=True))
    return own & _reach(user, workspace)


def _reach(user: User, workspace: Workspace) -> frozenset[Action]:
    """What the token that acts for `user` leaves of it; everything without one."""
    token = user.acting_token
    if token is None:
        return frozenset(Action)
    return allowed_by(token.role) if token.workspace_id == workspace.pk else frozenset()


def manages_something(user: Person) -> bool:
    """Whether the desk has anything to manage for `user`; an operator also makes the first workspace."""
    return user.is_active and (is_operator(user) or workspaces_for(user, Action.MANAGE).exists())


def people_for(user: Person, action: Action = Action.VIEW) -> QuerySet[User]:
    """Everybody in the workspaces in which `user` may do `action`; everybody at all for a superuser."""
    if is_operator(user):
        return User.objects.all()
    return User.objects.filter(memberships__workspace__in=workspaces_for(user, action)).distinct()


def may_change_person(user: Person, person: User) -> bool:
    """Whether `user` manages every workspace `person` is in; whoever sets a password can enter all of them."""
    if not user.is_authenticated or is_operator(user):
        return user.is_authenticated
    elsewhere = person.memberships.exclude(workspace__in=workspaces_for(user, Action.MANAGE))
    return not person.is_superuser and not elsewhere.exists()

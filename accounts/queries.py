"""What a user may see and do, asked in one place."""

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from accounts.errors import NotAllowed
from accounts.models import Membership, User, Workspace
from accounts.roles import Action, allows, roles_allowing

Person = User | AnonymousUser


def workspaces_for(user: Person, action: Action = Action.VIEW) -> QuerySet[Workspace]:
    """The workspaces in which `user` may do `action`; every workspace for a superuser (an operator)."""
    if not user.is_authenticated:
        return Workspace.objects.none()
    if user.is_superuser:
        return Workspace.objects.all()
    return Workspace.objects.filter(memberships__user=user, memberships__role__in=roles_allowing(action))


def may(user: Person, action: Action, workspace: Workspace) -> bool:
    return workspaces_for(user, action).filter(pk=workspace.pk).exists()


def require(user: Person, action: Action, workspace: Workspace) -> None:
    """Raise NotAllowed, which is a PermissionDenied, unless `user` may do `action` in `workspace`."""
    if not may(user, action, workspace):
        raise NotAllowed(action, workspace.name)


def actions_in(user: Person, workspace: Workspace) -> frozenset[Action]:
    """Everything `user` may do in `workspace`, in one query: what a page's controls offer."""
    if not user.is_authenticated or user.is_superuser:
        return frozenset(Action) if user.is_authenticated else frozenset()
    roles = list(Membership.objects.filter(workspace=workspace, user=user).values_list("role", flat=True))
    return frozenset(action for action in Action for role in roles if allows(role, action))


def manages_something(user: Person) -> bool:
    """Whether the desk has anything to manage for `user`; an operator also makes the first workspace."""
    return user.is_active and (user.is_superuser or workspaces_for(user, Action.MANAGE).exists())


def people_for(user: Person, action: Action = Action.VIEW) -> QuerySet[User]:
    """Everybody in the workspaces in which `user` may do `action`; everybody at all for a superuser."""
    if user.is_authenticated and user.is_superuser:
        return User.objects.all()
    return User.objects.filter(memberships__workspace__in=workspaces_for(user, action)).distinct()


def may_change_person(user: Person, person: User) -> bool:
    """Whether `user` manages every workspace `person` is in; whoever sets a password can enter all of them."""
    if not user.is_authenticated or user.is_superuser:
        return user.is_authenticated
    elsewhere = person.memberships.exclude(workspace__in=workspaces_for(user, Action.MANAGE))
    return not person.is_superuser and not elsewhere.exists()

"""Which buckets and registries a person sees."""

from django.db.models import QuerySet

from accounts.models import Workspace
from accounts.queries import Person, workspaces_for
from accounts.roles import Action
from stores.models import Bucket, RegistryConnection


def buckets_for(user: Person, workspace: Workspace | None, action: Action = Action.VIEW) -> QuerySet[Bucket]:
    """The buckets of one workspace in which `user` may do `action`; none without a workspace."""
    return Bucket.objects.filter(workspace=workspace, workspace__in=workspaces_for(user, action))


def registries_for(
    user: Person, workspace: Workspace | None, action: Action = Action.VIEW
) -> QuerySet[RegistryConnection]:
    """The registries one workspace is connected to, if `user` may do `action` in it; none without a workspace."""
    return RegistryConnection.objects.filter(workspace=workspace, workspace__in=workspaces_for(user, action))

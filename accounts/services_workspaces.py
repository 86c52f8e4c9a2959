"""Commands on workspaces: make one, rename it, say what needs approval and what is allowed in it."""

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction

from accounts.errors import WorkspaceNameTaken
from accounts.models import Membership, User, Workspace
from accounts.queries import is_operator, require
from accounts.roles import Action, Role
from accounts.services import follow_membership, record_audit

POLICIES = ("approval_to_publish", "approval_to_deploy", "four_eyes", "source_builds")


@dataclass(frozen=True)
class WorkspaceSettings:
    name: str
    approval_to_publish: bool
    approval_to_deploy: bool
    four_eyes: bool
    source_builds: bool = False


def create_workspace(*, name: str, by: User) -> Workspace:
    """Make a workspace with `by` as its administrator; for operators alone. Raises WorkspaceNameTaken."""
    if not is_operator(by):
        raise PermissionDenied
    try:
        with transaction.atomic():
            workspace = Workspace.objects.create(name=name)
            record_audit(workspace, "workspace.created", by=by, name=name)
            membership = Membership.objects.create(workspace=workspace, user=by, role=Role.ADMIN)
            follow_membership(membership, by=by)
    except IntegrityError as error:
        raise WorkspaceNameTaken from error
    return workspace


def change_workspace(workspace: Workspace, wanted: WorkspaceSettings, *, by: User) -> bool:
    """Set the name and the policies; returns whether anything changed. Raises WorkspaceNameTaken and NotAllowed."""
    require(by, Action.MANAGE, workspace)
    try:
        with transaction.atomic():
            return _change(Workspace.objects.select_for_update().get(pk=workspace.pk), wanted, by=by)
    except IntegrityError as error:
        raise WorkspaceNameTaken from error


def _change(workspace: Workspace, wanted: WorkspaceSettings, *, by: User) -> bool:
    values = {name: getattr(wanted, name) for name in ("name", *POLICIES)}
    changed = {name: [getattr(workspace, name), value] for name, value in values.items()}
    changed = {name: pair for name, pair in changed.items() if pair[0] != pair[1]}
    for name, (_before, after) in changed.items():
        setattr(workspace, name, after)
    workspace.save(update_fields=list(changed))
    if renamed := changed.pop("name", None):
        record_audit(workspace, "workspace.renamed", by=by, before=renamed[0], after=renamed[1])
    if changed:
        record_audit(workspace, "workspace.policies_changed", by=by, changed=changed)
    return bool(renamed or changed)

"""How accounts says no."""

from django.core.exceptions import PermissionDenied


class NotAllowed(PermissionDenied):
    """The person may look, but no role of theirs in the workspace of this name allows the action."""

    def __init__(self, action: str, workspace: str) -> None:
        super().__init__(action)
        self.action = action
        self.workspace = workspace


class LastAdministrator(Exception):
    """The workspace would be left without anybody who may administer it."""


class InvitationClosed(Exception):
    """It was used, revoked or has expired, or who made it is no administrator any more."""


class RoleTooHigh(Exception):
    """The role allows more than the person who asks may do themselves."""


class WorkspaceNameTaken(Exception):
    """Another workspace has this name."""

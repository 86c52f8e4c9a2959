"""How accounts says no."""

from django.core.exceptions import PermissionDenied


class NotAllowed(PermissionDenied):
    """The person may look, but no role of theirs in the workspace of this name allows the action."""

    def __init__(self, action: str, workspace: str) -> None:
        super().__init__(action)
        self.action = action
        self.workspace = workspace

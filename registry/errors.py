"""How the registry says no, and how keeping bytes in the artifact store fails."""

from typing import Any


class ReviewRefused(Exception):
    """This cannot be decided, or not by this person: `code` says why, `params` fill its message."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


class UseRefused(Exception):
    """A version may not be published or deployed: `code` says why, `params` fill its message."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


class ArtifactStoreUnavailable(Exception):
    """The artifact store did not take or give the bytes: the same request may succeed later."""


class ArtifactStoreFull(ArtifactStoreUnavailable):
    """There is no room left in the artifact store; somebody has to make some."""


class ArtifactTooLarge(Exception):
    """More bytes came than the caller allowed; nothing of them was kept."""

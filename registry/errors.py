"""How keeping bytes in the artifact store fails."""


class ArtifactStoreUnavailable(Exception):
    """The artifact store did not take or give the bytes: the same request may succeed later."""


class ArtifactStoreFull(ArtifactStoreUnavailable):
    """There is no room left in the artifact store; somebody has to make some."""


class ArtifactTooLarge(Exception):
    """More bytes came than the caller allowed; nothing of them was kept."""

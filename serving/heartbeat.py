"""How a worker shows that it lives while it prepares a version, and learns that it is no longer its own."""

from datetime import timedelta
from time import monotonic

from django.conf import settings

from registry import preparation, shutdown
from registry.models import ModelVersion
from serving import transitions_environments as transitions
from serving.errors import PreparationLost
from serving.models import Environment


def lease() -> timedelta:
    return timedelta(seconds=settings.BUILD_LEASE_SECONDS)


class Heartbeat:
    """Renews the claim on a version, and on the `environment` that is built for it, every BUILD_HEARTBEAT_SECONDS.

    Raises PreparationLost once one of them is not this worker's any more, also because it hands the version back when
    the worker was asked to stop.
    """

    def __init__(self, version: ModelVersion) -> None:
        self.environment: Environment | None = None
        self._version = version
        self._wait()

    def beat(self) -> None:
        """Costs nothing until it is time again."""
        if monotonic() >= self._due:
            self.renew()

    def renew(self) -> None:
        """Make sure at once."""
        if shutdown.asked():
            preparation.hand_back(self._version)
            raise PreparationLost
        self.hold()
        if self.environment is not None and not transitions.renew(self.environment):
            raise PreparationLost
        self._wait()

    def hold(self) -> None:
        """Renew the claim on the version alone; for a transaction, which must not hand it back and then fail."""
        if not preparation.renew(self._version, lease=lease()):
            raise PreparationLost

    def _wait(self) -> None:
        self._due = monotonic() + settings.BUILD_HEARTBEAT_SECONDS

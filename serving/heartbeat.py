"""How a worker shows that it lives while it builds for a version, and learns that it is no longer its own."""

from datetime import timedelta
from time import monotonic
from typing import Protocol

from django.conf import settings

from registry import preparation, shutdown
from registry.models import ModelVersion
from serving import transitions_environments as transitions
from serving import transitions_making
from serving.errors import PreparationLost
from serving.models import Environment, VersionEnvironment


def lease() -> timedelta:
    return timedelta(seconds=settings.BUILD_LEASE_SECONDS)


class Claim(Protocol):
    """What a worker holds while it builds. `renew` says False once it is somebody else's."""

    def renew(self) -> bool: ...

    def hand_back(self) -> bool: ...


class Preparation:
    """The claim on a version in Building."""

    def __init__(self, version: ModelVersion) -> None:
        self._version = version

    def renew(self) -> bool:
        return preparation.renew(self._version, lease=lease())

    def hand_back(self) -> bool:
        return preparation.hand_back(self._version)


class MakingClaim:
    """The claim on the environment that is made for a Normal version."""

    def __init__(self, record: VersionEnvironment) -> None:
        self._record = record

    def renew(self) -> bool:
        return transitions_making.renew(self._record)

    def hand_back(self) -> bool:
        return transitions_making.hand_back(self._record)


class Heartbeat:
    """Renews a claim, and that on the `environment` that is built under it, every BUILD_HEARTBEAT_SECONDS.

    Raises PreparationLost once one of them is not this worker's any more, also because it hands the first one back when
    the worker was asked to stop.
    """

    def __init__(self, claim: Claim) -> None:
        self.environment: Environment | None = None
        self._claim = claim
        self._wait()

    def beat(self) -> None:
        """Costs nothing until it is time again."""
        if monotonic() >= self._due:
            self.renew()

    def renew(self) -> None:
        """Make sure at once."""
        if shutdown.asked():
            self._claim.hand_back()
            raise PreparationLost
        self.hold()
        if self.environment is not None and not transitions.renew(self.environment):
            raise PreparationLost
        self._wait()

    def hold(self) -> None:
        """Renew the first claim alone; for a transaction, which must not hand it back and then fail."""
        if not self._claim.renew():
            raise PreparationLost

    def _wait(self) -> None:
        self._due = monotonic() + settings.BUILD_HEARTBEAT_SECONDS

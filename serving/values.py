"""What commands on services take."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID, uuid4

DEFAULT_TIMEOUT = 20  # minutes
TIMEOUTS = (3, 120)
LONGEST_DESCRIPTION = 100
AUTO_STOP_HOURS = (1, 24)
HOUR = 3600


@dataclass(frozen=True)
class Deployment:
    """How a version is to be deployed; with the `uuid` of a form that was sent twice there is still one service."""

    name: str
    specification: str
    description: str = ""
    auto_stop_seconds: int | None = HOUR
    instances: int = 1
    variables: Mapping[str, str] = field(default_factory=dict)
    timeout: int = DEFAULT_TIMEOUT
    uuid: UUID = field(default_factory=uuid4)

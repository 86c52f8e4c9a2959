"""What the gateway is told when it starts."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Places, sizes in bytes and times in seconds.

    `seconds` is for a call from its head to the first byte of its answer, and again for each further piece of that;
    `answer_seconds` for all of the answer. `calls` is how many an instance is given at once, the one it works on
    included; `uploads` how many bodies may be on their way to a service.
    """

    host: str
    port: int
    snapshot: Path
    spool: Path
    body_bytes: int = 12 * 1024 * 1024
    head_bytes: int = 12 * 1024
    headers: int = 90
    seconds: float = 40
    answer_seconds: float = 600
    head_seconds: float = 10
    idle_seconds: float = 75
    connections: int = 1024
    calls: int = 16
    uploads: int = 64
    look_seconds: float = 0.1
    flush_seconds: float = 1.0

"""What instances wrote, as their supervisor keeps it: one file for each, bounded."""

from collections import deque
from pathlib import Path

from django.conf import settings

from serving.models import Instance


def path_of(instance: Instance) -> Path:
    return Path(settings.DATA) / "serving" / "logs" / f"{instance.uuid}.log"


def tail(instance: Instance, lines: int) -> list[str]:
    """The last lines; none while nothing was written."""
    try:
        with path_of(instance).open(encoding="utf-8", errors="replace") as file:
            return [line.rstrip("\n") for line in deque(file, maxlen=lines)]
    except OSError:
        return []

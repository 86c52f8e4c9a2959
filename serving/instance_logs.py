"""Where the log of an instance lies on its host, and its last lines."""

from pathlib import Path

from django.conf import settings

from serving.models import Instance

_MOST_BYTES = 256 * 1024


def path_of(instance: Instance) -> Path:
    return Path(settings.DATA) / "instances" / str(instance.uuid) / "log"


def tail(instance: Instance, lines: int) -> list[str]:
    """The last lines of its log, none when there is no log on this host."""
    try:
        with path_of(instance).open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _MOST_BYTES))
            return file.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        return []

"""What the gateway has counted, taken into the database."""

from pathlib import Path

from django.conf import settings


def spool_folder() -> Path:
    """Where the gateway of this host leaves what it has counted."""
    folder: Path = settings.DATA / "run" / "calls"
    return folder

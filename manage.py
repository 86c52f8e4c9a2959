#!/usr/bin/env python
"""Django's command line for Modelport."""

import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError

NO_CONSOLE = ("unable to open database file", "no such table")


def database_trouble(error: OperationalError) -> str:
    """What to do about a database that is not there, in one sentence; empty where it is something else."""
    reason = " ".join(str(error).split())
    if settings.DATABASES["default"]["ENGINE"] != "django.db.backends.sqlite3":
        # What a server says has a code; without one there was none that answered.
        answered = getattr(error.__cause__, "sqlstate", None)
        return "" if answered else f"the database does not answer: check DATABASE_URL ({reason})"
    if not reason.startswith(NO_CONSOLE):
        return ""
    wanted = "DATABASE_URL" if os.environ.get("DATABASE_URL") else "MODELPORT_DATA"
    return f"no console keeps its data in {settings.DATA} ({reason}): set {wanted} as it was set for `make run`"


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.stderr.write(f"modelport: {error}\n")
        sys.exit(2)
    except OperationalError as error:
        if not (told := database_trouble(error)):
            raise
        sys.stderr.write(f"modelport: {told}\n")
        sys.exit(1)

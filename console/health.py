"""Whether the parts the console stands on answer: what /readyz reports."""

from collections.abc import Callable

from celery import current_app
from django.db import connection

from registry.artifacts import check_store

PATIENCE = 2


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _broker() -> None:
    with current_app.connection_for_write(connect_timeout=PATIENCE) as broker:
        broker.ensure_connection(max_retries=1, timeout=PATIENCE, interval_start=0)


PARTS: dict[str, Callable[[], None]] = {
    "database": _database,
    "broker": _broker,
    "artifact store": check_store,  # Writing is what fails when a disk is full, so a byte is written.
}


def parts_down() -> dict[str, str]:
    """The parts that do not answer, each with the kind of its failure and no more: anybody may ask."""
    down = {}
    for name, ask in PARTS.items():
        try:
            ask()
        except Exception as error:
            down[name] = type(error).__name__
    return down

"""Whether the parts the console stands on answer: what /readyz reports."""

from collections.abc import Callable

from celery import current_app
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connection

PATIENCE = 2


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _broker() -> None:
    with current_app.connection_for_write(connect_timeout=PATIENCE) as broker:
        broker.ensure_connection(max_retries=1, timeout=PATIENCE, interval_start=0)


def _artifact_store() -> None:
    """Writing is what fails when a disk is full or read-only, so a byte is written."""
    storage = storages["artifacts"]
    name = storage.save("readyz", ContentFile(b"?"))
    storage.delete(name)


PARTS: dict[str, Callable[[], None]] = {
    "database": _database,
    "broker": _broker,
    "artifact store": _artifact_store,
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

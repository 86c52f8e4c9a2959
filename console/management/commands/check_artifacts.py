"""`manage.py check_artifacts`: whether every file of every version is in the artifact store, as after a restore."""

import hashlib
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand

from registry import artifacts
from registry.artifacts import Stored
from registry.errors import ArtifactStoreUnavailable
from registry.models import StoredFile

BATCH = 500
BLOCK = 1024 * 1024


class Command(BaseCommand):
    help = "Looks for every stored file in the artifact store. Exit 0: all are there; 1: those printed are not."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--read", action="store_true", help="read each file and compare its SHA-256, too")

    def handle(self, *args: Any, **options: Any) -> None:
        count, wrong = 0, 0
        for batch in _batches(StoredFile.objects.order_by().values_list("sha256", "size").distinct().iterator()):
            lost = artifacts.missing(batch)
            if options["read"]:
                lost |= {each.sha256 for each in batch if each.sha256 not in lost and not _reads_as_it_should(each)}
            for sha256 in sorted(lost):
                self._say_lost(sha256)
            count, wrong = count + len(batch), wrong + len(lost)
        self.stdout.write(f"{count} files are kept, {wrong} of them are missing or damaged.")
        sys.exit(1 if wrong else 0)

    def _say_lost(self, sha256: str) -> None:
        for file in StoredFile.objects.filter(sha256=sha256).select_related("version__model"):
            version = file.version
            self.stdout.write(f"missing or damaged: {version.model.name} {version.number} {file.path} ({sha256})")


def _batches(rows: Iterable[tuple[str, int]]) -> Iterator[list[Stored]]:
    stored = (Stored(sha256, size) for sha256, size in rows)
    while batch := list(islice(stored, BATCH)):
        yield batch


def _reads_as_it_should(stored: Stored) -> bool:
    digest = hashlib.sha256()
    try:
        with artifacts.open_artifact(stored.sha256) as file:
            while block := file.read(BLOCK):
                digest.update(block)
    except (ArtifactStoreUnavailable, OSError):
        return False
    return digest.hexdigest() == stored.sha256

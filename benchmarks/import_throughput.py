"""Importing without the scan, against reading, hashing, writing and syncing the same files by hand in the same run.

    python -m benchmarks.import_throughput

Prints the ratio: 1.0 is as fast as by hand; 0.7 is wanted.
"""

import hashlib
import os
import shutil
import time
from pathlib import Path
from statistics import median

from benchmarks.importing import DATA, MEBIBYTE, prepare, submit, write_package
from importers import pipeline
from importers.models import ImportJob, State
from importers.scanner import ScanReport
from registry.models import ModelVersion

SHAPES = [("one large file", 1, 512 * MEBIBYTE), ("many small files", 2000, 128 * 1024)]
ROUNDS = 5


def by_hand(model: Path) -> float:
    """Seconds for SHA-256, a copy and fsync of every file, one after the other."""
    target = DATA / "by-hand"
    target.mkdir()
    start = time.perf_counter()
    for number, path in enumerate(sorted(path for path in model.rglob("*") if path.is_file())):
        digest = hashlib.sha256()
        with path.open("rb") as source, (target / str(number)).open("wb") as copy:
            while chunk := source.read(MEBIBYTE):
                digest.update(chunk)
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
    seconds = time.perf_counter() - start
    shutil.rmtree(target)
    return seconds


def by_pipeline(name: str) -> float:
    """Seconds from claim to hand-over; leaves nothing that would make the next import cheaper."""
    job = submit(name)
    start = time.perf_counter()
    pipeline.run(job)
    seconds = time.perf_counter() - start
    assert ImportJob.objects.get(pk=job.pk).state == State.SUCCEEDED
    ModelVersion.objects.all().delete()
    shutil.rmtree(DATA / "artifacts")
    return seconds


def main() -> None:
    prepare()
    pipeline.scan = lambda *arguments: ScanReport("clean", (), (), {})
    for label, files, size in SHAPES:
        name = label.replace(" ", "-")
        model = write_package(name, files=files, size=size)
        rounds = [(by_hand(model), by_pipeline(name)) for _ in range(ROUNDS)]
        # Other work on the disk slows both sides of a round alike, so the ratio is taken round by round.
        ratio = median(hand / imported for hand, imported in rounds)
        hand, imported = (median(side) for side in zip(*rounds, strict=True))
        total = files * size / MEBIBYTE
        print(
            f"{label}, {total:.0f} MiB: by hand {total / hand:.0f} MiB/s, imported {total / imported:.0f} MiB/s, "
            f"ratio {ratio:.2f} (wanted: 0.70)",
            flush=True,
        )


if __name__ == "__main__":
    main()

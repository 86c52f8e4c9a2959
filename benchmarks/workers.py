"""Four workers against one on 40 imports of 200 MB, scan and all, with PostgreSQL and a broker of their own.

    python -m benchmarks.workers [--imports 40] [--megabytes 200] [--workers 4]

The ratio says how many times as fast they are together; no more is to be had than the machine has cores.
"""

import argparse
import os
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from tests.faults import Installation, await_that  # noqa: E402
from tests.importers.jobs import GOOD  # noqa: E402
from tests.postgres import server  # noqa: E402

MEGABYTE = 1000 * 1000
USUAL = {
    "MODELPORT_IMPORT_LEASE_SECONDS": "60",
    "MODELPORT_IMPORT_HEARTBEAT_SECONDS": "1",
    "MODELPORT_IMPORT_SWEEP_SECONDS": "10",
}


def write_package(bucket, name, megabytes):
    """Weights and one file whose beginning is its own; the rest is a hole, which takes no room in the bucket."""
    for path, content in (GOOD | {"model/data/large.bin": os.urandom(MEGABYTE)}).items():
        target = bucket / name / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    os.truncate(bucket / name / "model/data/large.bin", megabytes * MEGABYTE)


def measured(workers, imports, megabytes):
    """Seconds for all imports, from the first that is queued to the last that has ended."""
    with server() as database, Installation(database, **USUAL) as installation:
        installation("make_place", "packages", {})
        bucket = installation.data / "buckets" / "packages"
        names = [f"large-{number:02}" for number in range(imports)]
        for name in names:
            write_package(bucket, name, megabytes)
        for number in range(workers):
            write_package(bucket, f"warm-{number}", 1)
            installation.start("worker")
        installation("submit_many", [f"warm-{number}" for number in range(workers)], "packages")
        await_that(lambda: not installation("unfinished"), 60)
        start = time.perf_counter()
        installation("submit_many", names, "packages")
        await_that(lambda: not installation("unfinished"), 3600)
        seconds = time.perf_counter() - start
        assert installation("states") == ["succeeded"]
        return seconds


def main():
    parser = argparse.ArgumentParser()
    for name, usual in (("imports", 40), ("megabytes", 200), ("workers", 4)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    wanted = parser.parse_args()
    taken = {workers: measured(workers, wanted.imports, wanted.megabytes) for workers in (1, wanted.workers)}
    total = wanted.imports * wanted.megabytes
    for workers, seconds in taken.items():
        print(f"{workers} workers: {seconds:.1f} s, {total / seconds:.0f} MB/s")
    print(
        f"{wanted.workers} workers are {taken[1] / taken[wanted.workers]:.2f} times as fast as one, "
        f"on {os.cpu_count()} cores"
    )


if __name__ == "__main__":
    main()

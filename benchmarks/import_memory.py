"""How much more memory a worker takes for a package of 2 GB than for one of 10 MB, its scan included.

    python -m benchmarks.import_memory

Each package is imported in a process of its own, whose peak is read from the kernel. Less than 64 MB is wanted.
"""

import subprocess
import sys
from pathlib import Path

from benchmarks.importing import prepare, submit, write_package
from importers import pipeline
from importers.models import ImportJob, State

MEGABYTE = 1000 * 1000
SMALL, LARGE = 10 * MEGABYTE, 2000 * MEGABYTE


def peak() -> int:
    """The most bytes this process ever had in memory."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def import_one(size: int) -> None:
    """Import a package in this process, as a worker does, and print the peak."""
    prepare()
    write_package("package", files=1, size=size, sparse=True)
    job = submit("package")
    pipeline.run(job)
    assert ImportJob.objects.get(pk=job.pk).state == State.SUCCEEDED
    print(peak())


def measured(size: int) -> int:
    command = [sys.executable, "-m", "benchmarks.import_memory", str(size)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    small, large = measured(SMALL), measured(LARGE)
    print(
        f"worker peak {small / MEGABYTE:.0f} MB for 10 MB, {large / MEGABYTE:.0f} MB for 2 GB: "
        f"growth {(large - small) / MEGABYTE:.1f} MB (wanted: less than 64 MB), ratio {large / small:.2f}"
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        import_one(int(sys.argv[1]))
    else:
        main()

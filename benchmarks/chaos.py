"""Four workers and 200 imports while workers, the broker and PostgreSQL are killed and restarted for three minutes.

    python -m benchmarks.chaos [--seconds 180] [--imports 200] [--workers 4] [--seed 1] [--folders]

Bytes come from and go to a SeaweedFS, with --folders the disk. Says what was killed how often and how the imports
ended; the exit code is 1 unless all of them ended right.
"""

import argparse
import os
import sys
from contextlib import nullcontext

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from tests import chaos, seaweedfs  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser()
    for name, usual in (("seconds", 180), ("imports", 200), ("workers", 4), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--folders", action="store_true")
    wanted = vars(parser.parse_args())
    with nullcontext() if wanted.pop("folders") else seaweedfs.server() as s3:
        outcome = chaos.run(**wanted, s3=s3)
    print(outcome)
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

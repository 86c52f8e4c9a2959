"""The lists of the review desk at 100 and 10,000 models of five versions: queries, and p50 on a kept connection.

    python -m benchmarks.desk                                        (a PostgreSQL of its own)
    DATABASE_URL=sqlite:////tmp/d.sqlite3 python -m benchmarks.desk  (that database, which is empty)

The workspaces lie in one database and take turns: a reviewer of each, and an operator who sees both.
"""

import os
import subprocess
import sys

from tests import postgres

if __name__ == "__main__" and "DATABASE_URL" not in os.environ:
    with postgres.server() as url:
        command = [sys.executable, "-m", "benchmarks.desk"]
        sys.exit(subprocess.run(command, env=os.environ | {"DATABASE_URL": url}, check=False).returncode)

import shutil
import statistics
from datetime import timedelta

from benchmarks import model_list as bench

DATA = bench.DATA  # Django is set up from here on.

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils.timezone import now  # noqa: E402

from accounts.models import Membership, User, Workspace  # noqa: E402
from accounts.services import follow_memberships  # noqa: E402
from registry.models import ModelVersion, Review, ReviewState  # noqa: E402

SIZES = (100, 10_000)
ROUNDS = 30
REACH = 1.5
MOST_QUERIES = 16
WAITING = 50
OPERATOR = 0
ADDRESSES = {
    "overview": "/admin/",
    "queue": "/admin/registry/review/",
    "queue, all": "/admin/registry/review/?review=all",
    "queue, approved": "/admin/registry/review/?review=approved",
    "queue, searched": "/admin/registry/review/?q=model-0000",
    "versions": "/admin/registry/modelversion/",
    "versions, Normal": "/admin/registry/modelversion/?status__exact=published",
    "models": "/admin/registry/registeredmodel/",
    "judging": "/admin/registry/review/{review}/change/",
}


def fill(size: int) -> tuple[str, int]:
    """A workspace as `model_list` makes it, a review for every version, of which the same number await a decision."""
    bench.fill(size)
    workspace = Workspace.objects.get(name=f"bench-{size}")
    reviewer = User.objects.create_user(f"rita-{size}")
    Membership.objects.create(workspace=workspace, user=reviewer, role="reviewer")
    follow_memberships(reviewer)
    versions = ModelVersion.objects.filter(model__workspace=workspace)
    versions.update(review=ReviewState.APPROVED)
    keys = list(versions.order_by("pk").values_list("pk", flat=True))
    waiting = keys[:: max(1, len(keys) // WAITING)][:WAITING]
    ModelVersion.objects.filter(pk__in=waiting).update(review=ReviewState.REQUESTED)
    began = now() - timedelta(days=30)
    Review.objects.bulk_create(
        (
            Review(version_id=pk, requested_by_name="ann", requested_at=began + timedelta(seconds=i), decided_at=began)
            for i, pk in enumerate(keys)
        ),
        batch_size=500,
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    return bench.session_of(reviewer), Review.objects.get(version_id=waiting[len(waiting) // 2]).pk


def measure(readers: dict[int, bench.Reader], addresses: dict[int, str]) -> dict[int, float]:
    for who, reader in readers.items():
        for _ in range(3):
            reader.seconds(addresses[who])
    taken: dict[int, list[float]] = {who: [] for who in readers}
    for _ in range(ROUNDS):
        for who, reader in readers.items():
            taken[who].append(reader.seconds(addresses[who]))
    return {who: statistics.median(values) for who, values in taken.items()}


def main() -> int:
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    people = {size: fill(size) for size in SIZES}
    people[OPERATOR] = bench.session_of(User.objects.create_superuser("root")), people[SIZES[-1]][1]
    good = True
    with bench.server() as port:
        readers = {who: bench.Reader(port, session) for who, (session, _review) in people.items()}
        for label, pattern in ADDRESSES.items():
            addresses = {who: pattern.format(review=review) for who, (_session, review) in people.items()}
            counts = {who: bench.queries(people[who][0], addresses[who]) for who in SIZES}
            middle = measure(readers, addresses)
            ratio = middle[SIZES[-1]] / middle[SIZES[0]]
            judging = label == "judging"
            few = len(set(counts.values())) == 1 and (judging or max(counts.values()) <= MOST_QUERIES)
            good &= few and ratio <= REACH
            times = "  ".join(f"{size:,} models {middle[size] * 1000:6.1f} ms" for size in SIZES)
            print(f"{label:<18}{counts[SIZES[0]]} queries  {times}  operator {middle[OPERATOR] * 1000:6.1f} ms", end="")
            print(f"  10,000 : 100 = {ratio:.2f}{'' if few and ratio <= REACH else '  TOO MUCH'}", flush=True)
    print(f"database: {connection.vendor}; p50 of {ROUNDS}; the same queries for both, at most {REACH} times: ", end="")
    print("yes" if good else "NO")
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        shutil.rmtree(DATA, ignore_errors=True)

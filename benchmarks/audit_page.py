"""The audit trail at 1,000 and 1,000,000 events: queries, and p50 of its pages on a kept connection as a ratio.

    python -m benchmarks.audit_page                                (SQLite in a folder of its own)
    python -m tests.postgres python -m benchmarks.audit_page       (PostgreSQL)

Both workspaces lie in one database and take turns.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

os.environ.setdefault("DATABASE_URL", f"sqlite:///{tempfile.mkdtemp(prefix='modelport-audit-')}/audit.sqlite3")
from benchmarks.model_list import DATA, Reader, copy_rows, measure, queries, server, session_of

# isort: split

from django.core.management import call_command
from django.db import connection
from django.utils.timezone import now

from accounts.models import AuditEvent, Membership, User, Workspace
from accounts.queries_audit import AuditFilter, audit_page

SIZES = (1_000, 1_000_000)
PEOPLE = 7
CODES = ("addModel", "updateModel", "deleteModel", "version.exported", "storage.uploaded")
REACH = 1.5
ADDRESSES = {
    "first page": "",
    "deep page": "after={deep}",
    "one kind": "what=deleteModel",
    "one kind, deep": "what=deleteModel&after={deep}",
    "one person": "who=person-3",
    "person and kind": "who=person-3&what=deleteModel",
    "some days": "since={since}&until={until}",
    "some days, deep": "since={since}&until={until}&after={deep}",
    "a kind that is rare": "what=workspace.renamed",
    "nobody": "who=nobody",
}


@dataclass(frozen=True)
class Trail:
    """Somebody who may read one workspace's events, and places in the middle of them."""

    session: str
    places: dict[str, str]

    def address(self, query: str) -> str:
        return f"/workspace/audit/?{query.format(**self.places)}"


def fill(size: int) -> Trail:
    """A workspace with `size` events, one a second, of people and kinds in turn, and its administrator."""
    workspace = Workspace.objects.create(name=f"bench-{size}")
    user = User.objects.create_user(f"bench-{size}")
    Membership.objects.create(workspace=workspace, user=user, role="admin")
    params = {"name": "digits", "version": "0.0.1", "field": "description", "before": "a", "after": "b"}
    first = AuditEvent.objects.create(
        workspace=workspace, actor_name="person-0", code="workspace.renamed", params=params
    )
    multiply(first, size)
    events = AuditEvent.objects.filter(workspace=workspace)
    middle = now() - timedelta(seconds=size // 2)
    deep = audit_page(events.filter(at__lte=middle), AuditFilter(), limit=1).next
    days = {"since": f"{middle - timedelta(days=3):%Y-%m-%d}", "until": f"{middle + timedelta(days=1):%Y-%m-%d}"}
    return Trail(session_of(user), {"deep": deep, **days})


def multiply(first: AuditEvent, size: int) -> None:
    """Copy the event in the database itself until there are `size`."""
    series = f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {size - 1}) SELECT n FROM s) s"
    codes = " ".join(f"WHEN {i} THEN '{code}'" for i, code in enumerate(CODES))
    postgres = connection.vendor == "postgresql"
    earlier = (
        "now() - n * interval '1 second'" if postgres else "strftime('%Y-%m-%d %H:%M:%f', 'now', -n || ' seconds')"
    )
    changes = {
        "actor_name": f"'person-' || CAST(n % {PEOPLE} AS text)",
        "code": f"CASE n % {len(CODES)} {codes} END",
        "at": earlier,
    }
    copy_rows(AuditEvent, changes, f"{series} WHERE old.id = {first.pk}")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE accounts_auditevent" if postgres else "ANALYZE")


def report(label: str, taken: dict[int, list[float]], counts: dict[int, int]) -> bool:
    middle = {size: statistics.median(values) for size, values in taken.items()}
    ratio = middle[SIZES[-1]] / middle[SIZES[0]]
    times = "   ".join(f"{size:>9,} events {middle[size] * 1000:6.1f} ms" for size in SIZES)
    good = ratio <= REACH and len(set(counts.values())) == 1
    print(
        f"{label:<20}{times}   ratio {ratio:5.2f}   {counts[SIZES[-1]]} queries{'' if good else '   TOO MUCH'}",
        flush=True,
    )
    return good


def main() -> int:
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    start = time.perf_counter()
    trails = {size: fill(size) for size in SIZES}
    print(f"{connection.vendor}, filled in {time.perf_counter() - start:.0f} s; p50 of 100 requests", flush=True)
    good = True
    with server() as port:
        readers = {size: Reader(port, trail.session) for size, trail in trails.items()}
        for label, query in ADDRESSES.items():
            addresses = {size: trail.address(query) for size, trail in trails.items()}
            counts = {size: queries(trail.session, addresses[size]) for size, trail in trails.items()}
            good &= report(label, measure(readers, addresses), counts)
    print(f"the same number of queries for both, p50 at most {REACH} times: {'yes' if good else 'NO'}")
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        shutil.rmtree(DATA, ignore_errors=True)
        if os.environ["DATABASE_URL"].startswith("sqlite:"):
            shutil.rmtree(Path(os.environ["DATABASE_URL"].removeprefix("sqlite:///")).parent, ignore_errors=True)

"""The rows that stand between imports and a sweep of object storage: what is wanted is never doomed."""

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.timezone import now

from registry.artifacts_base import BATCH
from registry.models import Blob, StoredFile

# A sweep deletes what it doomed at once, or not at all: after STALE it is taken for dead.
DELETE_WITHIN = timedelta(minutes=5)
STALE = timedelta(minutes=10)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def want(names: Collection[str], *, create: bool) -> set[str]:
    """Mark bytes as wanted now; those that cannot be, because a sweep removes them or (unless `create`) did so.

    Rows are taken in one order everywhere, so that nobody waits in a circle.
    """
    lost: set[str] = set()
    for batch in batches(names):
        lost |= _mark(batch, create=create)
    return lost


def doom(candidates: Collection[str], since: datetime) -> tuple[set[str], datetime]:
    """Take what no version refers to and nobody wanted since then out of everybody's reach, at the time answered."""
    unused = set(candidates) - _referred(candidates) - _wanted(candidates, since)
    Blob.objects.bulk_create([Blob(sha256=name, wanted_at=NEVER) for name in sorted(unused)], ignore_conflicts=True)
    moment = now()
    doomed = _doom(unused, since, moment)
    spared = _referred(doomed)  # by a version that came between the two looks
    Blob.objects.filter(sha256__in=spared, doomed_at=moment).update(doomed_at=None)
    return doomed - spared, moment


def bury(names: Collection[str], moment: datetime) -> None:
    """Forget what was doomed at that time and is deleted now: who wants the same bytes may bring them again."""
    Blob.objects.filter(sha256__in=names, doomed_at=moment).delete()


def forget(since: datetime) -> None:
    """Remove rows that outlived their bytes."""
    used = StoredFile.objects.filter(sha256=OuterRef("sha256"))
    Blob.objects.filter(~Exists(used), _free(now()), wanted_at__lt=since).delete()


def batches(names: Iterable[str]) -> Iterator[list[str]]:
    ordered = iter(sorted(names))
    while batch := list(islice(ordered, BATCH)):
        yield batch


@transaction.atomic
def _mark(batch: list[str], *, create: bool) -> set[str]:
    moment = now()
    known = _locked(Q(sha256__in=batch))
    if create:
        new = [Blob(sha256=name, wanted_at=moment) for name in batch if name not in known]
        Blob.objects.bulk_create(new, ignore_conflicts=True)
    marked = Blob.objects.filter(_free(moment), sha256__in=batch).update(wanted_at=moment, doomed_at=None)
    if marked == len(batch):
        return set()
    return set(batch) - set(Blob.objects.filter(sha256__in=batch, doomed_at=None).values_list("sha256", flat=True))


@transaction.atomic
def _doom(unused: set[str], since: datetime, moment: datetime) -> set[str]:
    doomed = _locked(_free(moment) & Q(sha256__in=unused, wanted_at__lt=since))
    Blob.objects.filter(sha256__in=doomed).update(doomed_at=moment)
    return doomed


def _locked(condition: Q) -> set[str]:
    """The rows, held until the transaction ends."""
    rows = Blob.objects.select_for_update().filter(condition).order_by("sha256")
    return set(rows.values_list("sha256", flat=True))


def _free(moment: datetime) -> Q:
    """Not being removed, at least not by a sweep that still lives."""
    return Q(doomed_at=None) | Q(doomed_at__lt=moment - STALE)


def _referred(names: Collection[str]) -> set[str]:
    return set(StoredFile.objects.filter(sha256__in=names).values_list("sha256", flat=True))


def _wanted(names: Collection[str], since: datetime) -> set[str]:
    return set(Blob.objects.filter(sha256__in=names, wanted_at__gte=since).values_list("sha256", flat=True))

"""Which objects were fetched before: while one shows the same fingerprint it need not be fetched again."""

import logging
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import islice

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from importers.models import FetchedObject
from importers.sources.base import Folder, Origin
from registry.artifacts import Stored

logger = logging.getLogger(__name__)
BATCH = 500
KEPT = timedelta(days=180)


def known(folder: Folder, sizes: Mapping[str, int]) -> dict[str, Stored]:
    """What the listed files of these sizes held when they were fetched before, by path. Asks the database alone."""
    if not settings.TRUST_FINGERPRINTS:
        return {}
    found: dict[str, Stored] = {}
    for batch in _batches(_origins(folder, sizes)):
        rows = _rows(batch)
        for path, origin in batch.items():
            row = rows.get((origin.bucket, origin.key))
            if row and (row.place, row.fingerprint, row.size) == (origin.place, origin.fingerprint, sizes[path]):
                found[path] = Stored(row.sha256, row.size)
    return found


def remember(folder: Folder, stored: Mapping[str, Stored]) -> None:
    """Note what was fetched. Nothing is noted for a place whose fingerprints promise nothing."""
    moment = now()
    rows = [
        FetchedObject(
            bucket_id=origin.bucket,
            key=origin.key,
            place=origin.place,
            fingerprint=origin.fingerprint,
            size=stored[path].size,
            sha256=stored[path].sha256,
            fetched_at=moment,
        )
        for path, origin in sorted(
            _origins(folder, stored).items()
        )  # in one order, so that jobs never wait in a circle
    ]
    values = ["place", "fingerprint", "size", "sha256", "fetched_at"]
    try:
        with transaction.atomic():
            FetchedObject.objects.bulk_create(
                rows, BATCH, update_conflicts=True, unique_fields=["bucket", "key"], update_fields=values
            )
    except IntegrityError:
        logger.info("bucket deleted while it was read")


def forget_old() -> None:
    """Remove what was fetched a long time ago; it is fetched once more then."""
    FetchedObject.objects.filter(fetched_at__lt=now() - KEPT).delete()


def _origins(folder: Folder, paths: Mapping[str, object]) -> dict[str, Origin]:
    origins = ((path, folder.origin(path)) for path in paths)
    return {path: origin for path, origin in origins if origin is not None}


def _rows(origins: Mapping[str, Origin]) -> dict[tuple[int, str], FetchedObject]:
    buckets, keys = {origin.bucket for origin in origins.values()}, [origin.key for origin in origins.values()]
    return {(row.bucket_id, row.key): row for row in FetchedObject.objects.filter(bucket__in=buckets, key__in=keys)}


def _batches(origins: Mapping[str, Origin]) -> Iterator[dict[str, Origin]]:
    items = iter(origins.items())
    while batch := dict(islice(items, BATCH)):
        yield batch

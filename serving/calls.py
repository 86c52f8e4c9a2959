"""What the gateway and the console have counted, taken into the database; and what instances take each minute."""

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.timezone import now

from accounts.transitions import note_uses
from registry.models import ModelVersion
from serving.latencies import merged
from serving.models import CallBatch, CallMinute, Instance, InstanceState, Purpose, Service, UsageMinute

logger = logging.getLogger(__name__)
# Files in one transaction.
_AT_ONCE = 100
# No file is older than this without being known to be counted, unless the database was away for longer.
_BATCHES_KEPT = timedelta(days=7)


def spool_folder() -> Path:
    """Where the gateway and the console of this host leave what they have counted."""
    folder: Path = settings.DATA / "run" / "calls"
    return folder


def ingest() -> int:
    """Take what was counted on this host into the database, the oldest first; how many files that was.

    So many at once that a backlog shrinks quickly and yet keeps nobody waiting: routes are renewed between.

    A file is counted in the transaction that notes its name and removed after that, so a kill at any instant neither
    loses nor doubles a call. Must be run by one process of a host at a time; raises what the database raises.
    """
    paths = sorted(spool_folder().glob("[!.]*.json"))[:_AT_ONCE]
    taken = _take(paths) if paths else 0
    for path in paths:
        path.unlink(missing_ok=True)
    note_usage()
    return taken


@transaction.atomic
def _take(paths: list[Path]) -> int:
    known = set(CallBatch.objects.filter(name__in=[path.name for path in paths]).values_list("name", flat=True))
    fresh = [path for path in paths if path.name not in known]
    if not fresh:
        return 0
    CallBatch.objects.bulk_create(CallBatch(name=path.name) for path in fresh)
    found = [counts for path in fresh if (counts := _read(path)) is not None]
    _add_minutes([row for counts in found for row in counts["minutes"]])
    note_uses({digest: _time(second) for counts in found for digest, second in counts["tokens"].items()})
    return len(fresh)


def _read(path: Path) -> dict[str, Any] | None:
    """The counts of a file; None, and a line in the log, for what nobody who counts can have written."""
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        return {"minutes": [_row(*row) for row in found["minutes"]], "tokens": dict(found["tokens"])}
    except (ValueError, KeyError, TypeError, AttributeError):
        logger.exception("a file of counts is broken", extra={"file": path.name})
        return None


def _row(service: str, version: str, second: int, calls: int, failures: int, latencies: dict[str, int]) -> Any:
    return (str(UUID(service)), str(UUID(version)), _time(second)), (int(calls), int(failures), dict(latencies))


def _time(second: int) -> datetime:
    return datetime.fromtimestamp(int(second), UTC)


def _add_minutes(rows: list[Any]) -> None:
    """Add rows of ((service, version, minute), (calls, failures, latencies)); a service that is gone is left out."""
    total: dict[Any, Any] = {}
    for key, (calls, failures, latencies) in rows:
        before = total.get(key, (0, 0, {}))
        total[key] = (before[0] + calls, before[1] + failures, merged([before[2], latencies]))
    services = dict(Service.objects.filter(uuid__in={key[0] for key in total}).values_list("uuid", "pk"))
    versions = dict(ModelVersion.objects.filter(uuid__in={key[1] for key in total}).values_list("uuid", "pk"))
    by_text = {str(uuid): pk for uuid, pk in (services | versions).items()}
    for (service, version, minute), counted in total.items():
        if service in by_text:
            _add(by_text[service], by_text.get(version), minute, *counted)


def _add(
    service: int, version: int | None, minute: datetime, calls: int, failures: int, latencies: dict[str, int]
) -> None:
    Service.objects.filter(pk=service).update(calls=F("calls") + calls, failures=F("failures") + failures)
    if version is None:
        return
    row, _made = CallMinute.objects.select_for_update().get_or_create(
        service_id=service, version_id=version, minute=minute
    )
    row.calls += calls
    row.failures += failures
    row.latencies = merged([row.latencies, latencies])
    row.save(update_fields=["calls", "failures", "latencies"])


def note_usage() -> None:
    """Once a minute, keep what the ready instances of this host's services take."""
    moment = now()
    minute = moment.replace(second=0, microsecond=0)
    rows = Instance.objects.filter(host=settings.HOST_NAME, purpose=Purpose.SERVICE, state=InstanceState.READY)
    noted = UsageMinute.objects.filter(minute=minute).values("instance")
    due = list(rows.exclude(revision=None).exclude(uuid__in=noted).select_related("revision"))
    if not due:
        return
    recent = UsageMinute.objects.filter(
        instance__in=[each.uuid for each in due], minute__gte=minute - timedelta(minutes=3)
    )
    before = {row.instance: row for row in recent.order_by("minute")}
    UsageMinute.objects.bulk_create(
        [_usage(each, before.get(each.uuid), minute, moment) for each in due], ignore_conflicts=True
    )


def _usage(instance: Instance, before: UsageMinute | None, minute: datetime, moment: datetime) -> UsageMinute:
    assert instance.revision is not None
    spent = instance.cpu_seconds - before.cpu_seconds if before else -1.0
    elapsed = (moment - before.at).total_seconds() if before else 0.0
    return UsageMinute(
        service_id=instance.revision.service_id,
        version_id=instance.version_id,
        instance=instance.uuid,
        minute=minute,
        at=moment,
        memory=instance.memory,
        cpu_seconds=instance.cpu_seconds,
        # After a restart it has spent less than before.
        cpu=spent / elapsed if spent >= 0 and elapsed > 0 else None,
    )


def sweep_calls() -> int:
    """Remove minutes that are older than they are kept, and names of files that are long gone; how many rows."""
    oldest = now() - timedelta(seconds=settings.CALLS_KEPT_SECONDS)
    gone = CallMinute.objects.filter(minute__lt=oldest).delete()[0]
    gone += UsageMinute.objects.filter(minute__lt=oldest).delete()[0]
    waiting = [path.name for path in spool_folder().glob("*.json")]
    old = CallBatch.objects.filter(taken_at__lt=now() - _BATCHES_KEPT).exclude(name__in=waiting)
    return gone + old.delete()[0]

"""State changes of environments that are made for Normal versions: one worker at a time holds the row by its lease."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Q
from django.utils.timezone import now

from registry.models import ModelVersion
from serving.models import Making, VersionEnvironment

BUILDING = Q(making=Making.BUILDING)


def request(version: ModelVersion) -> bool:
    """Want one; the caller holds the model's row. False when one is being made already."""
    record, _added = VersionEnvironment.objects.get_or_create(version=version)
    fresh: dict[str, Any] = {"lease_until": None, "attempts": 0, "reason_code": "", "reason_params": {}}
    return _change(record, ~BUILDING, making=Making.BUILDING, **fresh)


def claim(record: VersionEnvironment) -> bool:
    """Take it to work on. False while somebody else does."""
    free = Q(lease_until=None) | Q(lease_until__lt=now())
    return _change(record, BUILDING & free, lease_until=_lease_end(), attempts=F("attempts") + 1)


def renew(record: VersionEnvironment) -> bool:
    """Say that its worker lives. False once it was taken over."""
    return _change(record, _held(record), lease_until=_lease_end())


def hand_back(record: VersionEnvironment) -> bool:
    """Give it back because the worker stops; this attempt does not count."""
    return _change(record, _held(record), lease_until=None, attempts=F("attempts") - 1)


def postpone(record: VersionEnvironment, wait: timedelta) -> bool:
    """Give it back, to be taken again once `wait` is over."""
    return _change(record, _held(record), lease_until=now() + wait)


def end(record: VersionEnvironment) -> bool:
    """It stands. False unless this claim is the last one."""
    return _change(record, _held(record), making="", lease_until=None, attempts=0)


def fail(record: VersionEnvironment, code: str, params: dict[str, Any]) -> bool:
    """It could not be made. False unless this claim is the last one."""
    reason = {"reason_code": code, "reason_params": params}
    return _change(record, _held(record), making=Making.FAILED, lease_until=None, **reason)


def forgive(version: ModelVersion) -> None:
    """Forget an earlier failure: its environment came to stand by another version."""
    failed = VersionEnvironment.objects.filter(version=version, making=Making.FAILED)
    failed.update(making="", reason_code="", reason_params={})


def _held(record: VersionEnvironment) -> Q:
    return BUILDING & Q(lease_until__isnull=False, lease_until=record.lease_until)


def _lease_end() -> datetime:
    return now() + timedelta(seconds=settings.BUILD_LEASE_SECONDS)


def _change(record: VersionEnvironment, when: Q, **values: Any) -> bool:
    if VersionEnvironment.objects.filter(when, pk=record.pk).update(**values) != 1:
        return False
    record.refresh_from_db(fields=[*values])
    return True

"""Who reads a tracking server: one worker at a time, for as long as its lease; what came of it is kept on the row."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils.timezone import now

from importers.models import MLflowConnection


def claim(connection: MLflowConnection) -> bool:
    """Take the connection for this worker; False while another has it."""
    free = Q(lease_until=None) | Q(lease_until__lt=now())
    return _set(connection, free, lease_until=_lease_end(), last_sync_at=now())


def renew(connection: MLflowConnection) -> bool:
    """Say that this worker lives. False when it was taken over, or the connection is gone."""
    return _set(connection, _mine(connection), lease_until=_lease_end())


def finish(connection: MLflowConnection, code: str, params: Mapping[str, Any], **found: Any) -> bool:
    """Let go of it and keep what came of it; False when it was taken over."""
    return _set(connection, _mine(connection), lease_until=None, last_code=code, last_params=dict(params), **found)


def _mine(connection: MLflowConnection) -> Q:
    return Q(lease_until=connection.lease_until)


def _lease_end() -> datetime:
    return now() + timedelta(seconds=settings.MLFLOW_LEASE_SECONDS)


def _set(connection: MLflowConnection, condition: Q, **changes: Any) -> bool:
    if MLflowConnection.objects.filter(condition, pk=connection.pk).update(**changes) != 1:
        return False
    for name, value in changes.items():
        setattr(connection, name, value)
    return True

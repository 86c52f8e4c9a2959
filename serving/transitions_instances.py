"""What the supervisor of a host observed of its instances, written by conditional updates and told by a bell."""

import logging
from typing import Any

from celery import current_app
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.timezone import now
from kombu.exceptions import OperationalError

from serving.models import INSTANCE_RESTS, Instance, InstanceState, Wanted

logger = logging.getLogger(__name__)

INSTANCE_CHANGED = "serving.instance_changed"
# The reason of what an orderly end of its supervisor stopped, kept until it is ready again or something befalls it.
STOPPED_WITH_HOST = "instance.supervisor_stopped"
# The parameter of that reason which says when.
STOPPED_AT = "at"
NOT_RUNNING: dict[str, Any] = {"pid": None, "socket": "", "memory": 0, "ready_at": None}


def of_this_host() -> QuerySet[Instance]:
    return Instance.objects.filter(host=settings.HOST_NAME)


def observe(pk: int, values: dict[str, Any]) -> bool:
    """Write what was observed. False when the row was taken away: its process must end."""
    return of_this_host().filter(pk=pk).update(**values) == 1


def forget_processes(code: str) -> list[int]:
    """No process runs on this host: every row that says otherwise waits for a start, or has stopped. Which they are.

    A supervisor calls it before it starts anything, for what an earlier one left in the table.
    """
    running = of_this_host().exclude(state__in=INSTANCE_RESTS).exclude(state=InstanceState.PENDING)
    changed = list(running.values_list("pk", flat=True))
    for wanted, state in ((Wanted.RUNNING, InstanceState.PENDING), (Wanted.STOPPED, InstanceState.STOPPED)):
        rows = of_this_host().filter(Q(pk__in=changed), wanted=wanted)
        rows.update(state=state, reason_code=code, reason_params={}, restart_at=None, seen_at=now(), **NOT_RUNNING)
    return changed


def stop_unstarted(pk: int) -> bool:
    """One that was never started here is not wanted any more."""
    unstarted = Q(wanted=Wanted.STOPPED) & ~Q(state__in=INSTANCE_RESTS)
    values = {"state": InstanceState.STOPPED, "reason_code": "", "reason_params": {}, "seen_at": now()}
    return of_this_host().filter(unstarted, pk=pk).update(**values, **NOT_RUNNING) == 1


def ring(pk: int) -> None:
    """Tell whoever waits for an instance that its state changed; their sweeps find it when this bell is lost."""
    try:
        current_app.send_task(INSTANCE_CHANGED, [pk])
    except (OperationalError, OSError):
        logger.warning("bell of an instance was lost", extra={"instance": pk})

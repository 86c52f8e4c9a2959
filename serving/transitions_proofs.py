"""State changes of proofs: one conditional UPDATE each; whoever comes second is told False."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Q
from django.utils.timezone import now

from registry.models import ModelVersion
from serving.models import Instance, ProofRecord, ProofState, Wanted


def free() -> Q:
    """Running, and held by no worker."""
    return Q(state=ProofState.RUNNING) & (Q(lease_until=None) | Q(lease_until__lt=now()))


def claim(record: ProofRecord) -> bool:
    """Take a running proof to ask, or to end it."""
    until = now() + timedelta(seconds=settings.PROOF_LEASE_SECONDS)
    if ProofRecord.objects.filter(free(), pk=record.pk).update(lease_until=until, attempts=F("attempts") + 1) != 1:
        return False
    record.refresh_from_db(fields=["lease_until", "attempts"])
    return True


def end(record: ProofRecord, state: ProofState, **values: Any) -> bool:
    """Bring a claimed proof to its end, and its process with it. False unless this claim is the last one."""
    held = Q(state=ProofState.RUNNING, lease_until__isnull=False, lease_until=record.lease_until)
    changes = {"state": state, "lease_until": None, "finished_at": now(), **values}
    if ProofRecord.objects.filter(held, pk=record.pk).update(**changes) != 1:
        return False
    stop(record)
    for name, value in changes.items():
        setattr(record, name, value)
    return True


def give_up(record: ProofRecord, code: str, params: Mapping[str, Any]) -> bool:
    """End a proof that never got a process, with the reason. False unless it still waits for one."""
    waiting = ProofRecord.objects.filter(pk=record.pk, state=ProofState.RUNNING, instance=None)
    reason = {"reason_code": code, "reason_params": dict(params)}
    return waiting.update(state=ProofState.FAILED, lease_until=None, finished_at=now(), **reason) == 1


def supersede(version: ModelVersion) -> None:
    """End the proofs of what was built before: nothing they find is true of what was built now."""
    for record in ProofRecord.objects.filter(version=version, state=ProofState.RUNNING):
        values = {"reason_code": "proof.superseded", "lease_until": None, "finished_at": now()}
        running = ProofRecord.objects.filter(pk=record.pk, state=ProofState.RUNNING)
        if running.update(state=ProofState.CANCELLED, **values):
            stop(record)


def stop(record: ProofRecord) -> None:
    if record.instance_id is not None:
        Instance.objects.filter(pk=record.instance_id).update(wanted=Wanted.STOPPED)

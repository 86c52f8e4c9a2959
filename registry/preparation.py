"""The seam to serving: a version in Building is claimed by a preparer, which brings it to rest."""

from datetime import timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils.timezone import now

from accounts.models import User
from registry import transitions
from registry.models import ModelVersion, Proof, Status
from registry.transitions import Line

BUILDING = Q(status=Status.BUILDING)
HANDED_OVER = ~Q(digest="")
_RISING = [Proof.NOT_ASKED, Proof.STARTED, Proof.ANSWERED]


def ring_preparer(version: ModelVersion) -> None:
    """Tell the preparer, once this is committed; its own sweep finds the version when that bell is lost."""

    # A function with a name: when it fails, what robust=True logs asks for one, which a partial has not.
    def ring() -> None:
        current_app.send_task(settings.VERSION_PREPARER, [version.pk])

    transaction.on_commit(ring, robust=True)


def claim_preparation(version: ModelVersion, *, lease: timedelta) -> bool:
    """Take a version in Building for the time of `lease`; False while somebody else holds it."""
    free = Q(lease_until=None) | Q(lease_until__lt=now())
    values = {"lease_until": now() + lease, "attempts": F("attempts") + 1}
    return transitions.claim(version, Line("build.started"), when=BUILDING & free, values=values)


def renew(version: ModelVersion, *, lease: timedelta) -> bool:
    """Keep a claimed version for the time of `lease` from now. False once it was cancelled or taken over."""
    return transitions.hold(version, when=_held(version), values={"lease_until": now() + lease})


def postpone(version: ModelVersion, code: str, *, wait: timedelta, **params: Any) -> bool:
    """Give a claimed version back, to be claimed again once `wait` is over; says why in its history."""
    line = Line("build.postponed", {"reason": code, "reason_params": params}, abnormal=True)
    values = {"lease_until": now() + wait}
    return transitions.claim(version, line, when=_held(version), values=values)


def hand_back(version: ModelVersion) -> bool:
    """Give a claimed version back because the worker stops; this attempt does not count."""
    values = {"lease_until": None, "attempts": F("attempts") - 1}
    return transitions.hold(version, when=_held(version), values=values)


def activate(version: ModelVersion, *, proof: Proof, code: str = "", **params: Any) -> bool:
    """Make a prepared version Normal with what its proof came to. False unless this claim is the last one."""
    values = {"proof": proof, "proof_code": code, "proof_params": params, "finished_at": now()}
    events = Line("build.done"), Line("import.done")
    return transitions.move(version, Status.NORMAL, *events, when=_held(version), values=values)


def fail_build(version: ModelVersion, code: str, **params: Any) -> bool:
    """Give up building for a reason that trying again does not change. False unless this claim is the last one."""
    values = {"status_code": code, "status_params": params, "finished_at": now()}
    failed = Line("build.failed", {"reason": code, "reason_params": params}, abnormal=True)
    return transitions.move(version, Status.BUILD_FAILED, failed, when=_held(version), values=values)


def fail(version: ModelVersion, code: str, **params: Any) -> bool:
    """End the preparation of a version that was built but does not work. False unless this claim is the last one."""
    values = {"status_code": code, "status_params": params, "finished_at": now()}
    failed = Line("import.failed", {"reason": code, "reason_params": params}, abnormal=True)
    return transitions.move(version, Status.FAILED, failed, when=_held(version), values=values)


def record_proof(version: ModelVersion, *, proof: Proof, code: str = "", **params: Any) -> bool:
    """Note that more is known of a Normal version than before. False when it is not: a proof is never lowered."""
    lower = [each for each in _RISING if _RISING.index(each) < _RISING.index(proof)]
    values = {"proof": proof, "proof_code": code, "proof_params": params}
    return transitions.hold(version, when=Q(status=Status.NORMAL, proof__in=lower), values=values)


@transaction.atomic
def prepare_again(version: ModelVersion, *, by: User) -> bool:
    """Build once more what failed after its hand-over. False for any other version, and where nothing prepares."""
    failed = Q(status=Status.BUILD_FAILED) | Q(status=Status.FAILED)
    values = {"status_code": "", "status_params": {}, "attempts": 0, "finished_at": None}
    requested = Line("build.requested")
    if not settings.VERSION_PREPARER:
        return False
    if not transitions.move(version, Status.BUILDING, requested, when=failed & HANDED_OVER, by=by, values=values):
        return False
    ring_preparer(version)
    return True


def _held(version: ModelVersion) -> Q:
    """Its lease tells a claim from any other: one that ran out must not end the work of the next."""
    return BUILDING & Q(lease_until__isnull=False, lease_until=version.lease_until)

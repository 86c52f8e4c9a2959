"""Commands on proofs: prove a version now, and ask once more what an earlier proof asked."""

from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.services import record_audit
from registry.engines import cannot_run_reason
from registry.models import ModelVersion, Proof, Status
from registry.transitions import lock_model
from serving import proof
from serving.models import ProofRecord, ProofState
from serving.services_environments import ensure_environment, environment_stands


class ProofRefused(Exception):
    """A proof cannot begin; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def prove_now(version: ModelVersion, *, by: User) -> ProofRecord:
    """Start a Normal version and ask it as after its build, once it has an environment. Raises ProofRefused.

    Its outcome is kept; the status of the version stays as it is, whatever comes of it.
    """
    return _start(version, _noted(proof.question_of(version), proof.NOW), by=by)


def replay(record: ProofRecord, *, by: User) -> ProofRecord:
    """Ask what `record` asked, of a process started anew; also of a version that failed its proof. Raises ProofRefused.

    Its outcome is kept; a version that failed stays Failed even if it answers now: only a build decides on that.
    """
    return _start(record.version, _noted(record.request, proof.REPLAY), by=by, refusal=why_not_again)


def why_not(version: ModelVersion) -> str:
    """Why no proof can begin now, by code; empty when one can."""
    if version.status != Status.NORMAL:
        return "proof.not_normal"
    if version.proof == Proof.CANNOT_RUN_HERE or cannot_run_reason(version.engine):
        return "proof.no_environment"
    return _why_not_at_once(version)


def why_not_again(version: ModelVersion) -> str:
    """Why nothing can be replayed now, by code; empty when it can: a failed version needs what it was built into."""
    if version.status != Status.FAILED:
        return why_not(version)
    if not environment_stands(version):
        return "proof.environment_gone"
    return _why_not_at_once(version)


def _noted(request: Mapping[str, Any], occasion: str) -> Mapping[str, Any]:
    """A request with why it is asked; where nothing is asked there is nothing to note that with."""
    return {**request, "occasion": occasion} if request else request


def _why_not_at_once(version: ModelVersion) -> str:
    running = ProofRecord.objects.filter(version=version, state=ProofState.RUNNING).exists()
    return "proof.runs_already" if running else ""


@transaction.atomic
def _start(
    version: ModelVersion,
    request: Mapping[str, Any],
    *,
    by: User,
    refusal: Callable[[ModelVersion], str] = why_not,
) -> ProofRecord:
    lock_model(version.model_id)  # of two who press at once, one begins
    version.refresh_from_db(fields=["status", "proof"])
    if code := refusal(version):
        raise ProofRefused(code)
    named = {"name": version.model.name, "version": version.number}
    record_audit(version.model.workspace, "proof.started", by=by, **named)
    stands = version.status == Status.FAILED or ensure_environment(version, by=by)
    begin = proof.start if stands else proof.wait
    return begin(version, request, by=by)

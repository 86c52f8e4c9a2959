"""What a proof came to: asked of an instance, or read from what its supervisor observed."""

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

from django.conf import settings
from django.utils.timezone import now

from registry.findings import known_codes
from serving.asking import Asked
from serving.backends_socket import Answered, NoAnswer, ask
from serving.instance_logs import failure_of, storable_text, tail
from serving.models import Instance, ProofRecord, ProofState

USER, SCHEMA = "user", "schema"
LOG_LINES = 200
LOG_CHARACTERS = 64 * 1024
DETAIL_CHARACTERS = 500
# An error is logged before it is answered, but its line comes through a pipe that is emptied at a pace of its own.
LOG_SECONDS, LOOK_SECONDS = 2.0, 0.05
# In halves of a core: most of what a process works is its start, whose share of a short life differs each time.
MEMORY_STEP, CPU_STEP = 128, 0.5
_HEADROOM = 1.25
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Outcome:
    """How a proof ends; `code` with `params` says why, empty where the state says it all."""

    state: ProofState
    code: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    answer: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None


def ask_once(record: ProofRecord, instance: Instance) -> Outcome:
    """Send the record's request to a ready instance; without one that it started is all there is to know."""
    if not record.request:
        return Outcome(ProofState.STARTED, "proof.nothing_to_ask")
    try:
        answered = ask(
            instance.socket,
            Asked.from_dict(record.request),
            seconds=settings.PROOF_ANSWER_SECONDS,
            most=settings.PROOF_ANSWER_BYTES,
            request_id=record.uuid.hex,
        )
    except NoAnswer as error:
        return _unanswered(record, error)
    if answered.good:
        return Outcome(ProofState.ANSWERED, answer=kept_answer(answered), seconds=answered.seconds)
    return _refused(record, instance, answered)


def not_started(instance: Instance) -> Outcome:
    """Why an instance came to rest before it was asked, as far as its supervisor knows."""
    told = {name: instance.reason_params.get(name) for name in ("stage", "file", "line", "error", "message")}
    code = f"proof.stage.{told['stage']}"
    if code in known_codes():
        return Outcome(ProofState.FAILED, code, {**told, "detail": detail_of(told)})
    if instance.reason_code in known_codes():
        return Outcome(ProofState.FAILED, instance.reason_code, instance.reason_params)
    exit_code = "--" if instance.exit_code is None else instance.exit_code
    return Outcome(ProofState.FAILED, "proof.not_started", {"exit_code": exit_code})


def kept_answer(answered: Answered) -> dict[str, Any]:
    """An answer in the form that is stored."""
    return {
        "status": answered.status,
        "headers": {storable_text(name): storable_text(value) for name, value in answered.headers.items()},
        "body": base64.b64encode(answered.body).decode(),
        "cut": answered.cut,
    }


def detail_of(failure: Mapping[str, Any]) -> str:
    """`model/customize_service.py:3: ImportError: …`: where it failed, and with which words."""
    place = ":".join(str(failure[name]) for name in ("file", "line") if failure.get(name))
    words = [str(failure[name]) for name in ("error", "message") if failure.get(name)]
    return ": ".join([*([place] if place else []), *words])[:DETAIL_CHARACTERS] or "--"


def measured(instance: Instance | None) -> dict[str, Any]:
    """What is kept of a process: how long it took to start, what it needed, its last words, what to give its like."""
    if instance is None:
        return {}
    known = {
        "peak_memory": instance.peak_memory,
        "log": "\n".join(tail(instance, LOG_LINES))[-LOG_CHARACTERS:].replace("\0", ""),
        "suggestion": suggestion_of(instance),
    }
    if instance.started_at and instance.ready_at:
        known["start_seconds"] = (instance.ready_at - instance.started_at).total_seconds()
    return known


def suggestion_of(instance: Instance) -> dict[str, Any]:
    """An inference specification with a quarter more memory than it needed; none where it is not up and measured."""
    if not instance.peak_memory or not instance.ready_at:
        return {}
    memory = math.ceil(instance.peak_memory * _HEADROOM / _MIB / MEMORY_STEP) * MEMORY_STEP
    running = (now() - instance.started_at).total_seconds() if instance.started_at else 0
    busy = instance.cpu_seconds / running if running > 0 else CPU_STEP
    cpu = max(CPU_STEP, round(min(busy, float(instance.cpu_limit)) / CPU_STEP) * CPU_STEP)
    return {"cpu": f"{cpu:.2f}", "memory": memory}


def steadied(suggestion: dict[str, Any], earlier: Mapping[str, Any]) -> dict[str, Any]:
    """The suggestion with the cores of an earlier one of the same version, unless more than noise lies between them."""
    if not suggestion or not earlier or abs(float(suggestion["cpu"]) - float(earlier["cpu"])) > CPU_STEP:
        return suggestion
    return suggestion | {"cpu": earlier["cpu"]}


def _unanswered(record: ProofRecord, error: NoAnswer) -> Outcome:
    given = {"seconds": f"{settings.PROOF_ANSWER_SECONDS:g}"}
    code = "proof.too_slow" if error.why == "slow" else "proof.hung_up"
    if _by_user(record):
        return Outcome(ProofState.FAILED, code, given, seconds=error.seconds)
    why = f"> {given['seconds']} s" if error.why == "slow" else "connection closed"
    return Outcome(ProofState.STARTED, "proof.derived_unanswered", {"detail": why}, seconds=error.seconds)


def _refused(record: ProofRecord, instance: Instance, answered: Answered) -> Outcome:
    failure = _failure_logged(record, instance) or {"message": _said(answered)}
    known = {name: failure.get(name) for name in ("stage", "file", "line", "error", "message")}
    params = {**known, "status": answered.status, "detail": detail_of(known)}
    kept = kept_answer(answered)
    if _by_user(record):
        return Outcome(ProofState.FAILED, "proof.sample_refused", params, kept, answered.seconds)
    # The sentence goes on after it with a full stop of its own.
    params["detail"] = detail_of(known).rstrip(".。 ") or "--"
    return Outcome(ProofState.STARTED, "proof.derived_refused", params, kept, answered.seconds)


def _by_user(record: ProofRecord) -> bool:
    return bool(record.request.get("origin") == USER)


def _failure_logged(record: ProofRecord, instance: Instance) -> dict[str, Any]:
    """What the model's server logged for this very request, waited for a moment; empty when it logged nothing."""
    until = monotonic() + LOG_SECONDS
    while not (found := failure_of(instance, record.uuid.hex)) and monotonic() < until:
        sleep(LOOK_SECONDS)
    return {name: value[:DETAIL_CHARACTERS] if isinstance(value, str) else value for name, value in found.items()}


def _said(answered: Answered) -> str:
    """What an answer says went wrong, else its beginning."""
    text = answered.body[: 4 * DETAIL_CHARACTERS].decode(errors="replace").replace("\0", "")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text[:DETAIL_CHARACTERS]
    said = (
        next((value[name] for name in ("error_msg", "msg") if value.get(name)), text)
        if isinstance(value, dict)
        else text
    )
    return storable_text(str(said))[:DETAIL_CHARACTERS]

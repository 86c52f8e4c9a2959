"""The proof of a version: its model is started in the sandbox, asked once, and what came of it is kept."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from celery import current_app
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q
from django.utils.timezone import now

from accounts.models import User
from registry import preparation
from registry.config import Api, ModelConfig
from registry.models import InferenceSpec, ModelVersion, Proof
from registry.services import record_event
from registry.transitions import lock_model
from serving import transitions_proofs
from serving.asking import Asked, attached_request, place_to_ask, sample_of
from serving.models import (
    INSTANCE_RESTS,
    Instance,
    InstanceState,
    Making,
    ProofRecord,
    ProofState,
    Purpose,
    Wanted,
)
from serving.proof_outcomes import SCHEMA, USER, Outcome, ask_once, measured, not_started, steadied
from serving.queries_room import proofs_without_room
from serving.specs import machine_size

logger = logging.getLogger(__name__)
RUN_PROOF = "serving.run_proof"
# Why a request is asked, as it is noted beside it; the one after a build is none of both.
NOW, REPLAY = "now", "replay"
MOST_AT_ONCE = 100
# A full machine tells nothing of the model: the version is Normal, and not asked.
NO_ROOM = "proof.no_room"
# Beyond the time a model may take to load: starting its process, and telling that it is ready.
MARGIN = timedelta(seconds=60)
# Its environment is still being made.
AWAITING = Q(instance=None, version__environment_record__making=Making.BUILDING)
_PROOFS = {ProofState.ANSWERED: Proof.ANSWERED, ProofState.STARTED: Proof.STARTED}
_LINES = {ProofState.ANSWERED: "proof.passed", ProofState.STARTED: "proof.only_started"}


@transaction.atomic
def begin(version: ModelVersion) -> bool:
    """Begin the proof that decides on a version which was just built; the caller holds its claim.

    The claim is kept for as long as the proof may take. False when it was lost.
    """
    patience = _whole_patience()
    if not preparation.renew(version, lease=patience):
        return False
    transitions_proofs.supersede(version)
    start(version, question_of(version), decides=True)
    return True


def start(
    version: ModelVersion, request: Mapping[str, Any], *, decides: bool = False, by: User | None = None
) -> ProofRecord:
    """Want an instance for one proof and note what will be asked; the supervisor of this host starts it."""
    return _record(version, request, instance=_instance(version), decides=decides, by=by)


def wait(version: ModelVersion, request: Mapping[str, Any], *, by: User) -> ProofRecord:
    """Note what will be asked once the environment stands that is being made; the caller holds the model's row."""
    return _record(version, request, instance=None, decides=False, by=by)


def go_on(version: ModelVersion) -> None:
    """Start the proofs that waited for the environment of the version; the caller holds the model's row."""
    for record in _waiting(version):
        record.instance = _instance(version)
        record.save(update_fields=["instance"])


def give_up(version: ModelVersion, code: str, params: Mapping[str, Any]) -> None:
    """End them because it could not be made; the caller holds the model's row."""
    for record in _waiting(version):
        if transitions_proofs.give_up(record, code, params):
            _tell(version, Outcome(ProofState.FAILED, code, params), record)


def question_of(version: ModelVersion) -> dict[str, Any]:
    """What the version will be asked, as it is kept: the attached sample, else what follows from the schema."""
    api = api_to_ask(version)
    if version.sample:
        return _kept(attached_request(api, version.sample), USER)
    return _kept(sample_of(api), SCHEMA)


def api_to_ask(version: ModelVersion) -> Api:
    """The first API that takes something, else the first, else what an undescribed model answers."""
    apis = ModelConfig.from_dict(version.config).apis or (Api(),)
    return apis[place_to_ask(apis)]


def limits_of(version: ModelVersion) -> tuple[Decimal, int]:
    """Cores and MiB: the larger of what the version needs and what every proof is given, but no more than there is."""
    cpu, memory = settings.PROOF_SPEC
    if spec := InferenceSpec.objects.filter(version=version).first():
        machine = machine_size()
        cpu, memory = max(cpu, min(spec.cpu, Decimal(machine.cores))), max(memory, min(spec.memory, machine.memory))
    return cpu, memory


def on_instance_change(instance: Instance) -> None:
    """Go on with the proof of an instance that changed; once that has ended, keep what was measured last."""
    for record in ProofRecord.objects.filter(instance=instance).select_related("instance", "version"):
        if record.state == ProofState.RUNNING:
            run(record)
        elif instance.at_rest:
            _keep_last(record, measured(instance))


def run(record: ProofRecord) -> None:
    """Ask, or end what cannot be asked; nothing while its instance starts, or another worker is at it."""
    if record.state != ProofState.RUNNING or not _due(record) or not transitions_proofs.claim(record):
        return
    try:
        _end(record, _outcome(record))
    except (OperationalError, InterfaceError):
        logger.exception("proof interrupted by the database", extra={"proof": record.pk})
    except Exception:
        bug = uuid4().hex[:12]
        logger.exception("proof bug %s", bug, extra={"proof": record.pk})
        _end(record, Outcome(ProofState.FAILED, "proof.bug", {"id": bug}))


def _keep_last(record: ProofRecord, last: Mapping[str, Any]) -> None:
    """What was measured and printed after the proof had ended; a log that is gone by now takes none away."""
    log = last["log"] or record.log
    if last["peak_memory"] > record.peak_memory or log != record.log:
        peak = max(last["peak_memory"], record.peak_memory)
        ProofRecord.objects.filter(pk=record.pk).update(peak_memory=peak, log=log)


def waiting_for_supervisor(record: ProofRecord) -> bool:
    """Whether nothing took its instance up although there was time to."""
    instance = record.instance
    pending = record.state == ProofState.RUNNING and instance is not None and instance.state == InstanceState.PENDING
    return pending and now() > record.created_at + timedelta(seconds=settings.PROOF_NOTICE_SECONDS)


def waiting_for_room(record: ProofRecord) -> bool:
    """Whether its instance waits until the memory it needs is free on this host."""
    instance = record.instance
    pending = record.state == ProofState.RUNNING and instance is not None and instance.state == InstanceState.PENDING
    return pending and record.instance_id in proofs_without_room()


def sweep() -> None:
    """Ring what a lost bell or a crashed worker left, and take away processes whose proof has ended."""
    running = ProofRecord.objects.filter(transitions_proofs.free()).exclude(AWAITING)
    running = running.select_related("instance", "version")
    for record in running.order_by("id")[:MOST_AT_ONCE]:
        if _due(record):
            current_app.send_task(RUN_PROOF, [record.pk])
    over = Instance.objects.filter(purpose=Purpose.PROOF, wanted=Wanted.STOPPED)
    over = over.filter(state__in=[*INSTANCE_RESTS, InstanceState.PENDING])
    over.filter(created_at__lt=now() - timedelta(seconds=settings.PROOF_KEPT_SECONDS)).delete()


def _whole_patience() -> timedelta:
    load = Instance._meta.get_field("load_seconds").default
    asking = settings.PROOF_ATTEMPTS * settings.PROOF_LEASE_SECONDS
    return timedelta(seconds=settings.PROOF_PATIENCE_SECONDS + load + asking) + 2 * MARGIN


def _record(
    version: ModelVersion, request: Mapping[str, Any], *, instance: Instance | None, decides: bool, by: User | None
) -> ProofRecord:
    who = {"asked_by": by, "asked_by_name": by.get_username() if by else ""}
    return ProofRecord.objects.create(version=version, instance=instance, decides=decides, request=dict(request), **who)


def _instance(version: ModelVersion) -> Instance:
    cpu, memory = limits_of(version)
    return Instance.objects.create(
        purpose=Purpose.PROOF, version=version, host=settings.HOST_NAME, cpu_limit=cpu, memory_limit=memory
    )


def _waiting(version: ModelVersion) -> list[ProofRecord]:
    return list(ProofRecord.objects.filter(version=version, state=ProofState.RUNNING, instance=None))


def _awaits_environment(record: ProofRecord) -> bool:
    """The environment is looked at first: one that stands by now has given the record its instance already."""
    if ProofRecord.objects.filter(AWAITING, pk=record.pk).exists():
        return True
    record.refresh_from_db(fields=["instance"])
    return False


def _kept(asked: Asked | None, origin: str) -> dict[str, Any]:
    return {**asked.as_dict(), "origin": origin} if asked else {}


def _due(record: ProofRecord) -> bool:
    """Whether there is something to do: to ask, or to give up."""
    if record.instance is None and _awaits_environment(record):
        return False
    instance = record.instance
    if instance is None or instance.at_rest or instance.state == InstanceState.READY:
        return True
    return now() > _deadline(instance)


def _deadline(instance: Instance) -> datetime:
    if instance.state == InstanceState.PENDING or instance.started_at is None:
        return instance.created_at + timedelta(seconds=settings.PROOF_PATIENCE_SECONDS)
    return instance.started_at + timedelta(seconds=instance.load_seconds) + MARGIN


def _outcome(record: ProofRecord) -> Outcome:
    instance = record.instance
    if record.attempts > settings.PROOF_ATTEMPTS:
        return Outcome(ProofState.FAILED, "proof.worker_died", {"attempts": settings.PROOF_ATTEMPTS})
    if instance is None:
        return Outcome(ProofState.FAILED, "proof.instance_gone")
    if instance.state == InstanceState.READY:
        return ask_once(record, instance)
    if instance.state in (InstanceState.FAILED, InstanceState.RESTARTING):
        return not_started(instance)
    if instance.state == InstanceState.STOPPED:
        return Outcome(ProofState.FAILED, "proof.instance_gone")
    if instance.state == InstanceState.PENDING:
        waited = {"seconds": f"{settings.PROOF_PATIENCE_SECONDS:g}", "host": instance.host}
        if instance.pk in proofs_without_room():
            return Outcome(ProofState.FAILED, NO_ROOM, waited | {"memory": instance.memory_limit})
        return Outcome(ProofState.FAILED, "proof.no_supervisor", waited)
    return Outcome(ProofState.FAILED, "proof.not_healthy", {"seconds": instance.load_seconds})


@transaction.atomic
def _end(record: ProofRecord, outcome: Outcome) -> bool:
    """Keep what came of it, and let the version come to rest where it waits for that. False for whoever is late."""
    # Whoever deletes the version holds its model first, too.
    version = ModelVersion.objects.select_related("model").filter(pk=record.version_id).first()
    if version is None or lock_model(version.model_id) is None:
        return False
    instance = Instance.objects.filter(proof_records=record).first()
    values = {
        "answer": dict(outcome.answer),
        "answer_seconds": outcome.seconds,
        "reason_code": outcome.code,
        "reason_params": dict(outcome.params),
        **measured(instance),
    }
    if suggestion := values.get("suggestion"):
        values["suggestion"] = steadied(suggestion, _earlier_suggestion(record))
    if not transitions_proofs.end(record, outcome.state, **values):
        return False
    _tell(version, outcome, record)
    return True


def _earlier_suggestion(record: ProofRecord) -> dict[str, Any]:
    earlier = ProofRecord.objects.filter(version=record.version_id, pk__lt=record.pk).exclude(suggestion={})
    return earlier.order_by("-pk").values_list("suggestion", flat=True).first() or {}


def _tell(version: ModelVersion, outcome: Outcome, record: ProofRecord) -> None:
    """Only the proof after a build decides on the status; a later one may raise what is known, and never lowers it."""
    said: dict[str, Any] = {"reason": outcome.code, "reason_params": dict(outcome.params)} if outcome.code else {}
    if outcome.state == ProofState.FAILED and record.decides and outcome.code != NO_ROOM:
        preparation.fail(version, outcome.code, **outcome.params)
        return
    if outcome.state == ProofState.FAILED:
        record_event(version, "proof.failed", abnormal=True, by=record.asked_by, **said)
        if record.decides:
            preparation.activate(version, proof=Proof.NOT_ASKED, code=outcome.code, **outcome.params)
        return
    record_event(version, _LINES[outcome.state], by=record.asked_by, **said)
    finish = preparation.activate if record.decides else preparation.record_proof
    finish(version, proof=_PROOFS[outcome.state], code=outcome.code, **outcome.params)

"""Proving a version again and replaying what was asked."""

import pytest

from accounts.models import AuditEvent
from registry.models import ModelVersion, Proof, Status
from serving import services_proofs
from serving.models import ProofRecord, ProofState
from serving.services_proofs import ProofRefused
from tests.serving.models_asked import ANSWERS, REFUSES, normal, package_with, running
from tests.serving.proving import SAMPLE, answer_of, ended

pytestmark = pytest.mark.usefixtures("rung")


def test_prove_now_raises_what_is_known_and_asks_again(db, tmp_path, developer):
    package = package_with(tmp_path, ANSWERS)
    version = normal(package)

    record = services_proofs.prove_now(version, by=developer)
    with running(record.instance, package):
        record = ended(record)

    assert (record.decides, record.asked_by_name, record.state) == (False, "dev", ProofState.ANSWERED)
    event = AuditEvent.objects.get(code="proof.started")
    assert (event.actor, event.params) == (developer, {"name": version.model.name, "version": version.number})
    assert (record.version.status, record.version.proof) == (Status.NORMAL, Proof.ANSWERED)


@pytest.mark.parametrize("known", [Proof.NOT_ASKED, Proof.STARTED, Proof.ANSWERED])
def test_prove_now_never_lowers_a_version(db, tmp_path, developer, known):
    package = package_with(tmp_path, REFUSES)
    version = normal(package, proof=known, sample=SAMPLE)

    record = services_proofs.prove_now(version, by=developer)
    with running(record.instance, package):
        record = ended(record)

    assert record.state == ProofState.FAILED
    assert (record.version.status, record.version.proof) == (Status.NORMAL, known)
    event = record.version.events.get(abnormal=True)
    assert (event.code, event.actor_name) == ("proof.failed", "dev")


def test_replay_sends_the_same_bytes(db, tmp_path, developer):
    package = package_with(tmp_path, ANSWERS)
    version = normal(package, sample=SAMPLE)
    first = services_proofs.prove_now(version, by=developer)
    with running(first.instance, package):
        ended(first)
    ModelVersion.objects.update(sample=None)
    version.refresh_from_db()

    again = services_proofs.replay(first, by=developer)
    with running(again.instance, package):
        again = ended(again)

    assert [event.actor_name for event in version.events.filter(code="proof.passed")] == ["dev", "dev"]
    assert again.request == first.request | {"occasion": "replay"}
    assert answer_of(again) == (200, {"rows": 3})


def test_prove_now_is_refused_with_a_reason(db, tmp_path, developer):
    version = normal()
    services_proofs.prove_now(version, by=developer)

    with pytest.raises(ProofRefused, match=r"^proof\.runs_already$"):
        services_proofs.prove_now(version, by=developer)
    ProofRecord.objects.update(state=ProofState.FAILED)
    version.engine = "MindSpore"
    with pytest.raises(ProofRefused, match=r"^proof\.no_environment$"):
        services_proofs.prove_now(version, by=developer)
    ModelVersion.objects.update(status=Status.FAILED)
    with pytest.raises(ProofRefused, match=r"^proof\.not_normal$"):
        services_proofs.prove_now(version, by=developer)

"""Asking once more what a version failed with: what comes of it is kept, and only a build decides on the version."""

from datetime import timedelta

import pytest

from registry import preparation
from registry.models import ModelVersion, Proof, Status
from serving import proof, services_proofs, tasks
from serving.models import Instance, Making, ProofRecord, ProofState, VersionEnvironment, Wanted
from serving.services_proofs import ProofRefused
from tests.serving.models_asked import ANSWERS, REFUSES, failed, package_with, running


def replayed(version, package, by):
    record = services_proofs.replay(version.proof_records.get(), by=by)
    with running(record.instance, package):
        tasks.run_proof(record.pk)
        tasks.run_proof(record.pk)
    return ProofRecord.objects.select_related("version").get(pk=record.pk)


def test_a_failed_version_that_answers_now_stays_failed(db, tmp_path, developer):
    package = package_with(tmp_path, ANSWERS)
    version = failed(package)

    record = replayed(version, package, developer)

    assert (record.state, record.decides, record.asked_by_name) == (ProofState.ANSWERED, False, "dev")
    assert (record.version.status, record.version.status_code) == (Status.FAILED, "proof.hung_up")
    assert record.version.proof == Proof.NOT_ASKED
    assert [(event.code, event.actor_name) for event in version.events.all()] == [("proof.passed", "dev")]


def test_a_failed_version_that_fails_once_more_keeps_its_own_reason(db, tmp_path, developer):
    package = package_with(tmp_path, REFUSES)
    version = failed(package)

    record = replayed(version, package, developer)

    assert (record.state, record.reason_code) == (ProofState.FAILED, "proof.sample_refused")
    assert (record.version.status, record.version.status_code) == (Status.FAILED, "proof.hung_up")
    assert [(event.code, event.abnormal) for event in version.events.all()] == [("proof.failed", True)]


def test_no_environment_is_made_for_a_failed_version(db, developer):
    version = failed(None)
    VersionEnvironment.objects.update(environment=None)

    with pytest.raises(ProofRefused, match=r"^proof\.environment_gone$"):
        services_proofs.replay(version.proof_records.get(), by=developer)

    assert VersionEnvironment.objects.get().making != Making.BUILDING
    assert not Instance.objects.exists()


def test_a_failed_version_is_replayed_once_at_a_time(db, developer):
    version = failed(None)
    first = version.proof_records.get()
    services_proofs.replay(first, by=developer)

    with pytest.raises(ProofRefused, match=r"^proof\.runs_already$"):
        services_proofs.replay(first, by=developer)


@pytest.mark.parametrize("status", [Status.IMPORTING, Status.BUILDING, Status.BUILD_FAILED])
def test_nothing_is_replayed_of_a_version_that_is_not_built(db, developer, status):
    version = failed(None)
    ModelVersion.objects.update(status=status)

    with pytest.raises(ProofRefused, match=r"^proof\.not_normal$"):
        services_proofs.replay(version.proof_records.get(), by=developer)


def test_a_later_build_ends_a_replay(db, developer):
    version = failed(None)
    record = services_proofs.replay(version.proof_records.get(), by=developer)
    ModelVersion.objects.update(status=Status.BUILDING)
    version.refresh_from_db()
    assert preparation.claim_preparation(version, lease=timedelta(minutes=1))

    assert proof.begin(version)

    record.refresh_from_db()
    assert (record.state, record.reason_code) == (ProofState.CANCELLED, "proof.superseded")
    assert record.instance.wanted == Wanted.STOPPED

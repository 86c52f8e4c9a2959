"""Proofs that nobody answers, that lose their worker, or whose time is over."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from registry.models import Status
from registry.services import release_version
from serving import proof, tasks
from serving.instance_logs import remove
from serving.models import Instance, InstanceState, ProofRecord, ProofState, Wanted
from tests.serving.models_asked import ANSWERS, building, observed, package_with, running, write_log
from tests.serving.proving import begun, ended

pytestmark = pytest.mark.usefixtures("rung")


def test_no_supervisor_gives_up_in_the_end(db, settings):
    record, instance = begun(building())
    ProofRecord.objects.update(created_at=now() - timedelta(seconds=20))
    record.refresh_from_db()
    assert proof.waiting_for_supervisor(record) is True
    assert ended(record).state == ProofState.RUNNING
    Instance.objects.update(created_at=now() - timedelta(seconds=settings.PROOF_PATIENCE_SECONDS + 1))
    instance.refresh_from_db()
    record = ProofRecord.objects.get()

    record = ended(record)

    assert (record.version.status, record.version.status_code) == (Status.FAILED, "proof.no_supervisor")
    instance.refresh_from_db()
    assert instance.wanted == Wanted.STOPPED


def test_a_model_that_never_gets_ready_is_given_up(db):
    record, instance = begun(building())
    observed(instance, InstanceState.STARTING, started_at=now() - timedelta(seconds=instance.load_seconds + 61))

    record = ended(record)

    assert record.version.reason == "It did not become ready within 600 seconds."


def test_what_the_host_lacked_all_the_time_is_named(db, settings):
    record, instance = begun(building())
    lacking = {"reason_code": "instance.cannot_begin", "reason_params": {"reason": "No space left on device"}}
    long_ago = now() - timedelta(seconds=settings.PROOF_PATIENCE_SECONDS + 1)
    observed(instance, InstanceState.RESTARTING, created_at=long_ago, **lacking)

    record = ended(record)

    assert (record.state, record.reason_code) == (ProofState.FAILED, "instance.cannot_begin")
    assert "No space left on device" in record.version.reason


def test_a_crashed_worker_loses_nothing(db, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    record, instance = begun(building(package))
    ProofRecord.objects.update(lease_until=now() - timedelta(seconds=1), attempts=1)

    with running(instance, package):
        record = ended(record)

    assert (record.state, record.attempts) == (ProofState.ANSWERED, 2)


def test_a_worker_that_always_dies_is_given_up(db, settings):
    record, instance = begun(building())
    observed(instance, InstanceState.READY, socket="/nowhere")
    ProofRecord.objects.update(lease_until=now() - timedelta(seconds=1), attempts=settings.PROOF_ATTEMPTS)

    record = ended(record)

    assert record.version.status_code == "proof.worker_died"


def test_sweep_rings_what_is_due_alone(db, rung):
    record, instance = begun(building())

    tasks.sweep_proofs()
    assert rung == []

    observed(instance, InstanceState.READY)
    tasks.sweep_proofs()
    assert rung == [("serving.run_proof", [record.pk])]


def test_sweep_takes_away_the_processes_of_old_proofs(db, settings):
    begun(building())
    old = now() - timedelta(seconds=settings.PROOF_KEPT_SECONDS + 1)
    Instance.objects.update(created_at=old, wanted=Wanted.STOPPED)
    tasks.sweep_proofs()
    assert not Instance.objects.exists()

    record = ProofRecord.objects.get()
    assert record.instance is None


def test_cancelling_an_import_takes_its_proof_along(db, admin):
    version = building()
    record, _ = begun(version)

    assert release_version(version, by=admin) is True

    assert not Instance.objects.exists()
    tasks.run_proof(record.pk)
    assert not ProofRecord.objects.exists()


def test_a_late_measure_of_memory_is_kept(db, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    record, instance = begun(building(package))
    with running(instance, package):
        ended(record)

    observed(instance, InstanceState.STOPPED, peak_memory=400 * 1024**2)
    tasks.instance_changed(instance.pk)

    record.refresh_from_db()
    assert (record.state, record.peak_memory) == (ProofState.ANSWERED, 400 * 1024**2)


def test_what_a_model_printed_last_is_kept_however_little_memory_it_took(db, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    record, instance = begun(building(package))
    with running(instance, package):
        ended(record)
    write_log(instance, "asked\nstopped\n")

    observed(instance, InstanceState.STOPPED)
    tasks.instance_changed(instance.pk)
    remove(instance.uuid)
    tasks.instance_changed(instance.pk)

    record.refresh_from_db()
    assert (record.log, record.peak_memory) == ("asked\nstopped", 300 * 1024**2)

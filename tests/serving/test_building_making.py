"""Environments for versions that are Normal already, with the real resolver and the index this machine has."""

import os
import signal
import threading
import time

import pytest
from celery import current_app
from django.conf import settings as configured
from django.db import connections
from django.utils.timezone import now

from registry import artifacts, shutdown
from registry.errors import ArtifactStoreUnavailable
from registry.models import Proof, Status, StoredFile
from serving import building, building_making, environments, rollout
from serving.environments import Workshop, is_built, place_of
from serving.errors import BackendUnavailable
from serving.models import Environment, EnvironmentState, Instance, ProofState, VersionEnvironment
from serving.proof import sweep as sweep_proofs
from serving.services_environments import (
    environment_stands,
    prepare_version_again,
    sweep_preparations,
    take_instead,
)
from serving.services_proofs import ProofRefused, prove_now
from serving.tasks import make_environment, run_proof
from tests.factories import make_member, make_version
from tests.serving.deployed import instances_of, make_service
from tests.serving.processes import dying, in_process, outcome
from tests.serving.wheels import codes, config_of, fresh, requirement, wheel_bytes

pytestmark = pytest.mark.usefixtures("environments_root", "no_needs", "machine")


@pytest.fixture
def rung(monkeypatch):
    calls = []
    monkeypatch.setattr(current_app, "send_task", lambda *call, **options: calls.append(call))
    return calls


def older_version(*texts, wheels=None, **values):
    """Normal, and imported before there were environments."""
    version = make_version(digest="d" * 64, config=config_of(*texts).as_dict(), **values)
    for path, data in (wheels or {}).items():
        stored = artifacts.ingest([data])
        StoredFile.objects.create(version=version, path=path, size=stored.size, sha256=stored.sha256)
    return version


def record_of(version):
    return VersionEnvironment.objects.get(version=version)


def test_proving_an_older_version_builds_its_environment_first(db, developer):
    version = older_version("six==1.16.0")

    proof = prove_now(version, by=developer)
    making = record_of(version).making
    waiting = proof.instance
    make_environment(version.pk)

    proof.refresh_from_db()
    record = record_of(version)
    assert (making, waiting) == ("building", None)
    assert (record.making, record.lease_until, record.attempts) == ("", None, 0)
    assert is_built(record.environment)
    assert (proof.state, proof.instance.purpose, proof.instance.state) == (ProofState.RUNNING, "proof", "pending")
    assert (fresh(version).status, fresh(version).proof) == (Status.NORMAL, Proof.NOT_ASKED)
    assert codes(version) == ["environment.requested", "build.env_started", "environment.built"]


def test_making_twice_changes_nothing(db, developer):
    version = older_version("six==1.16.0")
    prove_now(version, by=developer)
    make_environment(version.pk)

    make_environment(version.pk)

    assert Instance.objects.count() == 1
    assert codes(version) == ["environment.requested", "build.env_started", "environment.built"]


def test_a_proof_that_waits_for_its_environment_is_left_alone(db, developer, rung):
    proof = prove_now(older_version("six==1.16.0"), by=developer)

    run_proof(proof.pk)
    sweep_proofs()

    proof.refresh_from_db()
    assert (proof.state, proof.attempts, rung) == (ProofState.RUNNING, 0, [])


def test_a_second_proof_is_refused_while_the_first_waits(db, developer):
    version = older_version("six==1.16.0")
    prove_now(version, by=developer)

    with pytest.raises(ProofRefused, match=r"^proof\.runs_already$"):
        prove_now(version, by=developer)


def test_a_build_that_fails_fails_the_proof_and_never_lowers_the_version(db, developer):
    version = older_version("numpy==1.15.4", proof=Proof.ANSWERED)

    proof = prove_now(version, by=developer)
    make_environment(version.pk)

    proof.refresh_from_db()
    record = record_of(version)
    after = fresh(version)
    assert (proof.state, proof.reason_code) == (ProofState.FAILED, "build.source_not_allowed")
    assert "numpy==1.15.4" in proof.reason
    assert (record.making, record.reason_code, record.environment) == ("failed", "build.source_not_allowed", None)
    assert "numpy==1.15.4" in record.log
    assert record.proposals[0]["taken"].startswith("numpy==1.2")
    assert (after.status, after.proof, after.status_code) == (Status.NORMAL, Proof.ANSWERED, "")
    assert codes(version) == ["environment.requested", "environment.failed", "proof.failed"]


def test_what_was_proposed_can_be_taken_and_the_version_stays_normal(db, developer):
    version = older_version("six==99")
    prove_now(version, by=developer)
    make_environment(version.pk)

    overlay = take_instead(version, ["six"], by=developer)
    make_environment(version.pk)

    record = record_of(version)
    assert (record.overlay, record.making, fresh(version).status) == (overlay, "", Status.NORMAL)
    assert record.environment.lock.startswith("six==")
    assert environment_stands(version)


def test_proving_again_after_a_failure_tries_again(db, developer):
    version = older_version("sixx-that-nobody-made==1")
    prove_now(version, by=developer)
    make_environment(version.pk)

    proof = prove_now(version, by=developer)

    record = record_of(version)
    assert (record.making, record.reason_code, record.attempts) == ("building", "", 0)
    assert (proof.state, proof.instance) == (ProofState.RUNNING, None)


def test_an_environment_whose_files_are_gone_is_built_from_its_lock(db, developer, monkeypatch):
    data = wheel_bytes()
    wheels = {"model/wheels/tool-1.0-py3-none-any.whl": data}
    version = older_version("six==1.16.0", requirement("tool", wheel=next(iter(wheels))), wheels=wheels)
    prepare_version_again(version, by=developer)
    make_environment(version.pk)
    first = record_of(version).environment
    environments.remove(first)
    monkeypatch.setattr(Workshop, "resolve", lambda *call, **options: pytest.fail("resolved"))

    proof = prove_now(version, by=developer)
    make_environment(version.pk)

    proof.refresh_from_db()
    assert (record_of(version).environment, is_built(first)) == (first, True)
    assert proof.instance is not None


def test_a_lock_of_another_python_is_made_anew(db, developer):
    version = older_version("six==1.16.0")
    old = Environment.objects.create(
        digest="a" * 64, lock="six==1.15.0\n", interpreter="CPython 3.9", state=EnvironmentState.READY, used_at=now()
    )
    VersionEnvironment.objects.create(version=version, environment=old)

    prepare_version_again(version, by=developer)
    make_environment(version.pk)

    environment = record_of(version).environment
    assert (environment != old, environment.lock.startswith("six==1.16.0")) == (True, True)


def test_deploying_an_older_version_waits_for_its_environment(db):
    version = older_version("six==1.16.0")
    service = make_service(version)
    rollout.reconcile(service)
    before = instances_of(service).count()

    make_environment(version.pk)
    rollout.reconcile(service)

    assert (before, instances_of(service).count()) == (0, 1)


def test_a_build_that_fails_ends_the_deployment_with_its_reason(db):
    version = older_version("sixx-that-nobody-made==1")
    service = make_service(version)

    make_environment(version.pk)
    rollout.reconcile(service)

    service.refresh_from_db()
    assert (service.state, service.reason_code) == ("failed", "build.package_unknown")
    assert fresh(version).status == Status.NORMAL


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BackendUnavailable("build.index_unavailable", log="no route"), "build.index_unavailable_gave_up"),
        (ArtifactStoreUnavailable(), "build.store_unavailable_gave_up"),
    ],
)
def test_what_may_pass_is_tried_again_and_given_up_in_the_end(db, developer, monkeypatch, error, code):
    def refuse(*call, **options):
        raise error

    monkeypatch.setattr(Workshop, "resolve", refuse)
    version = older_version("six==1.16.0")
    proof = prove_now(version, by=developer)

    states = []
    for _ in range(configured.BUILD_ATTEMPTS):
        make_environment(version.pk)
        states.append(record_of(version).making)

    proof.refresh_from_db()
    assert states == ["building", "building", "failed"]
    assert (record_of(version).reason_code, proof.reason_code) == (code, code)


def test_a_bug_is_told_with_its_number(db, developer, monkeypatch):
    def break_down(*call, **options):
        raise RuntimeError("oops")

    monkeypatch.setattr(Workshop, "resolve", break_down)
    version = older_version("six==1.16.0")
    proof = prove_now(version, by=developer)

    make_environment(version.pk)

    proof.refresh_from_db()
    assert (record_of(version).making, proof.reason_code, len(proof.reason_params["id"])) == ("failed", "build.bug", 12)


def test_a_worker_that_stops_hands_it_back(db, developer, monkeypatch):
    version = older_version("six==1.16.0")
    prove_now(version, by=developer)
    monkeypatch.setattr(shutdown, "asked", lambda: True)

    make_environment(version.pk)

    record = record_of(version)
    assert (record.making, record.lease_until, record.attempts) == ("building", None, 0)


def test_the_sweep_rings_what_waits_and_ends_what_kills_workers(db, developer, rung):
    waiting, deadly, held = (older_version("six==1.16.0", name=name) for name in ("a", "b", "c"))
    proofs = [prove_now(version, by=developer) for version in (waiting, deadly, held)]
    past, rows = now().replace(year=2020), VersionEnvironment.objects
    rows.filter(version=deadly).update(attempts=configured.BUILD_ATTEMPTS, lease_until=past)
    rows.filter(version=held).update(attempts=1, lease_until=now().replace(year=2100))

    sweep_preparations()

    proofs[1].refresh_from_db()
    assert rung == [("serving.make_environment", [waiting.pk])]
    assert (proofs[1].state, proofs[1].reason_code) == (ProofState.FAILED, "build.worker_died")


def test_deleting_the_version_ends_the_build(db, developer, monkeypatch):
    version = older_version("six==1.16.0")
    prove_now(version, by=developer)
    found = Workshop.resolve

    def deleting(shop, lines, **options):
        version.delete()
        return found(shop, lines, **options)

    monkeypatch.setattr(Workshop, "resolve", deleting)

    make_environment(version.pk)

    assert not VersionEnvironment.objects.exists()
    assert not Environment.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("owner", "name", "after"),
    [
        (Workshop, "resolve", False),
        (Workshop, "install", False),
        (environments, "put_in_place", True),
        (building.transitions, "ready", True),
        (building_making.transitions, "end", True),
    ],
)
def test_a_worker_that_is_killed_is_healed_by_the_sweep(settings, monkeypatch, rung, owner, name, after):
    settings.BUILD_LEASE_SECONDS = 1
    version = older_version("six==1.16.0")
    proof = prove_now(version, by=make_member("ann"))
    rung.clear()

    def work():
        dying(monkeypatch, owner, name, after=after)
        make_environment(version.pk)

    assert outcome(in_process(work)) == -signal.SIGKILL
    proof.refresh_from_db()
    assert (record_of(version).making, proof.instance) == ("building", None)

    time.sleep(1.1)
    sweep_preparations()
    make_environment(version.pk)

    proof.refresh_from_db()
    assert rung == [("serving.make_environment", [version.pk])]
    assert (record_of(version).making, is_built(record_of(version).environment)) == ("", True)
    assert (proof.instance is not None, Instance.objects.count()) == (True, 1)


@pytest.mark.django_db(transaction=True)
def test_two_workers_build_it_once(rung):
    version = older_version("six==1.16.0")
    prove_now(version, by=make_member("ann"))

    workers = [in_process(lambda: (make_environment(version.pk), os._exit(0))) for _ in range(2)]

    assert [outcome(worker) for worker in workers] == [0, 0]
    assert codes(version) == ["environment.requested", "build.env_started", "environment.built"]
    assert Instance.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_proof_asked_for_while_the_build_ends_loses_nothing(rung):
    version = older_version("six==1.16.0")
    person = make_member("ann")
    prepare_version_again(version, by=person)
    asked = []

    def ask():
        try:
            asked.append(prove_now(version, by=person))
        finally:
            connections.close_all()

    def work():
        try:
            make_environment(version.pk)
        finally:
            connections.close_all()

    worker = threading.Thread(target=work)
    worker.start()
    while record_of(version).environment is None:
        time.sleep(0.01)
    asking = threading.Thread(target=ask)
    asking.start()
    worker.join(60)
    asking.join(60)

    asked[0].refresh_from_db()
    assert (asked[0].instance is not None, Instance.objects.count()) == (True, 1)
    assert place_of(record_of(version).environment).is_dir()

from datetime import timedelta

import pytest
from celery import current_app

from registry import preparation
from registry.models import ModelVersion, Proof, Status
from tests.factories import make_version

MINUTE = timedelta(minutes=1)
OVER = timedelta(minutes=-1)


@pytest.fixture
def building(db):
    return make_version(status=Status.BUILDING, digest="d" * 64)


@pytest.fixture
def rung(monkeypatch, settings):
    calls = []
    settings.VERSION_PREPARER = "serving.prepare"
    monkeypatch.setattr(current_app, "send_task", lambda *call: calls.append(call))
    return calls


def codes(version):
    return [event.code for event in version.events.order_by("id")]


def same(version):
    return ModelVersion.objects.get(pk=version.pk)


def test_claim_preparation_is_won_once(building):
    other = same(building)

    assert preparation.claim_preparation(building, lease=MINUTE) is True
    assert preparation.claim_preparation(other, lease=MINUTE) is False
    assert (building.attempts, codes(building)) == (1, ["build.started"])


def test_claim_preparation_takes_over_a_lease_that_ran_out(building):
    dead = same(building)
    preparation.claim_preparation(dead, lease=OVER)

    assert preparation.claim_preparation(building, lease=MINUTE) is True
    assert building.attempts == 2
    assert preparation.activate(dead, proof=Proof.STARTED) is False


def test_claim_preparation_needs_a_version_in_building(db):
    assert preparation.claim_preparation(make_version(), lease=MINUTE) is False


def test_activate_makes_the_version_normal(building):
    preparation.claim_preparation(building, lease=MINUTE)

    assert preparation.activate(building, proof=Proof.ANSWERED) is True

    building.refresh_from_db()
    assert (building.status, building.proof, building.lease_until) == (Status.NORMAL, Proof.ANSWERED, None)
    assert codes(building) == ["build.started", "build.done", "import.done"]
    assert building.model.latest_status == Status.NORMAL
    assert preparation.activate(building, proof=Proof.STARTED) is False


def test_nothing_ends_a_build_that_was_not_claimed(building):
    assert preparation.activate(building, proof=Proof.STARTED) is False
    assert preparation.fail_build(building, "build.failed") is False


def test_fail_build_says_why(building):
    preparation.claim_preparation(building, lease=MINUTE)

    assert preparation.fail_build(building, "cannot_run.needs_spark") is True

    building.refresh_from_db()
    assert (building.status, building.reason) == (
        Status.BUILD_FAILED,
        "This engine needs a Spark installation with Java.",
    )
    assert building.events.get(abnormal=True).code == "build.failed"


def test_fail_ends_what_was_built_but_does_not_work(building):
    preparation.claim_preparation(building, lease=MINUTE)

    assert preparation.fail(building, "cannot_run.needs_spark") is True

    building.refresh_from_db()
    assert (building.status, building.status_code) == (Status.FAILED, "cannot_run.needs_spark")
    assert building.events.get(abnormal=True).code == "import.failed"
    assert building.model.latest_status == Status.FAILED
    assert preparation.fail(building, "cannot_run.needs_spark") is False


def test_renew_keeps_a_claim_that_still_stands(building):
    preparation.claim_preparation(building, lease=MINUTE)
    claimed_until = building.lease_until

    assert preparation.renew(building, lease=2 * MINUTE) is True

    assert building.lease_until > claimed_until
    assert preparation.activate(building, proof=Proof.STARTED) is True


def test_renew_tells_that_the_version_was_taken_over_or_deleted(building):
    lost = same(building)
    preparation.claim_preparation(lost, lease=OVER)
    preparation.claim_preparation(building, lease=MINUTE)

    assert preparation.renew(lost, lease=MINUTE) is False
    building.model.delete()
    assert preparation.renew(building, lease=MINUTE) is False


def test_postpone_lets_the_version_be_claimed_after_the_wait(building):
    preparation.claim_preparation(building, lease=MINUTE)

    assert preparation.postpone(building, "cannot_run.needs_spark", wait=MINUTE) is True

    assert preparation.claim_preparation(same(building), lease=MINUTE) is False
    ModelVersion.objects.update(lease_until=building.lease_until - 2 * MINUTE)
    assert preparation.claim_preparation(building, lease=MINUTE) is True
    assert codes(building) == ["build.started", "build.postponed", "build.started"]


def test_hand_back_frees_the_version_and_does_not_count(building):
    preparation.claim_preparation(building, lease=MINUTE)

    assert preparation.hand_back(building) is True

    assert (building.lease_until, building.attempts) == (None, 0)
    assert preparation.hand_back(building) is False


@pytest.mark.parametrize("status", [Status.BUILD_FAILED, Status.FAILED])
def test_prepare_again_builds_what_was_handed_over(admin, rung, django_capture_on_commit_callbacks, status):
    version = make_version(status=status, digest="d" * 64, attempts=3, status_code="build.failed")

    with django_capture_on_commit_callbacks(execute=True):
        assert preparation.prepare_again(version, by=admin) is True

    version.refresh_from_db()
    assert (version.status, version.status_code, version.attempts) == (Status.BUILDING, "", 0)
    assert rung == [("serving.prepare", [version.pk])]


def test_prepare_again_leaves_an_import_that_failed(admin, rung):
    version = make_version(status=Status.FAILED)

    assert preparation.prepare_again(version, by=admin) is False


def test_prepare_again_needs_a_preparer(admin, settings):
    settings.VERSION_PREPARER = ""
    version = make_version(status=Status.BUILD_FAILED, digest="d" * 64)

    assert preparation.prepare_again(version, by=admin) is False
    assert same(version).status == Status.BUILD_FAILED

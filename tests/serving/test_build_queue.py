"""Builds have a queue and a process of their own: what else there is to do never stands behind them."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from console.celery import app
from console.launcher import command
from registry.models import ModelVersion, Status, VersionEvent
from serving import proof, services_environments
from serving.building import PREPARE
from serving.building_making import MAKE
from serving.models import Environment
from serving.services_environments import RUNG_AT_ONCE, sweep_preparations
from serving.transitions_environments import find_or_add
from tests.factories import make_version
from tests.faults import Installation, await_that

LONG_AGO = timedelta(minutes=2)


@pytest.fixture
def rung(monkeypatch, settings):
    """Task, version and queue of each bell."""
    settings.VERSION_PREPARER = PREPARE
    calls = []

    def ring(task, args, *, expires, queue=""):
        calls.append((task, *args, queue))

    monkeypatch.setattr(services_environments.current_app, "send_task", ring)
    return calls


def waiting_version(name="digits", *, since=timedelta(), **values):
    version = make_version(name, status=Status.BUILDING, digest="d" * 64, **values)
    event = VersionEvent.objects.create(version=version, code="import.checked")
    VersionEvent.objects.filter(pk=event.pk).update(at=now() - since)
    return version


def test_builds_alone_are_for_the_builder():
    app.loader.import_default_modules()

    routes = {task: app.amqp.router.route({}, task) for task in app.tasks}

    elsewhere = {task: route["queue"].name for task, route in routes.items() if "queue" in route}
    assert elsewhere == {PREPARE: "builds", MAKE: "builds"}
    assert {route["priority"] for route in routes.values()} == {6}
    assert app.conf.task_default_queue == "celery"


@pytest.mark.parametrize(("role", "queue", "places"), [("worker", "celery", "2"), ("builder", "builds", "3")])
def test_process_works_off_its_queue(role, queue, places, settings, tmp_path):
    settings.BUILDS_AT_ONCE = 3

    line = command(role, run=tmp_path, node=f"{role}-7")

    options = dict(zip(line[-6::2], line[-5::2], strict=True))
    assert options == {"--hostname": f"{role}-7@%h", "--queues": queue, "--concurrency": places}


@pytest.mark.faults
@pytest.mark.timeout(120)
def test_import_and_rollout_go_on_beside_a_build_that_hangs():
    with Installation(MODELPORT_VERSION_PREPARER=PREPARE, MODELPORT_BUILD_SWEEP_SECONDS="0.3") as installation:
        (installation.data / "hang").touch()
        for role in ("worker", "builder", "beat"):
            installation.start(role)
        builds = [installation("submit", f"slow-{number}") for number in range(3)]
        await_that(lambda: "build.started" in installation("look", builds[0])["events"], 60, installation.tail)

        job = installation.await_end(installation("submit", "quick"))
        service = installation("deploy_service", "beside")
        await_that(lambda: installation("look_at_service", service)["instances"], 30, installation.tail)

        rolled = installation("look_at_service", service)
        started = ["build.started" in installation("look", build)["events"] for build in builds]
    assert (job["state"], job["version"]) == ("succeeded", "building")
    assert rolled == {"state": "deploying", "phase": "schedule", "instances": 1}
    assert started == [True, False, False]


def test_build_that_nobody_takes_is_rung_at_the_workers(db, rung, caplog):
    forgotten, fresh = waiting_version(since=LONG_AGO), waiting_version("fresh")

    sweep_preparations()

    assert rung == [(PREPARE, forgotten.pk, "celery"), (PREPARE, fresh.pk, "")]
    assert [record.version for record in caplog.records] == [forgotten.pk]


def test_build_that_waits_behind_another_stays_with_the_builder(db, rung):
    waiting = waiting_version(since=LONG_AGO)
    waiting_version("held", lease_until=now() + timedelta(minutes=1))

    sweep_preparations()

    assert rung == [(PREPARE, waiting.pk, "")]


def test_builder_between_two_builds_keeps_what_waits(db, rung):
    waiting = waiting_version(since=LONG_AGO)
    find_or_add("e" * 64, lock="", interpreter="3.11")

    sweep_preparations()
    Environment.objects.update(used_at=now() - LONG_AGO)
    sweep_preparations()

    assert rung == [(PREPARE, waiting.pk, ""), (PREPARE, waiting.pk, "celery")]


def test_proof_that_holds_its_version_is_no_build(db, rung):
    waiting = waiting_version(since=LONG_AGO)
    held = waiting_version("held")
    ModelVersion.objects.filter(pk=held.pk).update(lease_until=now() + timedelta(minutes=1))
    proof.start(held, {}, decides=True)

    sweep_preparations()

    assert rung == [(PREPARE, waiting.pk, "celery")]


def test_replay_beside_a_build_does_not_hide_it(db, rung):
    waiting = waiting_version(since=LONG_AGO)
    built = waiting_version("built")
    proof.start(built, {})
    ModelVersion.objects.filter(pk=built.pk).update(lease_until=now() + timedelta(minutes=1))

    sweep_preparations()

    assert rung == [(PREPARE, waiting.pk, "")]


def test_sweep_rings_for_the_first_only(db, rung):
    waiting = [waiting_version(f"m{number}") for number in range(RUNG_AT_ONCE + 3)]

    sweep_preparations()

    assert rung == [(PREPARE, version.pk, "") for version in waiting[:RUNG_AT_ONCE]]

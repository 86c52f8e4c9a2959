"""What several processes do with environments on one database, and what a killed one leaves."""

import os
import signal
import threading
import time

import pytest
from django.db import connections

from registry.models import ModelVersion, Status
from registry.services import release_version
from serving import building, environments
from serving.environments import Workshop, place_of
from serving.models import Environment, EnvironmentState, VersionEnvironment
from serving.services_environments import sweep_environments, sweep_preparations
from serving.tasks import prepare
from tests.serving.processes import dying, in_process, lives, outcome
from tests.serving.wheels import answer, building_version, codes, fresh, left_over, run

pytestmark = pytest.mark.usefixtures("environments_root", "no_needs")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("owner", "name", "after"),
    [
        (Workshop, "resolve", False),
        (building, "_linked", True),
        (Workshop, "install", False),
        (environments, "put_in_place", False),
        (environments, "put_in_place", True),
        (building.transitions, "ready", True),
        (building.preparation, "activate", False),
    ],
)
def test_a_builder_that_is_killed_leaves_nothing_half_made(settings, monkeypatch, owner, name, after):
    settings.BUILD_LEASE_SECONDS = 1
    version = building_version("six==1.16.0")

    def work():
        dying(monkeypatch, owner, name, after=after)
        prepare(version.pk)

    assert outcome(in_process(work)) == -signal.SIGKILL
    assert fresh(version).status == Status.BUILDING
    for environment in Environment.objects.all():
        assert not place_of(environment).exists() or environments.is_built(environment)

    time.sleep(1.1)
    version = run(version)
    for folder in environments.unfinished().iterdir():
        os.utime(folder, (0, 0))
    sweep_preparations()
    sweep_environments()

    environment = version.environment_record.environment
    assert (version.status, environment.state) == (Status.NORMAL, EnvironmentState.READY)
    assert answer(environment, "import six; print(six.__version__)") == "1.16.0"
    assert left_over() == []


@pytest.mark.django_db(transaction=True)
def test_a_tool_dies_with_the_worker_that_started_it(tmp_path):
    told = tmp_path / "pid"

    def work():
        with environments.workshop(lambda: None) as shop:
            shop.run("/bin/sh", "-c", f"echo $$ > {told}; exec sleep 60")

    worker = in_process(work)
    while not (told.exists() and told.read_text().strip()):
        time.sleep(0.02)
    tool = int(told.read_text())

    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)

    for _ in range(100):
        if not lives(tool):
            break
        time.sleep(0.02)
    else:
        pytest.fail("the tool lives on")


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_one_lock_build_once():
    versions = [building_version("six==1.16.0"), building_version("six==1.16.0", name="others")]

    workers = [in_process(lambda version=version: (prepare(version.pk), os._exit(0))) for version in versions]

    assert [outcome(worker) for worker in workers] == [0, 0]
    assert [fresh(version).status for version in versions] == [Status.NORMAL, Status.NORMAL]
    told = sorted(code for version in versions for code in codes(version) if code.startswith("build.env"))
    assert told == ["build.env_reused", "build.env_started"]
    assert VersionEnvironment.objects.values("environment").distinct().count() == 1


@pytest.mark.django_db(transaction=True)
def test_cancelling_ends_a_build_at_once(admin, monkeypatch):
    version = building_version("six==1.16.0")
    begun, go_on = threading.Event(), Workshop.install

    def slow(shop, lock):
        begun.set()
        shop.run("/bin/sleep", "60")
        return go_on(shop, lock)

    monkeypatch.setattr(Workshop, "install", slow)

    def work():
        try:
            prepare(version.pk)
        finally:
            connections.close_all()

    worker = threading.Thread(target=work)
    worker.start()
    assert begun.wait(30)
    started = time.monotonic()

    assert release_version(version, by=admin) is True

    worker.join(10)
    assert time.monotonic() - started < 3
    assert not ModelVersion.objects.exists()
    assert left_over() == []
    assert Environment.objects.get().lease_until is None

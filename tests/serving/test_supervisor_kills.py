"""Supervisors that are killed at any step: the next one has every instance as it is wanted, once, within 30 seconds."""

import os
import shutil
import signal
import sqlite3
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from serving.models import Instance, Wanted
from serving.sandbox import Confined, own_interpreter
from serving.sandbox_cgroups import Groups, Limits
from serving.sandbox_processes import Sandboxed
from tests.inference.serving import package_with
from tests.serving.supervising import (
    SupervisorProcess,
    ask,
    await_row,
    await_state,
    make_instance,
    plain_environment,
    processes_with,
    stop,
    supervising,
    want,
)

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]
ADOPTED_SECONDS = 30
# Each with what the instances are wanted to be when it is reached.
WHILE_STARTING = [
    *("before forget", "after rows", "before unpack", "after plan", "after listen", "after spawn"),
    *("after started", "before write", "before ready", "after ready"),
]
WHILE_STOPPING = ["after terminate", "before clear", "after clear"]


@pytest.fixture
def instance(tmp_path):
    shutil.rmtree(settings.DATA / "packages", ignore_errors=True)
    return make_instance(package_with(tmp_path), plain_environment(), name="killed")


@pytest.fixture
def dying():
    """Starts a supervisor that is killed at a point."""
    started = []

    def start(point):
        started.append(SupervisorProcess(command=("-m", "tests.serving.dying_supervisor", *point.split())))
        return started[-1]

    yield start
    for supervisor in started:
        supervisor.kill()


def await_end(supervisor):
    assert supervisor.process.wait(60) == -signal.SIGKILL


def servers(name="killed"):
    return [pid for pid in processes_with(f"--name {name}") if b"bwrap" not in command_of(pid)]


def command_of(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def await_nobody(text, seconds=10):
    until = time.monotonic() + seconds
    while processes_with(text) and time.monotonic() < until:
        time.sleep(0.1)
    return processes_with(text)


@pytest.mark.parametrize("point", WHILE_STARTING)
def test_supervisor_killed_while_it_starts_an_instance_neither_loses_nor_doubles_it(instance, dying, point):
    await_end(dying(point))
    began = time.monotonic()

    with supervising():
        row = await_row(instance, lambda row: row.state == "ready" and row.pid in servers(), ADOPTED_SECONDS)

        assert ask(row, {"a": 1}) == (200, {"a": 1})
        assert servers() == [row.pid]
        assert time.monotonic() - began < ADOPTED_SECONDS


@pytest.mark.parametrize("point", WHILE_STOPPING)
def test_supervisor_killed_while_it_stops_an_instance_leaves_it_stopped(instance, dying, point):
    killed = dying(point)
    await_state(instance, "ready")
    want(instance, Wanted.STOPPED)
    await_end(killed)

    with supervising():
        await_state(instance, "stopped", seconds=ADOPTED_SECONDS)

        assert processes_with("--name killed") == []


def test_instances_die_with_a_killed_supervisor_and_the_next_one_starts_them(instance):
    with supervising() as first:
        row = await_state(instance, "ready")
        first.kill()
    assert await_nobody("--name killed") == []

    with supervising():
        again = await_row(instance, lambda row: row.starts == 2 and row.state == "ready", seconds=ADOPTED_SECONDS)

    assert again.socket != row.socket


def test_stopped_supervisor_stops_instances_and_keeps_what_is_wanted(instance):
    with supervising() as first:
        await_state(instance, "ready")

        assert first.stop() == 0

    row = Instance.objects.get(pk=instance.pk)
    assert (row.state, row.wanted, row.reason_code) == ("pending", "running", "instance.supervisor_stopped")
    assert (row.socket, row.pid, processes_with("--name killed")) == ("", None, [])
    with supervising():
        assert await_state(instance, "ready").starts == 2
    assert not list((settings.DATA / "run").glob("instance-sockets"))


def test_second_supervisor_of_a_data_folder_ends_at_once(instance):
    with supervising():
        await_state(instance, "ready")

        second = SupervisorProcess()

        assert second.process.wait(30) == 2
        assert "is supervised already" in second.log.read_text()
        assert len(servers()) == 1


def test_what_a_supervisor_could_not_end_is_ended_by_the_next(instance, tmp_path):
    """As after a kill in the moment between the start of a sandbox and its promise to die."""
    with supervising() as first:
        first.stop()
    code = settings.DATA / "run" / "sandbox"
    command = (str(own_interpreter()), "-I", "-c", "import time; time.sleep(4444)")
    limits = Limits(memory=64 * 1024**2, cpu=1, processes=16)
    stray = Sandboxed(
        Confined(command, limits, uid=None if os.geteuid() else 234567, code=code),
        Groups({}).make("x", limits),
        output=2,
    )
    until = time.monotonic() + 10
    while not processes_with("time.sleep(4444)") and time.monotonic() < until:
        time.sleep(0.05)

    with supervising():
        await_state(instance, "ready")

        assert stray.wait(5) == 128 + signal.SIGKILL
        assert await_nobody("time.sleep(4444)") == []


def test_killed_server_is_restarted_and_the_others_are_left_alone(instance, tmp_path):
    other = make_instance(package_with(tmp_path, name="other"), plain_environment(), name="other")
    with supervising():
        row, left = await_state(instance, "ready"), await_state(other, "ready")

        os.kill(row.pid, signal.SIGKILL)

        waiting = await_state(instance, "restarting")
        assert (waiting.reason_code, waiting.reason_params) == ("instance.killed", {"signal": "SIGKILL"})
        assert await_row(instance, lambda row: row.starts == 2 and row.state == "ready").pid != row.pid
        assert Instance.objects.get(pk=other.pk).pid == left.pid


def test_deleted_row_ends_its_process_and_takes_its_folder_away(instance):
    with supervising():
        row = await_state(instance, "ready")
        folder = settings.DATA / "instances" / str(row.uuid)
        assert folder.is_dir()

        Instance.objects.all().delete()

        assert await_nobody("--name killed") == []
        until = time.monotonic() + 10
        while folder.exists() and time.monotonic() < until:
            time.sleep(0.1)
        assert not folder.exists()


def test_rows_of_other_hosts_are_left_alone(instance):
    Instance.objects.update(host="there")
    with supervising():
        time.sleep(2)

    assert (Instance.objects.get().state, Instance.objects.get().starts) == ("pending", 0)


def test_database_that_does_not_answer_stops_no_instance(instance):
    with supervising() as running:
        row = await_state(instance, "ready")
        with sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            os.kill(row.pid, signal.SIGKILL)
            time.sleep(5)

            pids = servers()
            assert running.process.poll() is None
            assert len(pids) == 1 and pids != [row.pid]
            holder.execute("ROLLBACK")

        again = await_row(instance, lambda row: row.starts == 2 and row.state == "ready")
        assert again.pid == pids[0]


def test_started_again_when_it_is_wanted_again(instance):
    with supervising():
        await_state(instance, "ready")
        stop(instance)

        want(instance, Wanted.RUNNING)

        assert await_state(instance, "ready").starts == 2


def test_frozen_supervisor_goes_on_where_it_was(instance):
    with supervising() as running:
        row = await_state(instance, "ready")
        running.process.send_signal(signal.SIGSTOP)
        assert ask(row, {"a": 1}) == (200, {"a": 1})
        time.sleep(3)
        running.process.send_signal(signal.SIGCONT)

        assert await_row(instance, lambda now: now.seen_at > row.seen_at).pid == row.pid

"""`manage.py up` as a whole: it starts, says what is in the way, heals, and leaves nothing behind."""

import json
import os
import signal
import socket
import sqlite3
import time
import urllib.request
from pathlib import Path

import pytest

from tests.console_process import ConsoleProcess, alive, await_gone, running_console
from tests.faults import await_that

pytestmark = pytest.mark.faults


def answer(console, path):
    with urllib.request.urlopen(console.url + path, timeout=10) as response:
        return response.status, response.read().decode()


def is_ready(console):
    try:
        return answer(console, "/readyz")[0] == 200
    except OSError:
        return False


def objects_in(path):
    """The log's records; Celery warns of the superuser in lines of its own."""
    return [json.loads(line) for line in path.read_text().splitlines() if line.startswith("{")]


def test_up_says_where_it_is_and_how_to_sign_in(tmp_path):
    with running_console(tmp_path / "data") as console:
        status, _ = answer(console, "/readyz")

        assert status == 200
        assert f"http://localhost:{console.port}/" in console.output
        assert len(console.password) >= 12
        assert str(tmp_path / "data") in console.output


def test_up_takes_any_name_of_its_folder_and_any_names_of_its_own(tmp_path):
    odd = tmp_path / "my data #1 ?x=1 100% ünï"
    with running_console(odd, MODELPORT_HOSTS="models.example.org") as console:
        assert answer(console, "/readyz")[0] == 200
        assert (odd / "modelport.sqlite3").exists()
        assert odd.stat().st_mode & 0o777 == 0o700


def test_second_start_keeps_data_and_prints_no_password(tmp_path):
    with running_console(tmp_path / "data"):
        pass
    with running_console(tmp_path / "data") as console:
        with sqlite3.connect(tmp_path / "data" / "modelport.sqlite3") as database:
            people = database.execute("select username from accounts_user").fetchall()

        assert people == [("admin",)]
        assert "password" not in console.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopping_leaves_no_child_and_no_lock(tmp_path, number):
    with running_console(tmp_path / "data") as console:
        children = console.descendants()
        code = console.stop(number)

        assert len(children) >= 5
        assert code == (-9 if number == signal.SIGKILL else 0)
        assert await_gone(children) == set()
    with running_console(tmp_path / "data") as again:
        assert answer(again, "/readyz")[0] == 200


def test_second_up_on_the_same_data_is_refused(tmp_path):
    with running_console(tmp_path / "data"):
        second = ConsoleProcess(tmp_path / "data")

        assert second.wait() == 2
        assert "is in use by another `up`" in second.output
        assert len(second.output.strip().splitlines()) == 1


def test_taken_port_is_refused(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        console = ConsoleProcess(tmp_path / "data", port=taken.getsockname()[1])

        assert console.wait() == 2
        assert "set PORT to a free one" in console.output
        assert len(console.output.strip().splitlines()) == 1


def test_unwritable_data_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    console = ConsoleProcess(tmp_path / "file" / "data")

    assert console.wait() == 2
    assert "set MODELPORT_DATA to a folder of yours" in console.output
    assert len(console.output.strip().splitlines()) == 1


def test_broker_that_cannot_start_is_refused(tmp_path):
    broken = tmp_path / "bin"
    broken.mkdir()
    (broken / "redis-server").write_text("#!/bin/sh\nexit 1\n")
    (broken / "redis-server").chmod(0o755)
    console = ConsoleProcess(tmp_path / "data", PATH=f"{broken}:{os.environ['PATH']}")

    assert console.wait() == 2
    assert "the broker did not start" in console.output


def test_database_that_does_not_answer_is_refused(tmp_path):
    address = "postgres://modelport:hidden@127.0.0.1:1/modelport"
    console = ConsoleProcess(tmp_path / "data", DATABASE_URL=address, REDIS_URL="redis://127.0.0.1:1/0")

    assert console.wait(60) == 2
    assert "the database does not answer: check DATABASE_URL" in console.output
    assert "hidden" not in console.output
    assert len(console.output.strip().splitlines()) == 1


def test_dead_child_is_started_again(tmp_path):
    with running_console(tmp_path / "data") as console:
        before = console.descendants()
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                status, _ = answer(console, "/readyz")
            except OSError:
                status = 0
            if status == 200 and len(console.descendants()) >= len(before):
                break
            time.sleep(0.2)

        assert status == 200
        assert len(alive(console.descendants())) >= len(before)


def test_workers_and_their_logs_are_as_the_environment_says(tmp_path):
    chosen = {"MODELPORT_WORKERS": "2", "MODELPORT_LOG_FORMAT": "json", "MODELPORT_LOG_LEVEL": "INFO"}
    with running_console(tmp_path / "data", **chosen) as console:
        logs = {
            name: tmp_path / "data" / "logs" / f"{name}.log"
            for name in ("web", "worker", "worker-2", "builder", "beat")
        }
        ready = [f'"event": "{name}@' for name in ("worker", "worker-2", "builder")]
        await_that(lambda: all(text in logs[text[10:-1]].read_text() for text in ready))
        answer(console, "/healthz")
        # Before anything is stopped, for a broker that goes first is worth a line.
        records = {name: objects_in(path) for name, path in logs.items()}

    assert records.pop("beat") == []  # It says nothing while all is well.
    assert [name for name, found in records.items() if not found] == []
    assert {each["path"] for each in records["web"] if each["event"] == "request answered"} >= {"/healthz", "/readyz"}


def test_web_server_that_is_reloaded_has_new_processes(tmp_path):
    with running_console(tmp_path / "data") as console:
        commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in console.descendants()}
        web = {pid for pid, command in commands.items() if b"\0gunicorn\0" in command}
        first = min(web)

        os.kill(first, signal.SIGHUP)
        await_that(lambda: alive(web) == {first} and is_ready(console), seconds=60)

        assert len(console.descendants()) == len(commands)

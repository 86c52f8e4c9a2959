"""Packages that attack: what each of them gets, and that their neighbour and their supervisor go on."""

import os
import socket
import time
from pathlib import Path

import pytest
from django.conf import settings

from serving.models import Instance
from tests.inference.serving import package_with
from tests.serving.supervising import (
    ask,
    await_row,
    await_state,
    cpu_seconds,
    log_of,
    make_instance,
    plain_environment,
    processes_with,
    stop,
    supervising,
)

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]
LIMIT = 128 * 1024**2


@pytest.fixture(scope="module")
def supervisor(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), supervising() as running:
        yield running


@pytest.fixture
def start(supervisor, tmp_path):
    """An instance of a package whose `_inference` has this body, and whose module begins with this code."""

    def started(inference="return data", before="", name="hostile", **values):
        lines = "".join(f"        {line}\n" for line in inference.splitlines())
        methods = f"\n    def _preprocess(self, data):\n        return data\n\n    def _inference(self, data):\n{lines}"
        package = package_with(tmp_path, methods, before=before, name=name)
        return make_instance(package, plain_environment(), name=name, **{"memory_limit": 128} | values)

    return started


@pytest.fixture
def neighbour(start):
    """A harmless instance that must answer whatever the others do; calling it gives the seconds that took."""
    row = await_state(start(name="neighbour"), "ready")

    def answers():
        began = time.monotonic()
        assert ask(Instance.objects.get(pk=row.pk), {"a": 1}) == (200, {"a": 1})
        return time.monotonic() - began

    return answers


def test_fork_bomb_gets_no_more_processes_than_allowed_and_ends_with_its_instance(start, neighbour, supervisor):
    bomb = """
def bomb():
    while True:
        try:
            os.fork()
        except OSError:
            time.sleep(0.01)
"""
    instance = start("bomb()", before=f"import os, time\n{bomb}", name="bomb", cpu_limit="0.5")
    row = await_state(instance, "ready")
    with pytest.raises((TimeoutError, OSError)):
        ask(row, {}, seconds=3)

    assert neighbour() < 10
    assert 2 < len(processes_with("--name bomb")) <= 64
    assert stop(instance).state == "stopped"
    assert processes_with("--name bomb") == []


def test_endless_loop_costs_no_more_than_its_cpu_limit(start, neighbour):
    instance = start("while True:\n    pass", name="loop", cpu_limit="0.3")
    row = await_state(instance, "ready")
    with pytest.raises(TimeoutError):
        ask(row, {}, seconds=0.5)
    began, before = time.monotonic(), await_row(instance, lambda row: row.cpu_seconds > 0)

    after = await_row(instance, lambda row: row.cpu_seconds > before.cpu_seconds + 1)

    seconds = (after.seen_at - before.seen_at).total_seconds()
    assert after.cpu_seconds - before.cpu_seconds <= 0.3 * seconds * 1.5 + 0.2
    assert time.monotonic() - began < 60
    assert neighbour() < 10


def test_memory_hog_is_ended_restarted_and_given_up_with_the_reason(start, neighbour):
    instance = start(before="held = [bytearray(b'x') * 2**20 for _ in range(400)]", name="hog")

    row = await_state(instance, "failed")

    assert (row.reason_code, row.reason_params) == ("instance.out_of_memory", {"limit": 128})
    assert "128 MiB" in row.reason
    assert row.starts == 2
    assert os.geteuid() != 0 or row.peak_memory <= LIMIT
    assert neighbour() < 10


def test_log_flood_costs_little_disk_and_little_time_and_stops_nothing(start, neighbour, supervisor):
    flood = "import threading\n\ndef flood():\n    while True:\n        print('x' * 4000)\n"
    instance = start(before=f"{flood}\nthreading.Thread(target=flood, daemon=True).start()", name="flood")
    row = await_state(instance, "ready")
    before = cpu_seconds(supervisor.process.pid)
    time.sleep(4)

    assert cpu_seconds(supervisor.process.pid) - before < 2
    folder = settings.DATA / "instances" / str(row.uuid)
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 256 * 1024
    assert neighbour() < 10
    assert stop(instance).state == "stopped"


def test_exit_at_once_is_a_crash_that_is_restarted_with_back_off(start, neighbour):
    instance = start("os._exit(3)", before="import os", name="exit")
    first = await_state(instance, "ready")
    with pytest.raises(OSError):
        ask(first, {})

    waiting = await_state(instance, "restarting")
    again = await_state(instance, "ready")

    assert (waiting.reason_code, waiting.exit_code, waiting.socket) == ("instance.crashed", 3, "")
    assert 0 < (waiting.restart_at - waiting.seen_at).total_seconds() <= 1.1
    assert again.starts == 2
    with pytest.raises(OSError):
        ask(again, {})
    assert await_state(instance, "failed").reason == "The process ended with code 3. Its log may say why."
    assert neighbour() < 10


def test_code_that_holds_the_interpreter_is_noticed_ended_and_started_again(start, neighbour):
    instance = start("re.match(r'(a+)+$', 'a' * 60 + 'b')", before="import re", name="holds")
    row = await_state(instance, "ready")
    with pytest.raises(TimeoutError):
        ask(row, {}, seconds=1)

    assert await_state(instance, "unhealthy").reason_code == "instance.unhealthy"
    assert await_row(instance, lambda row: row.starts == 2 and row.state == "ready")
    assert neighbour() < 10


SEE = """
import ctypes, glob, os, signal, socket, subprocess

RIGHTS = ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp:")

def attempt(work):
    try:
        return repr(work())
    except BaseException as error:
        return type(error).__name__

def can_read(path):
    return len(os.listdir(path)) if os.path.isdir(path) else len(open(path, "rb").read())
"""


def test_nothing_of_the_host_or_of_others_can_be_read(start, neighbour, monkeypatch):
    other = Instance.objects.get(version__model__name="neighbour")
    instance = start('return {path: attempt(lambda: can_read(path)) for path in data["paths"]}', before=SEE, name="spy")
    row = await_state(instance, "ready")
    paths = [
        *("/etc/shadow", "/etc/passwd", "/root", "/var", "/sys", f"/proc/{os.getpid()}/environ"),
        *(settings.DATA, settings.DATA / "test.sqlite3", settings.DATA / "packages", settings.DATA / "artifacts"),
        *(settings.BASE_DIR, settings.DATA / "instances" / str(other.uuid), Path(row.socket).parent),
        *(settings.DATA / "packages" / other.version.digest, other.socket),
    ]

    status, seen = ask(row, {"paths": [str(path) for path in paths]})

    # Folders on the way to the interpreter and the environment exist, and hold nothing else.
    assert status == 200
    assert {path: found for path, found in seen.items() if not found.endswith("Error")}.items() <= {
        (str(settings.DATA), "1"),
        ("/root", "1"),
    }


def test_environment_holds_only_what_is_meant(start, neighbour):
    variables = {"MY_VALUE": "a b", "LD_PRELOAD": "/home/mind/model/evil.so", "HOME": "/root", "PYTHONPATH": "/x"}
    instance = start("return dict(os.environ)", before="import os", name="variables", variables=variables)

    status, seen = ask(await_state(instance, "ready"), {})

    threads = {name: "1" for name in seen if name.endswith("_THREADS")}
    assert status == 200
    places = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "TMPDIR": "/tmp", "USER": "mind", "LOGNAME": "mind"}
    usual = {"LANG": "C.UTF-8", "MODELPORT_LOG_LEVEL": "info", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}
    assert seen == threads | usual | variables | places


def test_no_network_and_no_socket_of_the_host_can_be_reached(start, neighbour):
    other = Instance.objects.get(version__model__name="neighbour")
    attack = """
return {
    "tcp": attempt(lambda: socket.create_connection(("127.0.0.1", data["port"]), 2)),
    "abstract": attempt(lambda: socket.socket(socket.AF_UNIX).connect("\\0modelport-test")),
    "other": attempt(lambda: socket.socket(socket.AF_UNIX).connect(data["other"])),
    "own": attempt(lambda: socket.socket(socket.AF_UNIX).connect(data["own"])),
    "machine": attempt(lambda: socket.socket(40, socket.SOCK_STREAM)),
    "packets": attempt(lambda: socket.socket(17, socket.SOCK_RAW)),
    "outside": attempt(lambda: socket.create_connection(("192.0.2.1", 80), 2)),
}"""
    row = await_state(start(attack, before=SEE, name="caller"), "ready")
    with socket.socket() as listener, socket.socket(socket.AF_UNIX) as abstract:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        abstract.bind("\0modelport-test")
        abstract.listen()

        status, seen = ask(row, {"port": listener.getsockname()[1], "other": other.socket, "own": row.socket})

    refused = {name: "ConnectionRefusedError" for name in ("tcp", "abstract")}
    absent = {name: "FileNotFoundError" for name in ("other", "own")}
    forbidden = {name: "PermissionError" for name in ("machine", "packets")}
    assert (status, seen) == (200, refused | absent | forbidden | {"outside": "OSError"})


def test_rights_of_the_kernel_are_out_of_reach(start, neighbour):
    attack = """
libc = ctypes.CDLL(None, use_errno=True)
return {
    "root": attempt(lambda: os.setuid(0)),
    "chown": attempt(lambda: os.chown("/tmp", 1, 1)),
    "user namespace": libc.unshare(0x10000000),
    "trace": libc.ptrace(16, 1, 0, 0),
    "mount": libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
    "kill the first": attempt(lambda: os.kill(1, signal.SIGKILL)) if os.getuid() else "",
    "processes": sorted(int(name) for name in os.listdir("/proc") if name.isdecimal())[-1] < 20,
    "status": [line.split()[1] for line in open("/proc/self/status") if line.startswith(RIGHTS)],
    "user": os.getuid(),
}"""
    row = await_state(start(attack, before=SEE, name="climber"), "ready")

    status, seen = ask(row, {})

    user = seen.pop("user")
    seen.pop("kill the first")
    assert status == 200
    # In a user namespace there is no other user at all.
    assert {seen.pop(name) for name in ("root", "chown")} <= {"PermissionError", "OSError"}
    assert [seen.pop(name) for name in ("user namespace", "trace", "mount")] == [-1] * 3
    assert seen == {"processes": True, "status": ["0" * 16, "0" * 16, "1", "2"]}
    assert user != 0
    assert await_state(row, "ready").starts == 1


def test_only_a_small_temporary_folder_can_be_written(start, neighbour):
    attack = """
def fill(path):
    size = 0
    with open(path, "wb") as file:
        for _ in range(64):
            size += file.write(bytes(2**20))
            file.flush()
    return size
return {path: attempt(lambda: fill(path)) for path in data["paths"]} | {"used": sum(
    os.stat(p).st_size for p in glob.glob("/tmp/*") + glob.glob("/dev/shm/*"))}"""
    row = await_state(start(attack, before=SEE, name="filler", memory_limit=256), "ready")
    python = str(settings.DATA / "environments" / ("5" * 64) / "bin" / "python")
    paths = ["/tmp/a", "/dev/shm/a", "/home/mind/model/a", "/home/mind/a", "/a", "/dev/a", "/run/a", python, "/usr/a"]

    status, seen = ask(row, {"paths": paths})

    assert status == 200
    assert seen.pop("used") <= 2 * 8 * 1024**2 + 4096
    assert set(seen.values()) <= {"OSError", "PermissionError"}
    assert await_state(row, "ready").starts == 1


def test_process_that_hides_from_its_instance_ends_with_it(start, neighbour):
    hide = "subprocess.Popen(['/bin/sh', '-c', 'trap : TERM; setsid sleep 7777 & while :; do sleep 1; done'])"
    ignore = f"{SEE}\n{hide}\nsignal.signal = lambda *_: None"
    instance = start(before=ignore, name="daemon")
    await_state(instance, "ready")
    assert processes_with("sleep 7777") != []

    stop(instance)

    assert processes_with("sleep 7777") == []


def test_one_that_does_not_listen_to_a_stop_is_killed_after_the_grace(start, neighbour):
    instance = start("while True:\n    time.sleep(1)", before="import time", name="deaf")
    row = await_state(instance, "ready")
    with pytest.raises(TimeoutError):
        ask(row, {}, seconds=0.3)
    began = time.monotonic()

    assert stop(instance).state == "stopped"
    assert time.monotonic() - began < 15
    assert processes_with("--name deaf") == []


def test_code_that_fails_while_loading_tells_file_line_and_message(start, neighbour):
    instance = start(before="raise RuntimeError('no \\0 way')", name="fails")

    row = await_state(instance, "failed")

    said = {name: row.reason_params[name] for name in ("file", "line", "message")}
    assert (row.reason_code, row.exit_code, row.starts) == ("instance.code_failed", 11, 1)
    assert (said["file"], said["line"] > 0, said["message"]) == ("model/customize_service.py", True, "no  way")
    assert "model/customize_service.py:" in row.reason
    assert "RuntimeError" in log_of(row)

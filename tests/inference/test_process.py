"""The process: answers while it works, queues within a limit, keeps its time, and stops in good order."""

import http.client
import json
import os
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.inference.serving import (
    ECHO,
    SERVER,
    failing,
    package_with,
    read_all,
    serving,
    starting,
    wait_for,
)

SLEEPER = """
    def _preprocess(self, data):
        return data

    def _inference(self, data):
        with open(data["log"], "a") as log:
            log.write(data["name"] + "\\n")
        time.sleep(data["seconds"])
        return data["name"]
"""


@pytest.fixture
def sleeper(tmp_path):
    return package_with(tmp_path, SLEEPER)


class Naps:
    """Asks for predictions that take a while, each from a thread of its own."""

    def __init__(self, server, log):
        self.server, self.log = server, log
        self.pool = ThreadPoolExecutor(12)

    def ask(self, name, seconds):
        value = {"name": name, "seconds": seconds, "log": str(self.log)}
        return self.pool.submit(self.server.ask, value)

    def begun(self):
        return self.log.read_text().split() if self.log.exists() else []

    def await_begun(self, *names):
        wait_for(lambda: self.begun() == list(names))


@pytest.fixture
def naps(tmp_path):
    return lambda server: Naps(server, tmp_path / "begun")


def counts(server):
    value = server.health().value
    return [value[name] for name in ("running", "waiting", "stuck")]


def test_health_answers_while_the_model_works(sleeper, naps):
    with serving(sleeper) as server:
        asked = naps(server)
        first = asked.ask("a", 0.5)
        asked.await_begun("a")
        second = asked.ask("b", 0)
        wait_for(lambda: counts(server) == [1, 1, 0])
        answers = [first.result().text, second.result().text]
        after = server.health()

    assert answers == ["a", "b"]
    assert after.value == {
        "health": "true", "state": "ready", "running": 0, "waiting": 0, "stuck": 0,
        "answered": 2, "failed": 0, "refused": 0,
    }  # fmt: skip


def test_one_thread_works_at_a_time_unless_more_are_asked_for(sleeper, naps):
    with serving(sleeper, "--threads", 3) as server:
        asked = naps(server)
        answers = [asked.ask(name, 0.5) for name in "abcd"]
        wait_for(lambda: counts(server) == [3, 1, 0])
        found = sorted(answer.result().text for answer in answers)

    assert found == ["a", "b", "c", "d"]


def test_more_than_the_queue_takes_is_refused(sleeper, naps):
    with serving(sleeper, "--queue", 1) as server:
        asked = naps(server)
        first = asked.ask("a", 0.5)
        asked.await_begun("a")
        second = asked.ask("b", 0)
        wait_for(lambda: counts(server) == [1, 1, 0])
        refused = server.ask({})
        results = [first.result().status, second.result().status]

    assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
    assert refused.value == {"error_code": "ModelArts.4206", "error_msg": "Too many predictions wait already"}
    assert results == [200, 200]


def test_prediction_beyond_its_time_is_answered_504_and_its_thread_told_of(sleeper, naps):
    with serving(sleeper, "--seconds", 0.3) as server:
        asked = naps(server)
        late = asked.ask("a", 1.2).result()
        health = server.health()
        back = wait_for(lambda: server.health().status == 200)
        answer = asked.ask("b", 0).result()

    assert (late.status, late.value["error_code"]) == (504, "ModelArts.4503")
    assert (health.status, health.value["health"], health.value["stuck"]) == (503, "false", 1)
    assert back
    assert answer.text == "b"
    assert [line["threads"] for line in server.events("stuck")] == [1]


def test_prediction_that_nobody_waits_for_any_more_is_told_of_when_it_hangs(sleeper, naps):
    with serving(sleeper, "--seconds", 0.3) as server:
        asked = naps(server)
        value = json.dumps({"name": "a", "seconds": 2, "log": str(asked.log)}).encode()
        with server.connect() as plug:
            plug.sendall(b"POST / HTTP/1.1\r\nHost: m\r\nContent-Length: %d\r\n\r\n" % len(value) + value)
            asked.await_begun("a")
        stuck = wait_for(lambda: server.health().status == 503)
        back = wait_for(lambda: server.health().status == 200)

    assert (stuck, back) == (True, True)
    assert len(server.events("stuck")) == 1


def test_one_stuck_thread_of_two_leaves_the_other_to_answer(sleeper, naps):
    with serving(sleeper, "--seconds", 0.3, "--threads", 2) as server:
        asked = naps(server)
        late = asked.ask("a", 3).result()
        health = server.health()
        answer = asked.ask("b", 0).result()

    assert late.status == 504
    assert (health.status, health.value["stuck"]) == (200, 1)
    assert answer.status == 200


def test_prediction_whose_turn_does_not_come_is_answered_503_and_never_done(sleeper, naps):
    with serving(sleeper, "--seconds", 0.5) as server:
        asked = naps(server)
        asked.ask("a", 2)
        asked.await_begun("a")
        waited = asked.ask("b", 0).result()
        wait_for(lambda: server.health().status == 200)
        begun = asked.begun()

    assert (waited.status, waited.value["error_msg"]) == (503, "No inference thread became free in time")
    assert begun == ["a"]


def test_request_of_a_client_that_went_away_is_not_done(sleeper, naps, tmp_path):
    with serving(sleeper) as server:
        asked = naps(server)
        first = asked.ask("a", 0.5)
        asked.await_begun("a")
        body = json.dumps({"name": "gone", "seconds": 0, "log": str(tmp_path / "begun")}).encode()
        with server.connect() as plug:
            plug.sendall(b"POST / HTTP/1.1\r\nHost: m\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            wait_for(lambda: counts(server) == [1, 1, 0])
        wait_for(lambda: counts(server) == [1, 0, 0])
        first.result()
        last = asked.ask("b", 0).result()
        begun = asked.begun()

    assert last.text == "b"
    assert begun == ["a", "b"]


def test_health_says_that_the_model_loads(tmp_path):
    package = package_with(tmp_path, before="time.sleep(1.5)")
    with starting(package) as server:
        server.await_event("listening")
        health, refused = server.health(), server.ask({"a": 1})
        server.await_event("ready")
        answer = server.ask({"a": 1})

    assert (health.status, health.value["state"]) == (503, "loading")
    assert (refused.status, refused.value["error_msg"]) == (503, "The model is loading")
    assert answer.status == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_finishes_what_is_being_answered(sleeper, naps, number):
    with serving(sleeper) as server:
        asked = naps(server)
        answers = [asked.ask("a", 0.6), asked.ask("b", 0.1)]
        wait_for(lambda: counts(server) == [1, 1, 0])
        idle = server.connect()
        server.process.send_signal(number)
        server.await_event("stopping")
        with pytest.raises(OSError):
            server.connect()
        found = [answer.result() for answer in answers]
        code = server.ended()
        left = read_all(idle)

    assert sorted(answer.text for answer in found) == ["a", "b"]
    assert [answer.headers["Connection"] for answer in found] == ["close", "close"]
    assert (code, left, server.path.exists()) == (0, b"", False)
    assert [line["abandoned"] for line in server.events("stopped")] == [0]


def test_stop_waits_for_no_client_that_has_read_its_answer_late(tmp_path):
    package = package_with(tmp_path, "    def inference(self, data):\n        return 'a' * 5_000_000\n")
    with serving(package, "--grace-seconds", 1000) as server, server.connect() as plug:
        plug.sendall(b"POST / HTTP/1.1\r\nHost: m\r\nContent-Length: 2\r\n\r\n{}")
        wait_for(lambda: server.health().value["answered"] == 1)
        server.process.send_signal(signal.SIGTERM)
        server.await_event("stopping")
        found = read_all(plug, silence=5)
        code = server.ended()

    assert (len(found) > 5_000_000, code) == (True, 0)


def test_stop_waits_no_longer_than_its_grace(sleeper, naps):
    with serving(sleeper, "--grace-seconds", 0.3) as server:
        asked = naps(server)
        asked.ask("a", 30)
        asked.await_begun("a")
        begun = time.monotonic()
        code = server.stop()
        server.ended()

    assert code == 0
    assert time.monotonic() - begun < 10
    assert [line["abandoned"] for line in server.events("stopped")] == [1]


def test_second_signal_stops_at_once(sleeper, naps):
    with serving(sleeper) as server:
        asked = naps(server)
        asked.ask("a", 30)
        asked.await_begun("a")
        server.process.terminate()
        server.await_event("stopping")
        server.process.terminate()
        code = server.process.wait(10)

    assert code == 0


def test_stop_while_the_model_loads_is_heard(tmp_path):
    with starting(package_with(tmp_path, before="time.sleep(30)")) as server:
        server.await_event("listening")
        code = server.stop()

    assert code == 0


def test_stop_leaves_no_thread_of_the_package_behind(tmp_path):
    before = "import threading\nthreading.Thread(target=time.sleep, args=[60]).start()"
    with serving(package_with(tmp_path, before=before)) as server:
        begun = time.monotonic()
        code = server.stop()

    assert code == 0
    assert time.monotonic() - begun < 15


def test_model_that_kills_its_process_is_a_crash(tmp_path):
    methods = """
    def _inference(self, data):
        import os
        os.kill(os.getpid(), 11)
"""
    with serving(package_with(tmp_path, methods)) as server:
        with pytest.raises((http.client.HTTPException, OSError)):
            server.ask({"a": 1})
        code = server.ended()

    assert code == -signal.SIGSEGV
    assert any("Segmentation fault" in line["text"] for line in server.events("noise"))


def test_model_that_takes_too_long_to_load_ends_the_process(tmp_path):
    code, line = failing(package_with(tmp_path, before="time.sleep(30)"), "--load-seconds", 0.3)

    assert (code, line["stage"], line["message"]) == (14, "load", "The model was not loaded within 0.3 seconds")


def test_socket_is_for_its_owner_alone(tmp_path):
    with serving(package_with(tmp_path)) as server:
        mode = stat.S_IMODE(server.path.stat().st_mode)

    assert mode == 0o600


def test_socket_that_is_in_use_is_not_taken(tmp_path):
    package = package_with(tmp_path)
    with serving(package) as server:
        command = [sys.executable, "-I", SERVER, "--package", package, "--socket", server.path]
        second = subprocess.run(command, capture_output=True, text=True, check=False)
        still = server.ask({"a": 1}).status

    assert (second.returncode, json.loads(second.stderr)["stage"], still) == (13, "listen", 200)
    assert "another server answers at this socket" in json.loads(second.stderr)["message"]


def test_socket_left_by_a_server_that_was_killed_is_taken_over(tmp_path):
    package = package_with(tmp_path)
    with serving(package) as server:
        server.process.kill()
        server.process.wait()
        left = server.path.exists()
        command = [sys.executable, "-I", SERVER, "--package", package, "--socket", server.path]
        second = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            answer = wait_for(lambda: _ask(server))
        finally:
            second.kill()
            second.wait()

    assert left
    assert answer.value == {"a": 1}


def _ask(server):
    try:
        answer = server.ask({"a": 1})
    except OSError:
        return None
    return answer if answer.status == 200 else None


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["--port", "80000"], 2, "invalid _port value"),
        (["--port", "0", "--threads", "0"], 2, "invalid _count value"),
        (["--port", "0", "--seconds", "nan"], 2, "invalid _number value"),
        ([], 2, "one of the arguments --socket --descriptor --port is required"),
        (["--socket", "/tmp/" + "a" * 120], 13, "the path of the socket is longer than 107 bytes"),
        (["--socket", "/nowhere/at/all"], 13, "No such file or directory"),
        (["--port", "1", "--host", "192.0.2.1"], 13, "Cannot listen"),
    ],
)
def test_wrong_arguments_end_the_process_with_the_reason(tmp_path, arguments, code, reason):
    command = [sys.executable, "-I", SERVER, "--package", package_with(tmp_path, ECHO), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == code
    assert reason in done.stderr


def test_folder_without_a_package_is_a_wrong_argument(tmp_path):
    command = [sys.executable, "-I", SERVER, "--package", tmp_path, "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        2,
        f"server.py: error: --package: no folder model/ in {tmp_path}",
    )


def test_logging_of_the_package_becomes_lines(tmp_path):
    before = "import log\nlogger = log.getLogger('mine')\nlogger.info('quiet')\nlogger.warning('loud %s', 1)"
    with serving(package_with(tmp_path, before=before)) as server:
        quiet = server.events("log")
    with serving(tmp_path / "package", environment=os.environ | {"MODELPORT_LOG_LEVEL": "info"}) as server:
        loud = server.events("log")

    assert [(line["logger"], line["level"], line["message"]) for line in quiet] == [("mine", "warning", "loud 1")]
    assert [line["message"] for line in loud] == ["quiet", "loud 1"]


@pytest.mark.parametrize(("locale", "shown"), [("C.UTF-8", "loaded 猫\n"), ("POSIX", None)])
def test_what_the_package_prints_is_seen_at_once_in_any_locale(tmp_path, locale, shown):
    package = package_with(tmp_path, before="print('loaded \u732b')")
    command = [sys.executable, "-I", SERVER, "--package", package, "--port", "0"]
    environment = os.environ | {"LC_ALL": locale}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env=environment, **pipes)
    try:
        line = process.stdout.readline().decode()
    finally:
        process.kill()
        process.communicate()

    assert line.startswith("loaded ")
    assert shown is None or line == shown

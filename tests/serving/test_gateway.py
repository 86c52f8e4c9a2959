"""The gateway as a process, before real instances: who gets in, what arrives, what is counted, what it survives."""

import json
import resource
import signal
import statistics
import subprocess
import sys
import time
import uuid
from contextlib import ExitStack, contextmanager

import pytest

from serving.gateway.table import Table
from serving.routing import Routes, document_of, encode
from tests.inference.serving import package_with, serving
from tests.serving.gateway import OTHERS, SECRET, gateway, service_of, wait_for

SERVICE = """
    def _preprocess(self, data):
        return data

    def _inference(self, data):
        time.sleep(data.get("sleep", 0))
        if "big" in data:
            return {"big": "x" * data["big"]}
        return {"data": {}}[data["missing"]] if "missing" in data else {"got": sorted(data)}
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    with serving(package_with(tmp_path_factory.mktemp("model"), SERVICE)) as running:
        yield running


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    with gateway(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture
def service(door, model):
    key, services = service_of(model.path)
    door.tell(services)
    return f"/infer/{key}"


def ask(door, path, value=None, **more):
    return door.ask(path, body=json.dumps(value or {}).encode(), Content_Type="application/json", **more)


def test_call_with_a_token_is_answered_by_the_model(door, service):
    found = ask(door, service, {"a": 1})

    assert (found.status, found.value) == (200, {"got": ["a"]})


@pytest.mark.parametrize("header", ["X-Auth-Token", "Authorization"])
def test_token_is_taken_from_either_header(door, service, header):
    value = SECRET if header == "X-Auth-Token" else f"bearer {SECRET}"

    assert ask(door, service, token="", **{header: value}).status == 200


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "APIG.0301"),
        ({"X-Auth-Token": ""}, 401, "APIG.0301"),
        ({"X-Auth-Token": "mp_wrong"}, 401, "APIG.0301"),
        ({"Authorization": "Basic " + SECRET}, 401, "APIG.0301"),
        ({"Authorization": "Bearer mp_wrong", "X-Auth-Token": SECRET}, 401, "APIG.0301"),
        ({"X-Auth-Token": OTHERS}, 404, "APIG.0101"),
        ({"Cookie": "sessionid=" + SECRET}, 401, "APIG.0301"),
    ],
)
def test_call_without_a_right_is_refused(door, service, headers, status, code):
    found = ask(door, service, token="", **headers)

    assert (found.status, found.value["error_code"]) == (status, code)
    assert found.value["request_id"] == found.headers["X-Request-ID"]


def test_another_workspace_s_service_is_answered_like_one_that_is_not_there(door, service):
    others = ask(door, service, token=OTHERS)
    unknown = ask(door, f"/infer/{uuid.uuid4()}", token=OTHERS)

    told = [{name: text for name, text in each.value.items() if name != "request_id"} for each in (others, unknown)]
    assert told[0] == told[1]


def test_expired_token_is_refused_by_the_gateway_s_own_clock(door, model):
    key, services = service_of(model.path)
    end = time.time() + 1.0
    door.tell(services, tokens=[(SECRET, 1, end)])

    before = ask(door, f"/infer/{key}").status
    wait_for(lambda: time.time() > end)
    after = ask(door, f"/infer/{key}")

    assert before == 200
    assert (after.status, after.value["error_msg"]) == (401, "The API token has expired.")


def test_service_that_does_not_run_says_so(door):
    key = str(uuid.uuid4())
    door.tell({key: (1, [])})

    found = ask(door, f"/infer/{key}")

    assert (found.status, found.value["error_code"]) == (503, "ModelArts.4203")


def test_service_without_a_ready_instance_says_so_and_counts_nothing(door):
    key, services = service_of()
    door.tell(services)

    found = ask(door, f"/infer/{key}")

    assert (found.status, found.value["error_code"]) == (503, "ModelArts.4302")
    assert [row for row in door.counted() if row[0] == key] == []


def test_instance_that_is_gone_is_passed_over(door, model):
    key, services = service_of("/nowhere/at-all", model.path)
    door.tell(services)

    assert [ask(door, f"/infer/{key}").status for _ in range(4)] == [200] * 4


def test_service_whose_only_instance_is_gone_answers_503(door):
    key, services = service_of("/nowhere/at-all")
    door.tell(services)

    found = ask(door, f"/infer/{key}")

    assert (found.status, found.value["error_code"]) == (503, "ModelArts.4302")


def test_model_s_own_error_arrives_as_it_is(door, service):
    found = ask(door, service, {"missing": "x"})

    assert (found.status, found.value["error_code"]) == (400, "MR.0105")


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
def test_large_answer_arrives_whole(door, service, size):
    found = ask(door, service, {"big": size})

    assert (found.status, len(found.value["big"])) == (200, size)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [10, 65_000, 70_000, 5_000_000])
def test_body_arrives_whole(door, service, size, chunked):
    body = json.dumps({"x" * size: 1}).encode()

    found = door.ask(service, body=iter([body[:9], body[9:]]) if chunked else body, Content_Type="application/json")

    assert found.status == 200
    assert [len(name) for name in found.value["got"]] == [size]


@pytest.mark.parametrize("chunked", [False, True])
def test_body_of_exactly_the_limit_passes_and_one_byte_more_does_not(door, service, chunked):
    limit = 12 * 1024 * 1024
    fits = b'{"a": "%s"}' % (b"x" * (limit - 9))

    answers = [
        door.ask(service, body=iter([body]) if chunked else body, Content_Type="application/json")
        for body in (fits, fits + b" ")
    ]

    assert len(fits) == limit
    assert [found.status for found in answers] == [200, 413]
    assert answers[1].value["error_code"] == "APIG.0201"


def test_request_id_is_kept_or_made(door, service):
    kept = ask(door, service, X_Request_ID="my-id.1")
    made = [ask(door, service, X_Request_ID=bad).headers["X-Request-ID"] for bad in ("a b", "x" * 101, "é")]

    assert kept.headers["X-Request-ID"] == "my-id.1"
    assert [len(each) for each in made] == [32, 32, 32]
    assert len(set(made)) == 3


def test_kept_connection_never_stalls(door, service):
    """Head and body in packets of their own: with Nagle's algorithm somewhere each call would take 40 ms."""
    head = f"POST {service} HTTP/1.1\r\nHost: m\r\nX-Auth-Token: {SECRET}\r\nContent-Length: 2\r\n\r\n".encode()
    times = []
    with door.connect() as plug:
        for _ in range(40):
            begun = time.perf_counter()
            plug.sendall(head)
            plug.sendall(b"{}")
            answer = plug.recv(65536)
            times.append(time.perf_counter() - begun)
            assert answer.startswith(b"HTTP/1.1 200"), answer

    assert statistics.median(times) < 0.03


def test_calls_are_counted_by_service_version_and_minute(door, model):
    version = str(uuid.uuid4())
    key, services = service_of(model.path, version=version)
    door.tell(services)
    for value in ({}, {"missing": "x"}, {"sleep": 0.1}):
        ask(door, f"/infer/{key}", value)
    ask(door, f"/infer/{key}", token="mp_wrong")

    rows = wait_for(lambda: [row for row in door.counted() if row[0] == key] if _calls(door, key) >= 3 else [])

    assert {row[1] for row in rows} == {version}
    assert [row[2] % 60 for row in rows] == [0] * len(rows)
    assert (sum(row[3] for row in rows), sum(row[4] for row in rows)) == (3, 0)
    assert sum(count for row in rows for count in row[5].values()) == 3


def _calls(door, key):
    return sum(row[3] for row in door.counted() if row[0] == key)


def test_stopped_gateway_leaves_what_it_has_counted(tmp_path, model):
    with gateway(tmp_path) as door:
        key, services = service_of(model.path)
        door.tell(services)
        ask(door, f"/infer/{key}")
        door.process.send_signal(signal.SIGTERM)
        code = door.process.wait(20)

        assert (code, _calls(door, key)) == (-signal.SIGTERM, 1)


def test_weights_share_out_the_calls(door, model):
    key, versions = str(uuid.uuid4()), [str(uuid.uuid4()) for _ in range(3)]
    shares = [(version, weight, (str(model.path),)) for version, weight in zip(versions, (70, 30, 0), strict=True)]
    door.tell({key: (1, shares)})

    for _ in range(20):
        ask(door, f"/infer/{key}")

    wait_for(lambda: _calls(door, key) >= 20)
    by_version = {version: sum(row[3] for row in door.counted() if row[1] == version) for version in versions}
    assert list(by_version.values()) == [14, 6, 0]


@pytest.mark.parametrize("broken", [b"", b"modelport-routes 1 9 abc\n{}", encode(document_of(Routes()), 999)[:-3]])
def test_broken_snapshot_leaves_the_last_one_in_force(door, service, broken):
    door.put(broken)
    time.sleep(0.5)

    assert ask(door, service).status == 200


def test_snapshot_that_is_removed_leaves_the_last_one_in_force(door, service):
    door.snapshot.unlink()
    time.sleep(0.5)

    assert ask(door, service).status == 200


def test_snapshot_that_could_not_be_read_is_read_when_it_can_be(tmp_path):
    """A file that has not changed since: else a token would open services long after it was revoked."""
    path = tmp_path / "routes"
    path.write_bytes(encode(document_of(Routes()), 7))
    table = Table(path, calls=1)

    with open_files(1):
        table.look()
    before = table.serial
    table.look()

    assert (before, table.serial) == (-1, 7)


def test_clients_that_only_hold_connections_keep_nobody_from_being_answered(tmp_path, model):
    key, services = service_of(model.path)
    with gateway(tmp_path, most_files=128) as door, ExitStack() as stack:
        door.tell(services)
        for _ in range(200):
            stack.enter_context(door.connect())

        found = door.ask(f"/infer/{key}", body=b'{"a": 1}', Content_Type="application/json")

    assert found.status == 200


@contextmanager
def open_files(most):
    """What is started meanwhile may have so many files open, unless it asks for more."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_gateway_without_any_snapshot_says_so(tmp_path):
    with gateway(tmp_path) as door:
        health = door.health()
        found = ask(door, f"/infer/{uuid.uuid4()}")

    assert (health.status, health.value["health"]) == (503, False)
    assert (found.status, found.value["error_code"]) == (503, "ModelArts.4302")


def test_gateway_needs_nothing_of_django():
    code = "import sys, serving.gateway.process; print([name for name in sys.modules if name.startswith('django')])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_killed_gateway_answers_again_after_its_start(tmp_path, model):
    key, services = service_of(model.path)
    with gateway(tmp_path) as door:
        door.tell(services)
        ask(door, f"/infer/{key}")
    half = tmp_path / "run" / "calls" / ".1-1-1.json"
    half.parent.mkdir(exist_ok=True)
    half.write_bytes(b"{")

    with gateway(tmp_path) as door:
        assert ask(door, f"/infer/{key}").status == 200
        assert not half.exists()

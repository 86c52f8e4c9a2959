"""Servers that are none, do not answer, or answer what nobody may believe."""

import json
import socket
import threading
import tracemalloc

import pytest

from importers.mlflow import Client
from importers.mlflow_http import Place, check_address
from registry.findings import message_for
from stores.errors import SourceRefused, SourceUnavailable
from tests.stores.answers import Answer, answering

JSON = {"Content-Type": "application/json"}


def said(value, status=200):
    return Answer(status, json.dumps(value).encode(), JSON)


def failure(address, **place):
    with pytest.raises((SourceRefused, SourceUnavailable)) as raised:
        list(Client(Place(address, **place)).experiments())
    assert message_for(raised.value.code, raised.value.params) != raised.value.code
    return raised.value.code


def failure_of(answer):
    with answering(lambda request: answer) as server:
        return failure(server.endpoint)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(200, b"<html>hello</html>", {"Content-Type": "text/html"}), "mlflow.not_mlflow"),
        (Answer(200, b"{", JSON), "mlflow.not_mlflow"),
        (Answer(200, b"[" * 100_000, JSON), "mlflow.not_mlflow"),
        (said(["a", "list"]), "mlflow.not_mlflow"),
        (Answer(404, b"nothing"), "mlflow.not_mlflow"),
        (Answer(401, b""), "mlflow.not_authorised"),
        (Answer(403, b""), "mlflow.forbidden"),
        (Answer(302, b"", {"Location": "http://127.0.0.1:1/"}), "mlflow.redirected"),
        (Answer(500, b""), "mlflow.failing"),
        (Answer(429, b""), "mlflow.failing"),
        (said({"error_code": "INVALID_PARAMETER_VALUE"}, 400), "mlflow.rejected"),
    ],
)
def test_each_failure_has_its_own_code(answer, code):
    assert failure_of(answer) == code


def test_a_redirect_is_not_followed():
    with answering(lambda request: said({})) as other:
        away = Answer(307, b"", {"Location": f"{other.endpoint}/"})
        with answering(lambda request: away) as server:
            failure(server.endpoint, token="secret")

        assert other.asked == []


def test_a_server_without_the_search_is_too_old():
    def answer(request):
        return Answer(200, b"1.20.0", {"Content-Type": "text/plain"}) if request.path == "/version" else Answer(404)

    with answering(answer) as server:
        assert failure(server.endpoint) == "mlflow.too_old"


def test_an_answer_that_is_too_large_is_given_up(settings):
    settings.MLFLOW_MAX_BYTES = 1000

    assert failure_of(said({"experiments": ["x" * 2000]})) == "mlflow.too_large"


def test_a_compressed_answer_counts_unpacked(settings):
    import gzip

    settings.MLFLOW_MAX_BYTES = 100_000
    body = gzip.compress(b" " * 10_000_000)

    assert failure_of(Answer(200, body, JSON | {"Content-Encoding": "gzip"})) == "mlflow.too_large"


def test_a_server_that_is_down_is_told():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    assert failure(f"http://127.0.0.1:{port}") == "mlflow.unreachable"


def test_a_server_that_says_nothing_is_told(settings):
    settings.MLFLOW_READ_SECONDS = 0.2
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert failure(f"http://127.0.0.1:{server.getsockname()[1]}") == "mlflow.timed_out"


def test_an_answer_that_trickles_is_given_up(settings):
    settings.MLFLOW_READ_SECONDS = 0.2
    stop = threading.Event()

    def trickle(server):
        connection, _address = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
            while not stop.wait(0.05):
                connection.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=trickle, args=[server], daemon=True)
        thread.start()
        code = failure(f"http://127.0.0.1:{server.getsockname()[1]}")
        stop.set()
        thread.join()

    assert code == "mlflow.timed_out"


def test_a_server_without_tls_is_told():
    with answering(lambda request: said({})) as server:
        assert failure(server.endpoint.replace("http:", "https:")) == "mlflow.no_tls"


def test_an_unknown_host_is_told():
    assert failure("http://nowhere.invalid") == "mlflow.unknown_host"


@pytest.mark.parametrize(
    "address",
    [
        "ftp://host",
        "http://",
        "http://user:pass@host",
        "http://host/?x=1",
        "http://host/#a",
        "http://host:99999",
        "text",
    ],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(SourceRefused, match=r"address_malformed"):
        check_address(address)


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "100.100.100.200"])
def test_link_local_and_metadata_addresses_are_refused(host):
    with pytest.raises(SourceRefused, match=r"address_refused"):
        check_address(f"http://{host}/")


def test_only_allowed_hosts_are_asked(settings):
    settings.MLFLOW_HOSTS = ["mlflow.example.org", ".team.example.org"]

    assert check_address("https://a.team.example.org/mlflow/") == "https://a.team.example.org/mlflow"
    with pytest.raises(SourceRefused, match=r"address_refused"):
        check_address("https://example.org")


@pytest.mark.parametrize(
    ("place", "header"),
    [({}, None), ({"username": "ann", "password": "päss"}, "Basic YW5uOnDDpHNz"), ({"token": "t-1"}, "Bearer t-1")],
)
def test_credentials_travel_as_the_server_expects_them(place, header):
    with answering(lambda request: said({})) as server:
        list(Client(Place(server.endpoint, **place)).experiments())

        assert server.asked[0].headers.get("Authorization") == header


def test_pages_are_followed_and_never_in_a_circle():
    def answer(request):
        token = json.loads(request.body).get("page_token", "")
        following = {"": "1", "1": "2", "2": "2"}[token]
        return said({"experiments": [{"experiment_id": token or "0"}], "next_page_token": following})

    with answering(answer) as server:
        found = [each.id for each in Client(Place(server.endpoint)).experiments()]

    assert found == ["0", "1", "2"]


def test_answers_with_other_types_than_promised_are_read_as_far_as_they_go():
    run = {
        "info": {"run_id": 7, "status": ["FINISHED"], "start_time": "soon", "end_time": 10**30},
        "data": {"metrics": [{"key": "a", "value": "NaN"}, {"key": "b", "value": 1e400}, 5], "params": "none"},
    }
    with answering(lambda request: said({"runs": [run, "text", None]})) as server:
        (found,) = Client(Place(server.endpoint)).runs("1").newest

    assert (found.id, found.finished, found.started_at, found.metrics, found.parameters) == ("", False, None, {}, {})


def pages_of(name, make, count):
    """Answers of as many rows as a page has, without end, each page near the largest answer."""

    def answer(request):
        return said({name: [make(n) for n in range(count)], "next_page_token": f"{len(request.body)}-{id(request)}"})

    return answering(answer)


def test_of_endless_long_runs_only_as_many_are_kept_as_memory_allows(settings):
    settings.MLFLOW_MAX_BYTES = 1024**2
    long = [{"key": f"{n}", "value": "x" * 480} for n in range(18)]
    with pages_of("runs", lambda n: {"info": {"run_id": f"r{n}"}, "data": {"params": long}}, 100) as server:
        tracemalloc.start()
        found = Client(Place(server.endpoint)).runs("1")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert (found.cut, 200 < len(found.newest) < 500) == ("mlflow.too_much_said", True)
    assert len(server.asked) < 6
    assert peak < 24 * 1024**2


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("experiments", lambda client: client.experiments()),
        ("models", lambda client: client.models("1")),
    ],
)
def test_endless_lists_are_refused_before_they_fill_the_memory(settings, name, ask):
    settings.MLFLOW_MAX_BYTES = 1024**2
    row = {"experiment_id": "x" * 9000, "name": "x", "info": {"model_id": "x" * 9000}}
    with pages_of(name, lambda n: row, 50) as server, pytest.raises(SourceRefused) as raised:
        ask(Client(Place(server.endpoint)))

    assert (raised.value.code, raised.value.params["limit"]) == ("mlflow.too_large", 4)
    assert len(server.asked) < 12


def test_a_run_keeps_no_more_than_a_run_here_may_have():
    said_of = [{"key": f"{n:04}", "value": "x" * 9000} for n in range(300)]
    with answering(lambda request: said({"runs": [{"data": {"params": said_of}}]})) as server:
        (found,) = Client(Place(server.endpoint)).runs("1").newest

    assert (len(found.parameters), {len(value) for value in found.parameters.values()}) == (200, {2000})

"""The client on the line: where the password goes, which redirects it follows, and how it gives up."""

import json
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from stores.oci import MAX_REDIRECTS, MIB, RegistryClient
from stores.oci_auth import challenges
from stores.oci_place import RegistryPlace
from tests.oci_registry import OCI_MANIFEST, PASSWORD
from tests.stores.answers import Answer, answering
from tests.stores.asking import code, refused
from tests.stores.oci_answers import (
    as_json,
    client_of,
    config,
    failing,
    manifest,
    place_of,
    reference,
    refusing,
    unavailable,
)

# Passwords and redirects.


@contextmanager
def redirecting(target, status=307):
    """A registry that asks for a password and sends whoever wants a blob to another server."""

    def answer(request):
        if "Authorization" not in request.headers:
            return refusing(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="x"')
        if "/blobs/" in request.path:
            return Answer(status, b"", {"Location": target})
        return Answer(200, json.dumps(manifest()).encode(), {"Content-Type": OCI_MANIFEST})

    with answering(answer) as server:
        yield server


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_blob_is_fetched_from_a_named_host_without_the_password(status):
    with (
        answering(lambda request: Answer(200, config())) as blobs,
        redirecting(f"{blobs.endpoint}/blob?signature=1", status) as server,
    ):
        host = blobs.endpoint.removeprefix("http://")
        facts = client_of(server, blob_hosts=(host,)).resolve(reference(server))

    assert facts.platform == "linux/amd64"
    assert [(request.path, request.query) for request in blobs.asked] == [("/blob", {"signature": "1"})]
    assert "Authorization" not in blobs.asked[0].headers


def test_blob_is_not_fetched_from_a_host_that_was_not_named():
    with answering(lambda request: Answer(200, config())) as blobs, redirecting(f"{blobs.endpoint}/blob") as server:
        refusal = refused(client_of(server).resolve, reference(server))

    assert (refusal.code, refusal.params["host"]) == ("registry.redirected", blobs.endpoint.removeprefix("http://"))
    assert blobs.asked == []


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "file:///etc/passwd",
        "//127.0.0.1:1/x",
        "http://user:secret@127.0.0.1:1/",
        "http://127.0.0.1\\@elsewhere.example/",
        "http://[::",
        "http://127.0.0.1:0/",
        "ftp://127.0.0.1/",
    ],
)
def test_blob_is_fetched_from_nowhere_odd(target):
    with redirecting(target) as server:
        assert code(client_of(server).resolve, reference(server)) == "registry.redirected"


def test_blob_that_leads_in_circles_is_given_up():
    def answer(request):
        if "/blobs/" in request.path:
            return Answer(307, b"", {"Location": "/v2/team/iris/blobs/again"})
        return Answer(200, json.dumps(manifest()).encode(), {"Content-Type": OCI_MANIFEST})

    with answering(answer) as server:
        assert code(client_of(server).resolve, reference(server)) == "registry.redirected"
        assert len(server.asked) == 1 + 1 + MAX_REDIRECTS


@pytest.mark.parametrize(
    ("status", "expected"),
    [(403, "registry.rejected"), (401, "registry.rejected"), (404, "registry.rejected"), (503, "registry.unavailable")],
)
def test_host_of_a_blob_that_has_it_not_says_nothing_about_the_password(status, expected):
    with answering(lambda request: Answer(status)) as blobs, redirecting(f"{blobs.endpoint}/blob") as server:
        client = client_of(server, blob_hosts=(blobs.endpoint.removeprefix("http://"),))

        assert failing(client.resolve, reference(server)) == expected


@pytest.mark.parametrize("status", [301, 307])
def test_redirect_of_a_manifest_is_not_followed(status):
    with answering(lambda request: Answer(200, b"{}")) as elsewhere:
        location = {"Location": f"{elsewhere.endpoint}/v2/team/iris/manifests/1.0"}
        with answering(lambda request: Answer(status, b"", location)) as server:
            assert code(client_of(server).resolve, reference(server)) == "registry.redirected"
        assert elsewhere.asked == []


@pytest.mark.parametrize(
    ("realm", "expected"),
    [
        ("http://169.254.169.254/token", "registry.address_refused"),
        ("http://elsewhere.example/token", "registry.plain_refused"),
        ("https://elsewhere.example/token", "registry.token_host_refused"),
        ("http://127.0.0.1:1/token", "registry.token_host_refused"),
        ("file:///etc/passwd", "registry.address_refused"),
        ("http://user:x@127.0.0.1/", "registry.address_refused"),
        ("nonsense", "registry.not_a_registry"),
        ("", "registry.not_a_registry"),
    ],
)
def test_password_is_sent_to_no_odd_token_service(realm, expected):
    header = f'Bearer realm="{realm}",service="x"'

    with answering(lambda request: refusing(401, WWW_Authenticate=header)) as server:
        assert code(client_of(server).ping) == expected
        assert [request.headers.get("Authorization") for request in server.asked] == [None]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (as_json({}), "registry.not_a_registry"),
        (as_json({"token": 5}), "registry.not_a_registry"),
        (as_json({"token": "a\r\nX-Evil: 1"}), "registry.not_a_registry"),
        (as_json({"token": "x" * 70_000}), "registry.not_a_registry"),
        (Answer(200, b"<html>"), "registry.not_a_registry"),
        (refusing(401), "registry.unauthorised"),
        (refusing(403), "registry.unauthorised"),
        (refusing(429), "registry.throttled"),
        (refusing(502), "registry.unavailable"),
        (refusing(404), "registry.rejected"),
        (Answer(302, b"", {"Location": "https://elsewhere.example"}), "registry.rejected"),
        (Answer(200, b" " * (MIB + 1)), "registry.answer_too_large"),
        (as_json({"token": "good"}), "registry.unauthorised"),
    ],
)
def test_token_services_that_give_no_token_are_told_apart(answer, expected):
    def answers(request):
        header = f'Bearer realm="http://{request.headers["Host"]}/token",service="x"'
        return answer if request.path == "/token" else refusing(401, WWW_Authenticate=header)

    with answering(answers) as server:
        assert failing(client_of(server).ping) == expected


def test_challenges_are_read_as_servers_write_them():
    header = 'Negotiate, Bearer realm="https://a/t?x=1,2", service=reg ,scope="a \\"b\\"",Basic realm="x"'

    assert list(challenges(header)) == [
        ("negotiate", {}),
        ("bearer", {"realm": "https://a/t?x=1,2", "service": "reg", "scope": 'a "b"'}),
        ("basic", {"realm": "x"}),
    ]
    assert list(challenges('=,,"')) == []


def test_challenge_of_blanks_is_read_at_once():
    began = time.process_time()

    assert list(challenges(f'Bearer{" " * 8000}"')) == [("bearer", {})]
    assert time.process_time() - began < 0.5


def test_password_is_shown_by_no_place():
    assert PASSWORD not in repr(RegistryPlace("a.b", username="x", password=PASSWORD, ca="secret-authority"))


# Hosts and the line to them.


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"address": "169.254.169.254"}, "registry.address_refused"),
        ({"address": "[fd00:ec2::254]:443"}, "registry.address_refused"),
        ({"address": "[::ffff:169.254.1.1]"}, "registry.address_refused"),
        ({"address": "a.b/path"}, "registry.address_refused"),
        ({"address": "user@a.b"}, "registry.address_refused"),
        ({"address": ""}, "registry.address_refused"),
        ({"address": "registry.example.com", "insecure": True}, "registry.plain_refused"),
        ({"address": "a.b", "ca": "nonsense"}, "registry.ca_malformed"),
    ],
)
def test_places_that_are_not_asked(values, expected):
    assert code(lambda: RegistryClient(RegistryPlace(**values))) == expected


def test_only_named_hosts_are_asked_where_some_are_named(settings):
    settings.REGISTRY_HOSTS = [".good.example"]

    assert code(lambda: RegistryClient(RegistryPlace("a.bad.example"))) == "registry.address_refused"
    assert RegistryClient(RegistryPlace("a.good.example"))


@pytest.mark.parametrize(("word", "taken"), [("127.0.0.1:5000", True), ("127.0.0.1:5001", False), ("", False)])
def test_host_without_encryption_may_be_named_with_its_port(settings, word, taken):
    settings.REGISTRY_INSECURE_HOSTS = [word] if word else []

    def make():
        return RegistryClient(RegistryPlace("127.0.0.1:5000", insecure=True))

    assert make() if taken else code(make) == "registry.plain_refused"


def test_name_that_leads_to_a_refused_address_is_not_asked(settings, monkeypatch):
    settings.REGISTRY_INSECURE_HOSTS = ["rebound.example"]
    real = socket.getaddrinfo
    with answering(lambda request: Answer(200, b"{}")) as server:
        port = server.server_port
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: real("127.0.0.1", *rest, **more))
        monkeypatch.setattr("stores.oci_http.is_refused_address", lambda address: address == "127.0.0.1")
        client = RegistryClient(RegistryPlace(f"rebound.example:{port}", insecure=True))

        assert code(client.ping) == "registry.address_refused"
        assert server.asked == []


def test_unknown_host_is_told_from_a_port_where_nobody_listens(settings):
    settings.REGISTRY_INSECURE_HOSTS = ["nowhere.invalid", "127.0.0.1"]

    assert code(RegistryClient(RegistryPlace("nowhere.invalid", insecure=True)).ping) == "registry.host_unknown"
    assert (
        unavailable(RegistryClient(RegistryPlace("127.0.0.1:9", insecure=True)).ping) == "registry.connection_refused"
    )


def test_silence_is_given_up(settings):
    settings.REGISTRY_READ_SECONDS = 0.2

    with answering(lambda request: time.sleep(1) or Answer(200, b"{}")) as server:
        assert unavailable(client_of(server).ping) == "registry.timed_out"


@contextmanager
def saying(*pieces, pause=0.0):
    """A server that says some bytes on its first connection, with pauses, and closes it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            try:
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(pause)
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with listener:
        yield RegistryClient(RegistryPlace(f"127.0.0.1:{listener.getsockname()[1]}", insecure=True))


def test_answer_that_drips_is_given_up(settings):
    settings.REGISTRY_READ_SECONDS = 0.3
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"

    with saying(head, *[b"x"] * 100, pause=0.05) as client:
        assert unavailable(client.ping) == "registry.timed_out"


@pytest.mark.parametrize(
    "pieces",
    [
        (b"",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{",),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",),
        (b"SSH-2.0-OpenSSH_9.2\r\n",),
        (b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 1000 + b"\r\n",),
    ],
)
def test_line_that_breaks_is_told(pieces):
    with saying(*pieces) as client:
        assert unavailable(client.ping) == "registry.broke_off"


def test_answer_cut_in_its_headers_is_no_registry():
    with saying(b"HTTP/1.1 200 OK\r\nContent-Le") as client:
        assert code(client.ping) == "registry.not_a_registry"


def test_place_of_tests_is_what_it_says():
    with answering(lambda request: Answer()) as server:
        assert place_of(server).base == server.endpoint

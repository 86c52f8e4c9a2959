"""Behind a reverse proxy: what it says counts, what a client writes into the same headers does not."""

import ipaddress
import re

import pytest
from axes.models import AccessAttempt
from django.http import HttpResponse
from django.urls import reverse

from console.middleware import TrustedProxies
from tests.factories import make_user

ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def proxied(settings, rf):
    """What a view finds on a request from 10.0.0.1, which is trusted, or from another peer."""
    settings.TRUSTED_PROXIES = [ipaddress.ip_network(text) for text in ("10.0.0.0/24", "fd00::1")]
    settings.ALLOWED_HOSTS = ["models.example.org", "testserver"]

    def ask(peer="10.0.0.1", **headers):
        seen = []
        names = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        TrustedProxies(lambda request: seen.append(request) or HttpResponse())(rf.get("/", REMOTE_ADDR=peer, **names))
        return seen[0]

    return ask


@pytest.mark.parametrize(
    ("hops", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("198.51.100.9, 203.0.113.7", "203.0.113.7"),
        ("198.51.100.9, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("198.51.100.9, nonsense", "10.0.0.1"),
        ("198.51.100.9, nonsense, 10.0.0.2", "10.0.0.2"),
        ("", "10.0.0.1"),
        (",,,", "10.0.0.1"),
    ],
)
def test_client_is_the_first_address_from_our_end_that_is_no_proxy(proxied, hops, client):
    request = proxied(x_forwarded_for=hops)

    assert request.META["REMOTE_ADDR"] == client


@pytest.mark.parametrize("peer", ["203.0.113.7", "10.0.1.1", "", "::1"])
def test_headers_of_others_count_for_nothing_and_are_removed(proxied, peer):
    request = proxied(
        peer,
        x_forwarded_for="198.51.100.9",
        x_forwarded_proto="https",
        x_forwarded_host="models.example.org",
        x_real_ip="198.51.100.9",
        forwarded="for=198.51.100.9",
        x_request_id=ID,
    )

    assert request.META["REMOTE_ADDR"] == peer
    assert (request.scheme, request.get_host()) == ("http", "testserver")
    assert [name for name in request.META if re.search("FORWARDED|REAL_IP|REQUEST_ID", name)] == []


def test_proxy_in_another_spelling_is_trusted(proxied):
    assert proxied("::ffff:10.0.0.1", x_forwarded_for="203.0.113.7").META["REMOTE_ADDR"] == "203.0.113.7"
    assert proxied("fd00:0::1", x_forwarded_for="203.0.113.7").META["REMOTE_ADDR"] == "203.0.113.7"


def test_scheme_and_host_are_the_ones_the_proxy_was_asked(proxied):
    request = proxied(x_forwarded_proto="https", x_forwarded_host="models.example.org")

    assert request.is_secure()
    assert request.build_absolute_uri("/models/") == "https://models.example.org/models/"


@pytest.mark.parametrize("value", ["https, http", "HTTPS://", "javascript", ""])
def test_scheme_that_is_none_changes_nothing(proxied, value):
    assert proxied(x_forwarded_proto=value).scheme == "http"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (ID, ID),
        (ID.upper(), ID),
        ("01234567-89ab-cdef-0123-456789abcdef", "01234567-89ab-cdef-0123-456789abcdef"),
        (f"{{{ID}}}", None),
        (f"{ID}\r\nX: y", None),
        ("-" * 4000 + ID, None),
        ("42", None),
    ],
)
def test_request_id_of_the_proxy_is_kept_when_it_is_well_formed(proxied, given, kept):
    assert proxied(x_request_id=given).META.get("HTTP_X_REQUEST_ID") == kept


@pytest.mark.parametrize(("peer", "kept"), [("10.0.0.1", True), ("203.0.113.7", False)])
def test_answer_tells_the_request_id(client, settings, peer, kept):
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("10.0.0.1")]

    answer = client.get("/healthz", REMOTE_ADDR=peer, headers={"X-Request-ID": ID})

    assert re.fullmatch("[0-9a-f]{32}", answer["X-Request-ID"])
    assert (answer["X-Request-ID"] == ID) is kept


@pytest.mark.django_db
def test_lock_out_follows_the_real_client_whatever_it_claims(client, settings):
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("10.0.0.1")]
    make_user("ann")

    for number in range(3):
        client.post(
            reverse("accounts:login"),
            {"username": "ann", "password": "wrong"},
            REMOTE_ADDR="10.0.0.1",
            headers={"X-Forwarded-For": f"198.51.100.{number}, 203.0.113.7"},
        )

    assert list(AccessAttempt.objects.values_list("ip_address", "failures_since_start")) == [("203.0.113.7", 3)]


@pytest.mark.django_db
def test_https_behind_a_proxy_is_not_redirected_again(client, settings):
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("10.0.0.1")]
    settings.SECURE_SSL_REDIRECT = True
    page = reverse("accounts:login")

    through = client.get(page, REMOTE_ADDR="10.0.0.1", headers={"X-Forwarded-Proto": "https"})
    around = client.get(page, REMOTE_ADDR="203.0.113.7", headers={"X-Forwarded-Proto": "https"})

    assert through.status_code == 200
    assert (around.status_code, around["Location"]) == (301, f"https://testserver{page}")

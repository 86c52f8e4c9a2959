"""Connections that really break, against a real server."""

import json
import socket
import time
from random import Random
from urllib.parse import urlsplit

import pytest
from django.test import Client

from stores import services
from stores.drivers.base import PART_BYTES
from tests import factories

SIZE = PART_BYTES + 3_000_000


@pytest.fixture
def sender(live_server):
    """Somebody with a bucket, who plans one file; the address of the file and the cookies."""
    workspace = factories.make_workspace()
    person = factories.make_member("dev", "developer")
    bucket = services.create_bucket(workspace, "packages", by=person)
    client = Client()
    client.force_login(person)
    wish = {"files": [["weights.bin", SIZE]]}
    answer = client.post("/storage/packages/uploads/", json.dumps(wish), content_type="application/json")
    client.get("/storage/packages/upload/")
    return bucket, client, f"{answer.json()['address']}0/"


def cut_request(live_server, client, address, content, sent):
    """Sends some of a body and hangs up."""
    place = urlsplit(live_server.url)
    cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in client.cookies.items())
    head = (
        f"PUT {address}?start=0 HTTP/1.1\r\nHost: {place.netloc}\r\nCookie: {cookies}\r\n"
        f"X-CSRFToken: {client.cookies['csrftoken'].value}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection((place.hostname, place.port)) as connection:
        connection.sendall(head.encode() + content[:sent])


def kept(client, address, enough):
    """What the server says it has, once it has noticed that nobody sends any more."""
    for _attempt in range(100):
        answer = client.get(address).json()
        if answer["received"] >= enough:
            break
        time.sleep(0.05)
    return answer


def test_a_connection_that_breaks_keeps_what_arrived_and_the_rest_follows(live_server, sender):
    bucket, client, address = sender
    content = Random(1).randbytes(SIZE)
    cut_request(live_server, client, address, content, 5_000_000)

    answer = kept(client, address, 5_000_000)
    for _attempt in range(100):
        rest = client.put(f"{address}?start={answer['received']}", content[answer["received"] :])
        if rest.status_code != 409:
            break
        time.sleep(0.05)

    assert answer == {"received": 5_000_000, "done": False}
    assert rest.json() == {"received": SIZE, "done": True}
    with services.driver_for(bucket).open("weights.bin") as stream:
        assert stream.read() == content

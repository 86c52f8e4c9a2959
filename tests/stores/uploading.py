"""Uploads as scripts make them, for tests."""

import json

from stores.drivers.base import PART_BYTES

URL = "/storage/packages/uploads/"
JSON = {"HTTP_ACCEPT": "application/json"}
LARGE = PART_BYTES + 5


def plan(client, files, **wish):
    """Sends a plan; the answer."""
    return client.post(URL, json.dumps({"folder": "", "files": files} | wish), content_type="application/json")


def begin(client, files, **wish):
    """Sends a plan that is taken; the address of the upload."""
    answer = plan(client, files, **wish)
    assert answer.status_code == 201, answer.content
    return answer.json()["address"]


def send(client, address, number, content, start=0):
    url = f"{address}{number}/?start={start}"
    return client.put(url, content[start:], content_type="application/octet-stream")


def finish(client, address, query=""):
    return client.post(f"{address}finish/{query}", **JSON).json()

"""A registry that answers as a test says, and a proxy before a real one that changes what passes."""

import json

import pytest
import urllib3

from stores.errors import SourceRefused, SourceUnavailable
from stores.messages import message_of
from stores.oci import RegistryClient
from stores.oci_place import RegistryPlace
from stores.paths_images import ImageReference
from tests.oci_registry import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, PASSWORD, USER, sha256
from tests.stores.answers import Answer, answering

HELD = (
    "Content-Type",
    "Docker-Content-Digest",
    "Link",
    "Location",
    "WWW-Authenticate",
    "Docker-Distribution-Api-Version",
)
IMAGE = "team/iris"


def place_of(server, **values):
    """A place at a registry of tests, or at a server that answers."""
    address = getattr(server, "address", "") or server.endpoint.removeprefix("http://")
    return RegistryPlace(address, insecure=True, **{"username": USER, "password": PASSWORD} | values)


def client_of(server, **values):
    return RegistryClient(place_of(server, **values))


def reference(server, tag="1.0", repository=IMAGE, digest=""):
    return ImageReference(place_of(server).address, repository, tag, digest)


def proxy(registry, change):
    """Before a real registry; `change(request, answer)` gives what the client receives."""
    http = urllib3.PoolManager(retries=False)

    def answer(request):
        query = "&".join(f"{name}={value}" for name, value in request.query.items())
        headers = {name: request.headers[name] for name in ("Accept", "Authorization") if name in request.headers}
        url = f"http://{registry.address}{request.path}{'?' if query else ''}{query}"
        real = http.request("GET", url, headers=headers, redirect=False)
        kept = {name: real.headers[name] for name in HELD if name in real.headers}
        return change(request, Answer(real.status, real.data, kept))

    return answering(answer)


def as_json(value, status=200, **headers):
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"} | named)


def refusing(status, code="", **headers):
    return as_json({"errors": [{"code": code}]} if code else {}, status, **headers)


def config(**values):
    return json.dumps({"os": "linux", "architecture": "amd64"} | values).encode()


def manifest(config_body=None, **values):
    body = config() if config_body is None else config_body
    told = {"mediaType": OCI_CONFIG, "digest": sha256(body), "size": len(body)}
    layer = {"mediaType": OCI_LAYER, "digest": sha256(b"layer"), "size": 5}
    return {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": told, "layers": [layer]} | values


def index(*entries, **values):
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)} | values


def holding(manifest_value, config_body=None, kind=""):
    """Answers as a registry does that holds one image; what is given as bytes is sent as it is."""
    body = manifest_value if isinstance(manifest_value, bytes) else json.dumps(manifest_value).encode()
    kind = kind or (OCI_MANIFEST if isinstance(manifest_value, bytes) else manifest_value.get("mediaType", ""))

    def answer(request):
        if "/manifests/" in request.path:
            return Answer(200, body, {"Content-Type": kind})
        if "/blobs/" in request.path:
            return Answer(200, config() if config_body is None else config_body)
        return as_json({"tags": ["1.0"], "repositories": [IMAGE]})

    return answering(answer)


def unavailable(call, *args, **values):
    with pytest.raises(SourceUnavailable) as caught:
        call(*args, **values)
    assert "%(" not in message_of(caught.value)
    return caught.value.code


def failing(call, *args):
    with pytest.raises((SourceRefused, SourceUnavailable)) as caught:
        call(*args)
    assert "%(" not in message_of(caught.value)
    return caught.value.code

"""A bucket with a folder, and people who look at it."""

import pytest

from stores import services
from stores.drivers.s3 import S3Driver, S3Place
from stores.models import Bucket
from stores.services_buckets import connect_bucket
from stores.services_registries import RegistryEntry, connect_registry
from tests.seaweedfs import ACCESS_KEY, SECRET_KEY
from tests.stores.asking import place_at
from tests.stores.oci_answers import place_of


@pytest.fixture
def bucket(workspace, admin):
    return services.create_bucket(workspace, "packages", by=admin)


@pytest.fixture
def put(bucket):
    """Store objects in the bucket: `put("digits/model/config.json", b"{}")`."""
    driver = services.driver_for(bucket)
    return lambda key, content=b"x": driver.write(key, [content])


@pytest.fixture
def keys(bucket):
    return lambda name="packages": [entry.key for entry in services.driver_for(Bucket.objects.get(name=name)).walk("")]


@pytest.fixture
def remote(workspace, admin, s3):
    """A bucket that lies on a real S3 server."""
    place = S3Place(s3.endpoint, s3.make_bucket(), "cloud", access_key=s3.access_key, secret_key=s3.secret_key)
    return connect_bucket(workspace, place, by=admin)


@pytest.fixture(params=["folder", "s3"])
def either(request):
    """A bucket of each kind in turn."""
    return request.getfixturevalue("bucket" if request.param == "folder" else "remote")


@pytest.fixture
def place(s3):
    """What the form sends to connect a bucket that works."""
    return {
        "kind": "s3",
        "name": "cloud",
        "endpoint": s3.endpoint,
        "remote_name": s3.make_bucket(),
        "addressing": "path",
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
        "write": "on",
    }


@pytest.fixture
def kept(remote):
    """What the form of a connected bucket sends when nothing is changed."""
    return {"endpoint": remote.endpoint, "remote_name": remote.remote_name, "addressing": "path", "write": "on"}


@pytest.fixture
def at(s3):
    """A driver for a new bucket of the real server: `at(secret_key="other")`."""

    def make(**values):
        keys = {"access_key": s3.access_key, "secret_key": s3.secret_key}
        return S3Driver(place_at(s3.endpoint, values.pop("bucket", "") or s3.make_bucket(), **keys | values))

    return make


@pytest.fixture
def connection(workspace, admin, passwords):
    """A connection to a real registry, of which it may use what lies below team/."""
    return connect_registry(workspace, RegistryEntry("team", place_of(passwords), ("team/*",)), by=admin)


@pytest.fixture
def token_connection(workspace, admin, tokens):
    """A connection to a real registry that lists nothing."""
    place = place_of(tokens, token_host=tokens.token_host)
    return connect_registry(workspace, RegistryEntry("tokens", place), by=admin)

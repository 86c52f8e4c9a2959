"""A bucket with a folder, and people who look at it."""

import pytest

from stores import services
from stores.drivers.s3_place import S3Place
from stores.models import Bucket
from stores.services_buckets import connect_bucket


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
def as_developer(client, developer):
    client.force_login(developer)
    return client


@pytest.fixture
def as_viewer(client, viewer):
    client.force_login(viewer)
    return client


@pytest.fixture
def as_admin(client, admin):
    client.force_login(admin)
    return client


@pytest.fixture
def remote(workspace, admin, s3):
    """A bucket that lies on a real S3 server."""
    place = S3Place(s3.endpoint, s3.make_bucket(), "cloud", access_key=s3.access_key, secret_key=s3.secret_key)
    return connect_bucket(workspace, place, by=admin)


@pytest.fixture(params=["folder", "s3"])
def either(request):
    """A bucket of each kind in turn."""
    return request.getfixturevalue("bucket" if request.param == "folder" else "remote")

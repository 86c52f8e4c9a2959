"""A bucket with a folder, and people who look at it."""

import pytest

from stores import services
from stores.models import Bucket


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

"""Fixtures every test may use."""

import os
import shutil

import pytest
from django.conf import settings
from django.core.cache import cache
from django.utils import translation
from xdist.scheduler import LoadScopeScheduling

from tests import factories, oci_registry, seaweedfs

# TensorFlow's library is very large: its tests are for who asks for them.
if "TEST_TENSORFLOW" not in os.environ:
    collect_ignore = ["inference/test_engines_tensorflow.py", "serving/test_engines_tensorflow.py"]


@pytest.fixture(autouse=True)
def _english():
    """A request in Chinese leaves its language behind in the thread: each test starts in English."""
    with translation.override("en"):
        yield


@pytest.fixture(autouse=True)
def _fresh_data():
    """Each test that touches the disk starts with empty buckets and artifacts."""
    yield
    cache.clear()
    for folder in ("buckets", "artifacts"):
        shutil.rmtree(settings.DATA / folder, ignore_errors=True)


@pytest.fixture
def workspace(db):
    return factories.make_workspace()


@pytest.fixture
def developer(db):
    return factories.make_member("dev", "developer")


@pytest.fixture
def viewer(db):
    return factories.make_member("viewer", "viewer")


@pytest.fixture
def admin(db):
    return factories.make_member("chief", "admin")


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


@pytest.fixture(scope="session")
def s3():
    """A real S3 server, started by the first test that asks for one; each test makes a bucket of its own."""
    with seaweedfs.server() as running:
        yield running


@pytest.fixture(scope="session")
def passwords():
    """A real container registry that asks for a user and a password."""
    with oci_registry.registry_with_passwords() as running:
        yield running


@pytest.fixture(scope="session")
def tokens():
    """A real container registry with a token service, which lets nobody list the repositories."""
    with oci_registry.registry_with_tokens() as running:
        yield running


class TogetherScheduling(LoadScopeScheduling):
    """Tests of one file stay in one process, and so do all journeys, which share a console.

    It takes the place of --dist loadgroup, whose groups pytest 9 does not keep.
    """

    def _split_scope(self, nodeid):
        file = nodeid.split("::")[0]
        return "journeys" if "/journeys/" in file else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return TogetherScheduling(config, log)

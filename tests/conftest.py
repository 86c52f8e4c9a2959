"""Fixtures every test may use."""

import shutil

import pytest
from django.conf import settings
from django.core.cache import cache
from django.utils import translation

from tests import factories


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

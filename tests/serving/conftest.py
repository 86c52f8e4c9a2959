import pytest


@pytest.fixture
def machine(settings):
    """One that is large enough for every test."""
    settings.POOL_CORES, settings.POOL_MEMORY_MIB = 4, 32_000


@pytest.fixture
def as_developer(client, developer):
    client.force_login(developer)
    return client


@pytest.fixture
def as_viewer(client, viewer):
    client.force_login(viewer)
    return client

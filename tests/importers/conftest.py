"""What tests of imports share."""

import pytest

from tests.importers.jobs import GOOD, put, submit


@pytest.fixture
def dev(client, developer):
    """Signed in as a developer."""
    client.force_login(developer)
    return client


@pytest.fixture
def job(developer):
    """An import that was just asked for."""
    put(GOOD)
    return submit(by=developer)

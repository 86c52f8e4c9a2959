"""What tests of imports share."""

import pytest

from tests.importers.jobs import GOOD, put, submit


@pytest.fixture
def job(developer):
    """An import that was just asked for."""
    put(GOOD)
    return submit(by=developer)

"""Imports while workers, the broker and PostgreSQL are killed and restarted: a short run of benchmarks/chaos.py."""

import pytest

from tests import chaos

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]


def test_every_import_ends_right_and_once_whatever_is_killed(s3):
    outcome = chaos.run(imports=24, workers=3, seconds=15, seed=3, s3=s3)

    assert outcome.wrong == []
    assert len(outcome.kills) >= 4

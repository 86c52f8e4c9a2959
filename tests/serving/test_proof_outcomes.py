"""What a proof suggests to give a process of its model."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from serving.models import Instance
from serving.proof_outcomes import steadied, suggestion_of


def process(cores, *, peak=78, ready=True):
    """One that has run for ten seconds, in which it kept so many cores busy."""
    return Instance(
        peak_memory=peak * 1024**2,
        cpu_seconds=10 * cores,
        cpu_limit=2,
        started_at=now() - timedelta(seconds=10),
        ready_at=now() if ready else None,
    )


@pytest.mark.parametrize(
    ("cores", "told"), [(0, "0.50"), (0.45, "0.50"), (0.7, "0.50"), (1.1, "1.00"), (1.6, "1.50"), (9, "2.00")]
)
def test_suggestion_is_told_in_halves_of_a_core(cores, told):
    assert suggestion_of(process(cores)) == {"cpu": told, "memory": 128}


@pytest.mark.parametrize("instance", [process(1, ready=False), process(1, peak=0)])
def test_nothing_is_suggested_of_a_process_that_never_became_ready_or_was_not_measured(instance):
    assert suggestion_of(instance) == {}


@pytest.mark.parametrize(
    ("cpu", "earlier", "told"),
    [("1.00", "0.50", "0.50"), ("0.50", "1.00", "1.00"), ("2.00", "0.50", "2.00"), ("1.00", None, "1.00")],
)
def test_suggestion_stays_with_the_earlier_one_within_the_noise(cpu, earlier, told):
    before = {"cpu": earlier, "memory": 128} if earlier else {}

    assert steadied({"cpu": cpu, "memory": 256}, before) == {"cpu": told, "memory": 256}


def test_suggestion_that_is_missing_stays_missing():
    assert steadied({}, {"cpu": "0.50", "memory": 128}) == {}

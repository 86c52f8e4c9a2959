"""What the gateway logs stays small, however often it is made to say the same."""

import logging
from types import SimpleNamespace

import pytest

from serving.gateway import sparing
from serving.gateway.sparing import Sparing
from tests.serving.gateway import gateway, service_of


def record(event, name="modelport.gateway"):
    return logging.LogRecord(name, logging.ERROR, __file__, 1, event, None, None)


@pytest.fixture
def clock(monkeypatch):
    """The time as the filter reads it."""
    time = SimpleNamespace(now=0.0)
    monkeypatch.setattr(sparing.time, "monotonic", lambda: time.now)
    return time


def test_each_event_passes_ten_times_and_all_of_them_fifty(clock):
    spare = Sparing()

    same = sum(spare.filter(record("a call failed")) for _ in range(100))
    others = sum(spare.filter(record(f"event {number}")) for number in range(100))

    assert (same, others) == (10, 40)


def test_first_record_of_the_next_ten_minutes_says_how_many_were_left_out(clock):
    spare = Sparing()
    for _ in range(25):
        spare.filter(record("a call failed"))
    clock.now = 601.0

    first, second = record("a call failed"), record("a call failed")
    passed = [spare.filter(first), spare.filter(second)]

    assert (passed, first.left_out, hasattr(second, "left_out")) == ([True, True], 15, False)


def test_calls_that_fail_again_and_again_do_not_fill_the_log(tmp_path):
    key, services = service_of("/no-path\ud800")
    with (tmp_path / "log").open("wb") as log, gateway(tmp_path, log=log) as door:
        door.tell(services)
        statuses = {door.ask(f"/infer/{key}", body=b"{}").status for _ in range(150)}

    assert statuses == {500}
    assert (tmp_path / "log").read_text().count("a call failed") == 10

"""Logs of instances: bounded on disk, read from their end, and believed in nothing."""

import json
import os

import pytest
from django.conf import settings

from serving import instance_logs
from serving.instance_logs import BoundedLog, failure_in
from serving.models import Instance

LINE = b"x" * 99 + b"\n"


@pytest.fixture
def instance():
    instance = Instance()
    yield instance
    instance_logs.remove(instance.uuid)


def test_log_takes_no_more_than_its_limit_and_keeps_the_last(instance):
    log = BoundedLog(instance_logs.path_of(instance))

    for number in range(6000):
        log.write(LINE if number < 5999 else b"last\n")
    log.write(b"y" * settings.INSTANCE_LOG_BYTES * 3)
    log.write(b"\nend\n")
    log.close()

    files = list(instance_logs.folder_of(instance.uuid).iterdir())
    assert sum(file.stat().st_size for file in files) <= settings.INSTANCE_LOG_BYTES
    assert instance_logs.tail(instance, 1) == ["end"]


def test_log_that_cannot_go_on_loses_lines_and_nothing_else(instance):
    """Its folder is gone: a descriptor that was closed meanwhile would by now be somebody else's."""
    log = BoundedLog(instance_logs.path_of(instance))
    instance_logs.remove(instance.uuid)

    log.write(b"x" * settings.INSTANCE_LOG_BYTES)
    reading, writing = os.pipe()
    log.write(b"more\n")

    assert os.write(writing, b"!") == 1
    log.close()
    os.close(reading)
    os.close(writing)


def test_log_whose_file_cannot_be_moved_does_not_try_for_ever(instance):
    path = instance_logs.path_of(instance)
    log = BoundedLog(path)
    path.with_name("log.old").mkdir()

    log.write(b"x" * settings.INSTANCE_LOG_BYTES)
    log.close()

    assert path.stat().st_size == settings.INSTANCE_LOG_BYTES // 2


def test_tail_joins_both_files_and_is_empty_before_anything_was_printed(instance):
    assert instance_logs.tail(instance, 5) == []
    path = instance_logs.path_of(instance)
    path.parent.mkdir(parents=True)
    path.with_name("log.old").write_bytes(b"one\ntwo\n")
    path.write_bytes(b"three \xff\0\n")

    assert instance_logs.tail(instance, 2) == ["two", "three \ufffd"]
    assert instance_logs.tail(instance, 9) == ["one", "two", "three \ufffd"]
    assert instance_logs.tail(instance, 0) == []


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"file": "model/a.py", "line": 3, "message": "no"}, ("model/a.py:3", 3, "no")),
        ({"file": None, "line": None, "message": "no"}, ("import", None, "no")),
        ({"file": ["x"], "line": 10**400, "message": {"a": 1}}, ("import", None, "")),
        ({"file": "a\0b", "line": True, "message": "\ud800" + "m" * 5000}, ("ab", None, "?" + "m" * 1999)),
    ],
)
def test_reason_of_a_failure_is_checked_before_it_is_kept(instance, said, expected):
    path = instance_logs.path_of(instance)
    path.parent.mkdir(parents=True)
    line = json.dumps({"event": "failed", "exit": 11, "stage": "import", "error": "E"} | said)
    path.write_text(f"{line}\n" + '{"event": "failed", "status": 500}\nnoise {\n' + "[" * 3000 + "\n")

    found = failure_in(path)

    assert (found["place"], found["line"], found["message"]) == expected
    json.dumps(found).encode()


def test_log_without_a_failure_gives_no_reason(instance):
    assert failure_in(instance_logs.path_of(instance)) == {}

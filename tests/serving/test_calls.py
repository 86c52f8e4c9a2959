import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils.timezone import now

from accounts.models import ApiToken
from serving import calls
from serving.gateway.counting import Counts, Spool
from serving.models import CallBatch, CallMinute, InstanceState, UsageMinute
from serving.tasks import sweep_calls
from tests.accounts.people import make_token
from tests.factories import make_member
from tests.serving.rows import make_instance, make_service

pytestmark = [pytest.mark.django_db, pytest.mark.db]
MINUTE = 1_800_000_000 // 60 * 60


@pytest.fixture(autouse=True)
def _empty_spool():
    shutil.rmtree(calls.spool_folder(), ignore_errors=True)
    yield
    shutil.rmtree(calls.spool_folder(), ignore_errors=True)


def leave(*rows, tokens=None):
    """A file as the gateway leaves it."""
    Spool(calls.spool_folder()).write(json.dumps({"minutes": rows, "tokens": tokens or {}}).encode())


def row(service, calls=3, failures=1, latencies=None, minute=MINUTE):
    return [str(service.uuid), str(service.revision.version.uuid), minute, calls, failures, latencies or {"4": calls}]


def files():
    return list(calls.spool_folder().iterdir())


def test_counted_calls_are_added_by_minute_and_to_the_service():
    service = make_service()
    leave(row(service))
    leave(row(service, 2, 0, {"4": 1, "9": 1}), row(service, minute=MINUTE + 60))

    taken = calls.ingest()

    first, second = CallMinute.objects.order_by("minute")
    service.refresh_from_db()
    assert (taken, files()) == (2, [])
    assert (first.minute, first.calls, first.failures) == (datetime.fromtimestamp(MINUTE, UTC), 5, 1)
    assert (first.latencies, second.calls) == ({"4": 4, "9": 1}, 3)
    assert (service.calls, service.failures) == (8, 2)


def test_file_that_was_counted_and_is_still_there_counts_no_second_time():
    service = make_service()
    leave(row(service))
    (file,) = files()
    content = file.read_bytes()
    calls.ingest()
    file.write_bytes(content)

    taken = calls.ingest()

    service.refresh_from_db()
    assert (taken, service.calls, CallMinute.objects.get().calls, files()) == (0, 3, 3, [])


def test_calls_of_a_service_that_is_gone_are_left_out():
    service = make_service()
    lost = row(service)
    lost[0] = "0b0e7c1e-0000-4000-8000-000000000001"
    leave(lost, row(service))

    calls.ingest()

    service.refresh_from_db()
    assert (service.calls, CallMinute.objects.count()) == (3, 1)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"minutes": [[1]], "tokens": {}}', b'{"minutes": {}}'])
def test_broken_file_does_not_stop_the_others(content):
    service = make_service()
    Spool(calls.spool_folder()).write(content)
    leave(row(service))

    calls.ingest()

    service.refresh_from_db()
    assert (service.calls, files()) == (3, [])


def test_backlog_is_taken_in_pieces_so_that_nobody_waits_for_all_of_it():
    service = make_service()
    for _ in range(130):
        leave(row(service, 1, 0))

    taken = [calls.ingest(), calls.ingest(), calls.ingest()]

    service.refresh_from_db()
    assert (taken, service.calls, files()) == ([100, 30, 0], 130, [])


def test_file_that_is_being_written_is_left_alone():
    calls.spool_folder().mkdir(parents=True)
    half = calls.spool_folder() / ".1-2-3.json"
    half.write_bytes(b"{")

    taken = calls.ingest()

    assert (taken, files()) == (0, [half])


def test_use_of_a_token_is_noted():
    token = make_token(make_member("dev"), "developer")
    leave(tokens={token.digest: MINUTE})

    calls.ingest()

    assert ApiToken.objects.get().last_used_at == datetime.fromtimestamp(MINUTE, UTC)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
def test_kill_in_the_middle_neither_loses_nor_doubles(moment):
    service = make_service()
    leave(row(service))
    where = {"before_commit": "calls.note_uses", "after_commit": "calls.Path.unlink"}[moment]
    code = (
        "import os, signal, django\n"
        "from django.conf import settings\n"
        "import tests.settings\n"
        "django.setup()\n"
        "from serving import calls\n"
        f"{where} = lambda *args, **named: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"settings.DATABASES['default']['NAME'] = {connection.settings_dict['NAME']!r}\n"
        "from pathlib import Path\n"
        f"calls.spool_folder = lambda: Path({str(calls.spool_folder())!r})\n"
        "calls.ingest()\n"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    died = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    between = CallMinute.objects.count()

    calls.ingest()

    service.refresh_from_db()
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert between == (0 if moment == "before_commit" else 1)
    assert (service.calls, CallMinute.objects.get().calls, files()) == (3, 3, [])


def test_usage_is_noted_once_a_minute(monkeypatch):
    service = make_service()
    instance = make_instance(service.revision, memory=5_000_000, cpu_seconds=10.0)
    make_instance(service.revision, state=InstanceState.STARTING)
    start = datetime(2026, 5, 1, 12, 0, 10, tzinfo=UTC)
    for seconds, spent in ((0, 10.0), (20, 12.0), (60, 40.0)):
        instance.cpu_seconds = spent
        instance.save(update_fields=["cpu_seconds"])
        monkeypatch.setattr(calls, "now", lambda seconds=seconds: start + timedelta(seconds=seconds))

        calls.note_usage()

    first, second = UsageMinute.objects.order_by("minute")
    assert (first.cpu, first.memory, first.service) == (None, 5_000_000, service)
    assert (second.cpu, second.cpu_seconds) == (0.5, 40.0)


def test_restarted_instance_has_no_negative_usage(monkeypatch):
    instance = make_instance(make_service().revision, cpu_seconds=90.0)
    calls.note_usage()
    instance.cpu_seconds = 1.0
    instance.save(update_fields=["cpu_seconds"])
    moment = now() + timedelta(minutes=1)
    monkeypatch.setattr(calls, "now", lambda: moment)

    calls.note_usage()

    assert [row.cpu for row in UsageMinute.objects.all()] == [None, None]


def test_sweep_keeps_what_is_young(settings):
    settings.CALLS_KEPT_SECONDS = 3600
    service = make_service()
    for hours in (0, 2):
        minute = now() - timedelta(hours=hours)
        CallMinute.objects.create(service=service, version=service.revision.version, minute=minute)
        UsageMinute.objects.create(service=service, instance=service.uuid, minute=minute, at=minute)
    CallBatch.objects.create(name="old")
    CallBatch.objects.update(taken_at=now() - timedelta(days=8))
    CallBatch.objects.create(name="young")

    sweep_calls()
    sweep_calls()

    assert (CallMinute.objects.count(), UsageMinute.objects.count()) == (1, 1)
    assert [batch.name for batch in CallBatch.objects.all()] == ["young"]


def test_file_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            Spool(tmp_path).write(b"x" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)

    assert list(tmp_path.iterdir()) == []


def test_counts_that_were_put_back_are_taken_again():
    counts = Counts()
    counts.add("s", "v", 0.001, failed=False)
    counts.used("t")
    before = counts.take()
    counts.put_back(before)
    counts.add("s", "v", 0.001, failed=True)

    (again,) = json.loads(counts.take())["minutes"]

    assert again[3:] == [2, 1, {"8": 2}]
    assert counts.take() is None

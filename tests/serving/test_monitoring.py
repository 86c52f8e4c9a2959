import os
import re
import shutil
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.template.loader import render_to_string
from django.utils import translation

from serving import queries_monitoring
from serving.latencies import bucket_of
from serving.models import CallMinute, UsageMinute
from serving.snapshots import path_of_snapshot, write_snapshot
from serving.views.monitoring import context, cores, duration, size
from tests.factories import make_version
from tests.serving.rows import add_revision, make_instance, make_service

pytestmark = [pytest.mark.django_db, pytest.mark.db]
NOW = datetime(2026, 5, 1, 12, 34, 20, tzinfo=UTC)
MEBIBYTE = 1024**2


@pytest.fixture(autouse=True)
def _clock(monkeypatch):
    monkeypatch.setattr(queries_monitoring, "now", lambda: NOW)
    write_snapshot()
    yield
    shutil.rmtree(path_of_snapshot().parent)


@pytest.fixture
def service():
    return make_service()


def minute(back):
    return NOW.replace(second=0) - timedelta(minutes=back)


def count(service, back, calls=1, failures=0, ms=10, version=None):
    CallMinute.objects.create(
        service=service,
        version=version or service.revision.version,
        minute=minute(back),
        calls=calls,
        failures=failures,
        latencies={str(bucket_of(ms / 1000)): calls},
    )


def use(service, back, memory, cpu=None, instance=None):
    UsageMinute.objects.create(
        service=service, instance=instance or service.uuid, minute=minute(back), at=NOW, memory=memory, cpu=cpu
    )


def shown(rf, service, query=""):
    request = rf.get(f"/services/{service.uuid}/?tab=monitoring{query}")
    found = context(service, request)
    return found, render_to_string("serving/tabs/monitoring.html", found, request=request)


def cells(html):
    """The rows of the table of numbers."""
    body = re.search(r'monitoring-numbers".*?<tbody>(.*?)</tbody>', html, re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", body.group(1), re.DOTALL) if body else []
    return [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in rows]


def test_calls_are_drawn_and_told_in_numbers(rf, service):
    count(service, 0, 10, 2)
    count(service, 3, 4, ms=100)
    count(service, 60, 99)

    found, html = shown(rf, service)

    total = found["monitoring"].total
    assert (total.calls, total.failures, len(found["monitoring"].intervals)) == (14, 2, 60)
    assert [row[:3] for row in cells(html)] == [["12:34", "10", "2"], ["12:31", "4", "0"]]
    assert html.count('class="chart-bar good"') == 2
    assert html.count('class="chart-bar bad"') == 1
    assert 'aria-label="Calls: 14 calls, of which 2 failed"' in html
    assert " style=" not in html
    assert "<script" not in html


@pytest.mark.parametrize(
    ("query", "intervals", "rows"),
    [
        ("", 60, [["12:34", "1"]]),
        ("&range=3", 60, [["12:33", "1"], ["10:33", "6"]]),
        ("&range=12", 72, [["12:30", "1"], ["10:30", "6"], ["00:50", "8"]]),
        ("&range=7", 60, [["12:34", "1"]]),
        ("&range=²", 60, [["12:34", "1"]]),
    ],
)
def test_range_is_in_the_address(rf, service, query, intervals, rows):
    for back, calls in ((0, 1), (119, 2), (120, 4), (700, 8), (800, 16)):
        count(service, back, calls)

    found, html = shown(rf, service, query)

    assert len(found["monitoring"].intervals) == intervals
    assert [row[:2] for row in cells(html)] == rows


def test_memory_is_the_most_and_processor_the_mean_of_an_interval(rf, service):
    other = make_version(number=(9, 0, 0)).uuid
    for back, memory, cpu in ((32, 100, 0.2), (33, 300, 0.4)):
        use(service, back, memory * MEBIBYTE, cpu)
        use(service, back, 50 * MEBIBYTE, 0.1, instance=other)
    make_instance(service.revision, memory=120 * MEBIBYTE)

    found, html = shown(rf, service, "&range=3")

    assert [(row[0], *row[6:]) for row in cells(html)] == [("12:00", "350 MB", "0.4")]
    assert [figure.title for figure in found["figures"]] == ["Memory", "CPU"]
    assert "120 MB now; the limit is 1 GB" in html


def test_versions_are_compared_when_there_are_several(rf, service):
    second = make_version(number=(0, 0, 2))
    add_revision(service, second)
    count(service, 1, 5)
    alone = shown(rf, service)[1]
    count(service, 1, 7, version=second)

    both = shown(rf, service)[0]

    assert "Calls by version" not in alone
    assert [(row.name, row.calls) for row in both["versions"]] == [("digits 0.0.2", 7), ("digits 0.0.1", 5)]


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "There were no calls in the last hour."), ("zh-hans", "最近1小时内没有调用。")],
)
def test_page_says_when_there_were_no_calls(rf, service, language, words):
    with translation.override(language):
        _found, html = shown(rf, service)

    assert words in html
    assert "chart-plot" not in html


@pytest.mark.parametrize("ready", [True, False])
def test_page_without_calls_says_whether_one_could_be_answered(rf, service, ready):
    if ready:
        make_instance(service.revision)

    _found, html = shown(rf, service)

    assert ("No instance is ready" in html) == (not ready)


def test_age_of_the_routes_is_told_when_the_database_is_away(rf, service):
    fresh = shown(rf, service)[1]
    old = time.time() - 90
    os.utime(path_of_snapshot().with_suffix(".checked"), (old, old))

    stale = shown(rf, service)[1]
    path_of_snapshot().unlink()
    missing = shown(rf, service)[1]

    assert "gateway" not in fresh
    assert re.search(r"The gateway works with what it was told 9[0-5] seconds ago\.", stale)
    assert "The gateway does not know the services of this host yet." in missing


@pytest.mark.parametrize("minutes", [1, 3])
def test_number_of_queries_is_constant(rf, service, django_assert_num_queries, minutes):
    for back in range(minutes):
        count(service, back)
        use(service, back, MEBIBYTE)

    with django_assert_num_queries(3):
        shown(rf, service)


def test_numbers_read_well():
    assert [duration(ms) for ms in (None, 0.123, 4.56, 12.3, 999, 1234, 40000)] == [
        *("--", "0.12 ms", "4.6 ms", "12 ms", "999 ms", "1.23 s", "40 s")
    ]
    assert [size(value * MEBIBYTE) for value in (0.5, 100, 1024, 1536)] == ["0.5 MB", "100 MB", "1 GB", "1.5 GB"]
    assert (size(None), cores(None), cores(0.256)) == ("--", "--", "0.26")


def test_texts_and_reports_of_versions_are_left_where_they_are(service, django_assert_num_queries):
    count(service, 3)

    with django_assert_num_queries(3):
        found = queries_monitoring.monitoring_of(service, 1)

    assert set(queries_monitoring.LARGE_OF_VERSION) == {
        f"version__{name}" for name in found.versions[0].version.get_deferred_fields()
    }

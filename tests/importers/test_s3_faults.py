"""Imports from object storage that fails in every way: the right outcome, once, its reason shown, never half a file."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import uuid4

import pytest
from django.conf import settings as project

from accounts.secrets import seal
from importers.models import State
from importers.services import retry_import, sweep_artifacts
from registry import artifacts
from registry.findings import message_for
from registry.models import StoredFile
from stores.drivers.s3_listing import S3Listing
from stores.models import Bucket
from tests.factories import make_workspace
from tests.fault_proxy import FaultProxy, fault_proxy
from tests.importers.jobs import GOOD, run, submit, timeline
from tests.seaweedfs import ACCESS_KEY, SECRET_KEY, free_ports

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(60)]
NOISE = os.urandom(300_000)
FILES = GOOD | {"model/data/noise.bin": NOISE}
LISTING = {"method": "GET", "key": "^$", "query": "list-type"}
OBJECT = {"method": "GET", "key": "noise.bin$"}


@dataclass(frozen=True)
class Remote:
    """A bucket with one package in it, which the console reaches through the proxy."""

    proxy: FaultProxy
    client: object
    name: str
    prefix: str

    def put(self, files, folder="digits"):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda item: self.put_one(f"{folder}/{item[0]}", item[1]), files.items()))

    def put_one(self, key, content):
        self.client.put_object(Bucket=self.name, Key=self.prefix + key, Body=content)

    def delete(self, key):
        self.client.delete_object(Bucket=self.name, Key=self.prefix + key)


@pytest.fixture(scope="module")
def proxy(s3):
    with fault_proxy(s3.endpoint) as started:
        yield started


@pytest.fixture(scope="module")
def place(s3):
    """A new bucket takes a second; each test has a prefix of its own in this one."""
    return s3.make_bucket()


@pytest.fixture
def remote(s3, proxy, place, settings):
    settings.S3_CONNECT_SECONDS = settings.S3_READ_SECONDS = 0.5
    settings.S3_ATTEMPTS = 3
    settings.IMPORT_RETRY_SECONDS = settings.ARTIFACT_GRACE_SECONDS = 0
    proxy.reset()
    made = Remote(proxy, s3.client(), place, f"{uuid4().hex}/")
    made.put(FILES)
    keys = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "session_token": ""}
    values = {"name": "packages", "driver": "s3", "endpoint": proxy.endpoint, "remote_name": place}
    Bucket.objects.create(workspace=make_workspace(), prefix=made.prefix, credentials=seal(keys), **values)
    return made


def stored(version):
    """What is kept of a version: bytes by path."""
    found = {}
    for file in version.files.all():
        with artifacts.open_artifact(file.sha256) as content:
            found[file.path] = content.read()
    return found


def assert_imported_once(job, attempts):
    assert (job.state, job.attempts, job.version.status) == (State.SUCCEEDED, attempts, "published")
    assert stored(job.version) == FILES
    assert timeline(job).count("succeeded") == 1
    assert [event.code for event in job.version.events.all()].count("import.done") == 1


def assert_nothing_kept():
    """Neither rows nor, after a sweep, bytes."""
    sweep_artifacts()
    assert not StoredFile.objects.exists()
    assert [path for path in (project.DATA / "artifacts").rglob("*") if path.is_file()] == []


def test_import_through_the_proxy_reads_each_byte_once(remote):
    job = run(submit())

    assert_imported_once(job, attempts=1)
    assert remote.proxy.fetched("noise.bin$") == len(NOISE)


BRIEF = {
    "listing 500": LISTING | {"error": "InternalError"},
    "listing 503": LISTING | {"error": "SlowDown"},
    "listing dropped": LISTING | {"drop": True},
    "listing cut": LISTING | {"cut": 100},
    "listing stalls": LISTING | {"stall": (100, 2)},
    "object 500": OBJECT | {"error": "InternalError"},
    "object 503": OBJECT | {"error": "ServiceUnavailable"},
    "object 503 without a word": OBJECT | {"status": 503},
    "object dropped": OBJECT | {"drop": True},
    "object cut at once": OBJECT | {"cut": 0},
    "object cut": OBJECT | {"cut": 100_000},
    "object cut twice": OBJECT | {"cut": 100_000, "times": 2},
    "object stalls": OBJECT | {"stall": (100_000, 2)},
}


@pytest.mark.parametrize("fault", BRIEF)
def test_brief_fault_is_passed_over_within_the_attempt(remote, fault):
    rule = remote.proxy.fail(fault, **BRIEF[fault])

    job = run(submit())

    assert_imported_once(job, attempts=1)
    assert rule.seen >= rule.times


def test_slow_drip_is_waited_for(remote):
    remote.proxy.fail("drip", **OBJECT, drip=(10_000, 0.05))

    assert_imported_once(run(submit()), attempts=1)


LASTING = {
    "listing 500": (LISTING | {"error": "InternalError"}, "source.unavailable"),
    "listing that is not XML": (LISTING | {"cut": 50}, "source.unavailable"),
    "object 503": (OBJECT | {"error": "SlowDown"}, "source.unavailable"),
    "object dropped": (OBJECT | {"drop": True}, "source.unavailable"),
    "object cut": (OBJECT | {"cut": 1000}, "source.unavailable"),
    "object stalls": (OBJECT | {"stall": (1000, 2)}, "source.unavailable"),
    "object with other bytes": (OBJECT | {"corrupt": 200_000}, "source.damaged"),
    "object with a length too long": (OBJECT | {"longer": 1000}, "source.damaged"),
    "object with a length too short": (OBJECT | {"longer": -1000}, "source.damaged"),
}


@pytest.mark.parametrize("fault", LASTING)
def test_lasting_fault_releases_the_job_with_its_reason_until_it_is_over(remote, fault):
    values, code = LASTING[fault]
    remote.proxy.fail(fault, times=-1, **values)

    waiting = run(submit())
    assert (waiting.state, waiting.attempts, waiting.reason_code) == (State.QUEUED, 1, code)
    assert message_for(code, waiting.reason_params) != code
    assert not waiting.version.files.exists()

    remote.proxy.reset()
    assert_imported_once(run(waiting), attempts=2)


def test_fault_that_stays_is_given_up_with_nothing_kept(remote, settings):
    settings.S3_ATTEMPTS = 1
    remote.proxy.fail("broken", times=-1, **OBJECT, error="InternalError")

    job = submit()
    states = [run(job).state for _ in range(settings.IMPORT_ATTEMPTS)]
    end = run(job)

    assert states == [State.QUEUED, State.QUEUED, State.FAILED]
    assert (end.reason_code, end.version.status) == ("import.source_gave_up", "failed")
    assert_nothing_kept()


def test_endpoint_where_nobody_listens_is_waited_for(remote):
    endpoint = f"http://127.0.0.1:{free_ports(1)[0]}"
    Bucket.objects.update(endpoint=endpoint)

    job = run(submit())

    assert (job.state, job.reason_code) == (State.QUEUED, "source.connection_refused")
    assert message_for(job.reason_code, job.reason_params).startswith(f"{endpoint} refused the connection")


REFUSED = {
    "AccessDenied": "source.forbidden",
    "ExpiredToken": "source.expired",
    "InvalidAccessKeyId": "source.credentials",
    "NoSuchBucket": "source.bucket_unknown",
    "RequestTimeTooSkewed": "source.clock_skew",
    "SignatureDoesNotMatch": "source.credentials",
}


def assert_refused(job, code):
    (finding,) = [finding for finding in job.findings if finding["severity"] == "error"]
    assert (job.state, job.attempts, job.reason_code) == (State.FAILED, 1, "import.refused")
    assert finding["code"] == code
    assert message_for(code, finding["params"]) != code
    assert job.version.status == "failed"
    assert_nothing_kept()


@pytest.mark.parametrize("error", REFUSED)
@pytest.mark.parametrize("where", [LISTING, OBJECT], ids=["listing", "object"])
def test_refusal_ends_the_import_at_once_with_its_reason(remote, error, where):
    rule = remote.proxy.fail(error, times=-1, **where, error=error)

    job = run(submit())

    assert_refused(job, REFUSED[error])
    assert rule.seen == 1 or REFUSED[error] in {"source.forbidden", "source.clock_skew"}


def test_missing_object_is_refused(remote):
    remote.proxy.fail("gone", times=-1, **OBJECT, error="NoSuchKey")

    assert_refused(run(submit()), "source.missing")


@pytest.mark.parametrize("change", ["rewritten", "deleted", "grown"])
def test_object_that_changes_between_listing_and_reading_is_refused(remote, change):
    key = "digits/model/data/noise.bin"
    changes = {
        "rewritten": lambda: remote.put_one(key, NOISE[::-1]),
        "deleted": lambda: remote.delete(key),
        "grown": lambda: remote.put_one(key, NOISE * 2),
    }
    remote.proxy.fail(change, **OBJECT, meanwhile=changes[change])

    job = run(submit())

    assert_refused(job, "source.missing" if change == "deleted" else "source.object_changed")


def test_object_that_changes_while_it_is_read_is_refused(remote):
    """The answer breaks off; when the rest is asked for, other bytes are there."""
    remote.proxy.fail("cut", **OBJECT, cut=100_000)
    remote.proxy.fail(
        "other",
        **OBJECT,
        meanwhile=lambda: remote.put_one("digits/model/data/noise.bin", NOISE[::-1]),
    )

    assert_refused(run(submit()), "source.object_changed")


def test_object_that_changes_between_two_pages_of_a_listing_is_refused(remote, monkeypatch):
    answers = S3Listing._answers
    monkeypatch.setattr(S3Listing, "_answers", lambda self, prefix: answers(self, prefix, size=2))
    rule = remote.proxy.fail(
        "second page",
        query="continuation-token",
        meanwhile=lambda: remote.put_one("digits/model/config.json", FILES["model/config.json"] + b" "),
    )

    job = run(submit())

    assert rule.seen
    assert_refused(job, "source.object_changed")


def test_credentials_that_expire_in_the_middle_end_the_import_and_a_retry_goes_on(remote):
    remote.put({f"model/data/{number}.bin": os.urandom(1000) for number in range(20)})
    remote.proxy.fail("expired", after=12, times=-1, error="ExpiredToken")

    job = run(submit())
    assert_refused(job, "source.expired")

    remote.proxy.reset()
    assert retry_import(job, by=None)
    end = run(job)
    assert (end.state, end.version.status, end.version.files.count()) == ("succeeded", "published", len(FILES) + 20)


def test_reason_is_shown_on_the_page_of_the_job(remote, client, developer):
    remote.proxy.fail("expired", times=-1, error="ExpiredToken")
    client.force_login(developer)

    job = run(submit())

    page = client.get(job.get_absolute_url()).content.decode()
    finding = job.findings[-1]
    assert message_for(finding["code"], finding["params"]) in page.replace("&#x27;", "'").replace("&quot;", '"')

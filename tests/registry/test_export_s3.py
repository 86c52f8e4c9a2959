"""Exports into object storage that fails in every way: the whole object once, or none and the reason."""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from functools import partial
from time import sleep
from uuid import uuid4

import pytest

from accounts.secrets import seal
from registry import transitions_exports as transitions
from registry.findings import message_for
from registry.models_exports import ExportJob, ExportState
from registry.services_exports import cancel_export, sweep_exports
from stores.models import Bucket
from stores.services import driver_for
from tests.factories import make_workspace
from tests.fault_proxy import FaultProxy, fault_proxy
from tests.importers import jobs
from tests.registry.exporting import LARGE, PACKAGE, exportable, run, submit, timeline, zip_of
from tests.seaweedfs import ACCESS_KEY, READER_KEY, READER_SECRET, SECRET_KEY

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(60)]
TARGET = "digits/digits-0.0.1.zip"
PUT = {"method": "PUT", "key": "zip$"}
BEGIN = {"method": "POST", "key": "zip$", "query": "uploads"}
FINISH = {"method": "POST", "key": "zip$", "query": "uploadId"}


@dataclass(frozen=True)
class Remote:
    """A bucket at object storage, reached through the proxy, and looked at from outside."""

    proxy: FaultProxy
    client: object
    bucket: Bucket

    def lying(self):
        found = self.client.list_objects_v2(Bucket=self.bucket.remote_name, Prefix=self.bucket.prefix)
        return {each["Key"].removeprefix(self.bucket.prefix): each["Size"] for each in found.get("Contents", [])}

    def read(self, key=TARGET):
        return self.client.get_object(Bucket=self.bucket.remote_name, Key=self.bucket.prefix + key)["Body"].read()

    def uploads(self):
        found = self.client.list_multipart_uploads(Bucket=self.bucket.remote_name, Prefix=self.bucket.prefix)
        return found.get("Uploads", [])


@pytest.fixture(scope="module")
def proxy(s3):
    with fault_proxy(s3.endpoint) as started:
        yield started


@pytest.fixture(scope="module")
def place(s3):
    return s3.make_bucket()


@pytest.fixture
def remote(s3, proxy, place, settings):
    settings.S3_CONNECT_SECONDS = settings.S3_READ_SECONDS = 1
    settings.S3_ATTEMPTS = 3
    settings.EXPORT_RETRY_SECONDS = 0
    proxy.reset()
    keys = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "session_token": ""}
    values = {"name": "cloud", "driver": "s3", "endpoint": proxy.endpoint, "remote_name": place}
    bucket = Bucket.objects.create(
        workspace=make_workspace(), prefix=f"{uuid4().hex}/", credentials=seal(keys), **values
    )
    return Remote(proxy, s3.client(), bucket)


def assert_exported_once(remote, job, version, attempts):
    content = zip_of(version)
    assert (job.state, job.attempts, job.handle) == (ExportState.SUCCEEDED, attempts, "")
    assert job.sha256 == hashlib.sha256(content).hexdigest()
    assert (remote.lying(), remote.uploads()) == ({TARGET: len(content)}, [])
    assert remote.read() == content
    assert timeline(job).count("succeeded") == 1
    assert version.events.filter(code="version.exported").count() == 1


@pytest.mark.parametrize("package", [PACKAGE, LARGE], ids=["small", "large"])
def test_export_lies_in_the_bucket_whole(remote, package):
    version = exportable(package=package)

    assert_exported_once(remote, run(submit(version, remote.bucket)), version, attempts=1)


BRIEF = {
    "object 500": (PACKAGE, PUT | {"error": "InternalError"}),
    "object dropped": (PACKAGE, PUT | {"drop": True}),
    "part 500": (LARGE, PUT | {"error": "InternalError", "after": 1}),
    "part 503": (LARGE, PUT | {"error": "SlowDown"}),
    "part dropped": (LARGE, PUT | {"drop": True, "after": 1}),
    "part stalls": (LARGE, PUT | {"meanwhile": partial(sleep, 2)}),
    "beginning 500": (LARGE, BEGIN | {"error": "InternalError"}),
    "end 500": (LARGE, FINISH | {"error": "InternalError"}),
    "answer of the end is lost": (LARGE, FINISH | {"cut": 0}),
}


@pytest.mark.parametrize("fault", BRIEF)
def test_brief_fault_is_passed_over_within_the_attempt(remote, fault):
    package, values = BRIEF[fault]
    version = exportable(package=package)
    rule = remote.proxy.fail(fault, **values)

    job = run(submit(version, remote.bucket))

    assert_exported_once(remote, job, version, attempts=1)
    assert rule.seen > rule.after


LASTING = {
    "object 500": (PACKAGE, PUT | {"error": "InternalError"}, "source.unavailable"),
    "object dropped": (PACKAGE, PUT | {"drop": True}, "source.unavailable"),
    "part 503": (LARGE, PUT | {"error": "SlowDown"}, "source.unavailable"),
    "part dropped": (LARGE, PUT | {"drop": True, "after": 1}, "source.unavailable"),
    "end 500": (LARGE, FINISH | {"error": "InternalError"}, "source.unavailable"),
}


@pytest.mark.parametrize("fault", LASTING)
def test_lasting_fault_releases_the_job_with_its_reason_until_it_is_over(remote, fault):
    package, values, code = LASTING[fault]
    version = exportable(package=package)
    remote.proxy.fail(fault, times=-1, **values)

    waiting = run(submit(version, remote.bucket))
    assert (waiting.state, waiting.attempts, waiting.reason_code) == (ExportState.QUEUED, 1, code)
    assert message_for(code, waiting.reason_params) != code
    assert (remote.lying(), remote.uploads()) == ({}, [])

    remote.proxy.reset()
    assert_exported_once(remote, run(waiting), version, attempts=2)


def test_fault_that_stays_is_given_up_with_nothing_kept(remote, settings):
    settings.S3_ATTEMPTS = 1
    remote.proxy.fail("broken", times=-1, **PUT, error="InternalError")

    job = submit(exportable(package=LARGE), remote.bucket)
    states = [run(job).state for _ in range(settings.EXPORT_ATTEMPTS)]

    assert states == [ExportState.QUEUED, ExportState.QUEUED, ExportState.FAILED]
    assert run(job).reason_code == "export.target_gave_up"
    assert (remote.lying(), remote.uploads()) == ({}, [])


REFUSED = {
    "AccessDenied": "source.forbidden",
    "ExpiredToken": "source.expired",
    "NoSuchBucket": "source.bucket_unknown",
    "SignatureDoesNotMatch": "source.credentials",
}


@pytest.mark.parametrize("error", REFUSED)
@pytest.mark.parametrize("package", [PACKAGE, LARGE], ids=["small", "large"])
def test_refusal_ends_the_export_at_once_with_its_reason(remote, error, package):
    remote.proxy.fail(error, times=-1, **PUT, error=error)

    job = run(submit(exportable(package=package), remote.bucket))

    assert (job.state, job.attempts, job.reason_code) == (ExportState.FAILED, 1, REFUSED[error])
    assert message_for(job.reason_code, job.reason_params) != job.reason_code
    assert (remote.lying(), remote.uploads()) == ({}, [])


def test_key_that_may_only_read_is_told(remote):
    keys = {"access_key": READER_KEY, "secret_key": READER_SECRET, "session_token": ""}
    Bucket.objects.update(credentials=seal(keys))

    job = run(submit(exportable(package=LARGE), Bucket.objects.get()))

    assert (job.state, job.reason_code) == (ExportState.FAILED, "source.forbidden")


def test_upload_a_crash_left_is_thrown_away_by_the_next_attempt(remote):
    version = exportable(package=LARGE)
    job = submit(version, remote.bucket)
    transitions.claim(job)
    transitions.note_handle(job, driver_for(remote.bucket).begin(job.key, job.bytes_total))
    assert len(remote.uploads()) == 1
    transitions.hand_back(job)

    assert_exported_once(remote, run(job), version, attempts=2)


def test_upload_a_crash_left_is_thrown_away_by_the_sweep_after_the_job_was_cancelled(remote):
    job = submit(exportable(package=LARGE), remote.bucket)
    transitions.claim(job)
    transitions.note_handle(job, driver_for(remote.bucket).begin(job.key, job.bytes_total))
    assert cancel_export(job, by=None)

    sweep_exports()

    assert (remote.uploads(), ExportJob.objects.get().handle) == ([], "")


def test_object_somebody_put_there_meanwhile_is_kept(remote):
    job = submit(exportable(package=LARGE), remote.bucket)
    key = remote.bucket.prefix + TARGET
    theirs = {"Bucket": remote.bucket.remote_name, "Key": key, "Body": b"theirs"}
    remote.proxy.fail("meanwhile", **PUT, meanwhile=lambda: remote.client.put_object(**theirs))

    end = run(job)

    assert (end.state, end.reason_code) == (ExportState.FAILED, "source.exists")
    assert (remote.read(), remote.uploads()) == (b"theirs", [])


def test_what_lies_in_the_bucket_is_imported_elsewhere_to_the_same_digest(remote):
    version = jobs.run(jobs.submit(jobs.put(jobs.GOOD))).version
    run(submit(version, remote.bucket))

    with zipfile.ZipFile(io.BytesIO(remote.read())) as archive:
        path = jobs.put({name: archive.read(name) for name in archive.namelist()}, folder="back")
    back = jobs.run(jobs.submit(path, name="back")).version

    assert (back.status, back.digest) == ("published", version.digest)

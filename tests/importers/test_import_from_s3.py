"""Packages on object storage that hold what the console cannot or may not read."""

import pytest

from accounts.secrets import seal
from importers.models import State
from stores.models import Bucket
from tests.factories import make_workspace
from tests.importers.jobs import GOOD, codes, run, submit

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(s3):
    """Store an object of the package: `store("model/config.json", b"{}")`."""
    name = s3.make_bucket()
    Bucket.objects.create(
        workspace=make_workspace(),
        name="cloud",
        driver=Bucket.Driver.S3,
        endpoint=s3.endpoint,
        remote_name=name,
        credentials=seal({"access_key": s3.access_key, "secret_key": s3.secret_key, "session_token": ""}),
    )
    client = s3.client()
    return lambda key, content, **values: client.put_object(Bucket=name, Key=f"digits/{key}", Body=content, **values)


def test_a_package_with_folder_markers_is_imported(store):
    store("", b"")
    store("model/", b"")
    for path, content in GOOD.items():
        store(path, content)

    job = run(submit("/cloud/digits/"))

    assert job.state == State.SUCCEEDED
    assert sorted(job.version.files.values_list("path", flat=True)) == sorted(GOOD)


def test_an_object_that_cannot_be_decrypted_is_refused_by_name(store):
    for path, content in GOOD.items():
        store(path, content)
    store("model/extra.bin", b"secret", SSECustomerAlgorithm="AES256", SSECustomerKey=b"k" * 32)

    job = run(submit("/cloud/digits/"))

    (finding,) = [finding for finding in job.findings if finding["code"] == "source.encrypted"]
    assert job.state == State.FAILED
    assert finding["params"]["path"] == "/cloud/digits/model/extra.bin"


def test_a_package_with_a_name_that_is_not_safe_is_refused(store):
    for path, content in GOOD.items():
        store(path, content)
    store("model/line\nbreak.bin", b"x")

    job = run(submit("/cloud/digits/"))

    assert (job.state, codes(job.findings)[0]) == (State.FAILED, "layout.unsafe_name")

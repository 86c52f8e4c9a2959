"""Streams of object storage: what breaks off goes on, and nothing is taken for whole that is not."""

import hashlib
import io
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from stores.drivers.base import Entry
from stores.drivers.s3 import S3Driver, S3Place
from stores.drivers.s3_streams import ObjectStream, Opened
from stores.errors import SourceUnavailable
from tests.stores.answers import Answer, answering, bucket_of, error
from tests.stores.asking import read, refusal

WHOLE = bytes(range(256)) * 8192  # 2 MiB


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def serving(content, *, cut=None, etag="one", then=None, checksum="", ignore_ranges=False):
    """Answers as a server that has one object; each answer ends after `cut` bytes, after the first `then` decides."""
    asked = []

    def answer(request):
        if found := bucket_of()(request):
            return found
        asked.append(request)
        if then and len(asked) > 1:
            return then(request)
        first, headers, status = 0, {"ETag": f'"{etag}"'}, 200
        if (wanted := request.headers.get("Range")) and not ignore_ranges:
            first = int(wanted.removeprefix("bytes=").partition("-")[0])
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
            status = 206
        if checksum and first == 0:
            headers["x-amz-checksum-crc32"] = checksum
        rest = content[first:]
        return Answer(status, rest[:cut], headers, announced=len(rest))

    answer.asked = asked
    return answer


def driver_of(server):
    return S3Driver(S3Place(server.endpoint, "b-b", "packages", access_key="k", secret_key="s"))


def test_a_stream_that_is_cut_goes_on_from_there(quick):
    answer = serving(WHOLE, cut=800_000)

    with answering(answer) as server:
        assert read(driver_of(server), "a") == WHOLE

    assert [request.headers.get("Range") for request in answer.asked] == [
        None,
        "bytes=800000-2097151",
        "bytes=1600000-2097151",
    ]
    assert {request.headers.get("If-Match") for request in answer.asked[1:]} == {'"one"'}


def test_a_stream_that_is_cut_again_and_again_is_unavailable(quick):
    with answering(serving(WHOLE, cut=10)) as server, pytest.raises(SourceUnavailable):
        read(driver_of(server), "a")


def test_a_stream_whose_object_changes_in_the_middle_is_refused(quick):
    with answering(serving(WHOLE, cut=10, then=lambda request: error("PreconditionFailed", 412))) as server:
        assert refusal(read, driver_of(server), "a") == "source.object_changed"


def test_a_stream_whose_credentials_run_out_in_the_middle_is_refused(quick):
    with answering(serving(WHOLE, cut=10, then=lambda request: error("ExpiredToken", 400))) as server:
        assert refusal(read, driver_of(server), "a") == "source.expired"


def test_a_server_that_ignores_ranges_never_passes_other_bytes(quick):
    with answering(serving(WHOLE, cut=800_000, ignore_ranges=True)) as server:
        with pytest.raises(SourceUnavailable):
            read(driver_of(server), "a")
        with pytest.raises(SourceUnavailable):
            driver_of(server).open("a", start=5)


def test_bytes_beside_their_checksum_are_not_taken():
    other = hashlib.md5(b"other").hexdigest()

    for answer in (serving(WHOLE, etag=other), serving(WHOLE, checksum="AAAAAA==")):
        with answering(answer) as server, pytest.raises(SourceUnavailable) as unavailable:
            read(driver_of(server), "a")

        assert unavailable.value.code == "source.damaged"


def test_the_checksum_holds_across_a_cut(quick):
    digest = hashlib.md5(WHOLE).hexdigest()

    with answering(serving(WHOLE, cut=1_500_000, etag=digest)) as server:
        assert read(driver_of(server), "a") == WHOLE


def test_an_object_of_another_length_than_listed_is_not_taken():
    with answering(serving(WHOLE)) as server:
        driver = driver_of(server)
        for size in (len(WHOLE) - 1, len(WHOLE) + 1):
            changed = Entry("a", size, datetime.now(UTC), "another")
            with pytest.raises(SourceUnavailable):
                driver.open("a", expected=replace(changed, etag="one"))
            assert refusal(driver.open, "a", expected=changed) == "source.object_changed"


def test_a_stream_that_drips_is_given_up(settings, quick):
    settings.S3_READ_SECONDS = 0.2

    class Drip(io.RawIOBase):
        def read1(self, amount):
            self.waited = threading.Event().wait(0.05)
            return b"x"

    drip = Opened(Drip(), 0, 10_000, 10_000, "one")
    with pytest.raises(SourceUnavailable), io.BufferedReader(ObjectStream(drip, 10_000, lambda *_: drip)) as stream:
        stream.read()

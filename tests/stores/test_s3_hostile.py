"""Endpoints that answer what no object storage answers: never a crash, never more memory than an answer may take."""

import pytest

from stores.drivers import s3_connections, s3_listing
from stores.drivers.s3 import S3Driver, S3Place
from stores.errors import SourceUnavailable
from tests.stores.answers import Answer, answering, bucket_of

DATE = "<LastModified>2026-01-01T00:00:00Z</LastModified>"


@pytest.fixture
def against(monkeypatch, settings):
    """`against(answer)` → a driver whose endpoint says where its bucket is, and then what `answer(request)` says."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    settings.S3_ATTEMPTS = 1
    servers = []

    def make(answer, region=""):
        whole = bucket_of(region)
        server = answering(lambda request: whole(request) if request.wants_location else answer(request))
        servers.append(server)
        return S3Driver(S3Place(server.__enter__().endpoint, "b-b", "packages", access_key="key", secret_key="secret"))

    yield make
    for server in servers:
        server.__exit__(None, None, None)


def listing(inner, truncated=False):
    return f"<ListBucketResult><IsTruncated>{str(truncated).lower()}</IsTruncated>{inner}</ListBucketResult>".encode()


@pytest.mark.parametrize(
    "inner",
    [
        f"<Contents><Size>1</Size>{DATE}</Contents>",
        f"<Contents><Key>a</Key>{DATE}</Contents>",
        "<Contents><Key>a</Key><Size>1</Size></Contents>",
        f"<Contents><Key>a</Key><Size>many</Size>{DATE}</Contents>",
        f"<Contents><Key>a</Key><Size>-5</Size>{DATE}</Contents>",
        f"<Contents><Key>a</Key><Size>{'9' * 400}</Size>{DATE}</Contents>",
        f"<Contents><Key>a</Key><Size>{'9' * 5000}</Size>{DATE}</Contents>",
        "<Contents><Key>a</Key><Size>1</Size><LastModified>yesterday</LastModified></Contents>",
        "<CommonPrefixes></CommonPrefixes>",
    ],
)
def test_a_listing_with_nonsense_in_it_is_no_listing(against, inner):
    driver = against(lambda request: Answer(body=listing(inner)))

    for call in (lambda: driver.list_folder(""), lambda: list(driver.walk("")), lambda: driver.delete_folder("a/")):
        with pytest.raises(SourceUnavailable):
            call()


@pytest.mark.parametrize(
    "headers",
    [
        {"Last-Modified": "nonsense"},
        {},
        {"Content-Range": f"bytes 0-0/{'9' * 5000}"},
        {"x-amz-checksum-crc32": "!!!", "Last-Modified": "nonsense"},
    ],
)
def test_an_object_with_nonsense_in_its_headers_is_unavailable(against, headers):
    driver = against(lambda request: Answer(body=b"", headers=headers))

    for call in (lambda: driver.stat("a"), lambda: driver.write("a", [b"x"]), lambda: driver.begin("a", 9)):
        with pytest.raises(SourceUnavailable):
            call()
    with pytest.raises(SourceUnavailable):
        driver.open("a", start=1, length=5)


def test_a_region_nobody_can_sign_for_is_none(against):
    driver = against(lambda request: Answer(body=listing("")), region="../nowhere")

    assert driver.check() is None


def test_an_answer_that_is_too_long_is_not_taken_into_memory(against, monkeypatch):
    monkeypatch.setattr(s3_connections, "_MOST_BYTES", 100_000)
    driver = against(lambda request: Answer(body=listing(f"<Name>{'x' * 200_000}</Name>")))

    with pytest.raises(SourceUnavailable):
        driver.list_folder("")


def test_an_answer_that_takes_too_long_is_given_up(against, monkeypatch):
    monkeypatch.setattr(s3_connections, "_PATIENCE", 0)
    driver = against(lambda request: Answer(body=listing("")))

    with pytest.raises(SourceUnavailable):
        driver.list_folder("")


def test_a_listing_that_lists_nothing_for_ever_is_given_up(against, monkeypatch):
    monkeypatch.setattr(s3_listing, "_MOST_EMPTY", 5)
    asked = []

    def answer(request):
        asked.extend([request] if request.wants_listing else [])
        return Answer(body=listing(f"<NextContinuationToken>{len(asked)}</NextContinuationToken>", truncated=True))

    with pytest.raises(SourceUnavailable):
        list(against(answer).walk(""))
    assert len(asked) == 5


def test_deleting_a_folder_spares_what_a_server_lists_of_others(against):
    deleted = []

    def answer(request):
        if request.wants_listing:
            keys = ("a/b", "ab", "z")
            things = "".join(f"<Contents><Key>{key}</Key><Size>1</Size>{DATE}</Contents>" for key in keys)
            return Answer(body=listing(things))
        deleted.extend([request.body.count(b"<Key>")] if request.method == "POST" else [])
        return Answer(body=b"<DeleteResult></DeleteResult>")

    against(answer).delete_folder("a/")

    assert deleted == [1]

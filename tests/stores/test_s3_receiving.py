import hashlib

import pytest

from stores.drivers import s3_receiving as module
from stores.drivers.base import PART_BYTES
from stores.drivers.s3 import S3Driver, S3Place
from stores.errors import SourceRefused, SourceUnavailable
from tests.stores.answers import Answer, answering, bucket_of, error

CONTENT = bytes(range(256)) * (PART_BYTES // 256) * 2 + b"the rest"


@pytest.fixture
def bucket(s3):
    return s3.make_bucket()


@pytest.fixture
def driver(s3, bucket):
    keys = {"access_key": s3.access_key, "secret_key": s3.secret_key}
    return S3Driver(S3Place(s3.endpoint, bucket, "packages", "prefix/", **keys))


@pytest.fixture
def uploads(s3, bucket):
    """What is begun and not ended, seen from outside."""
    return lambda: s3.client().list_multipart_uploads(Bucket=bucket).get("Uploads", [])


def in_chunks(content, size=700_000):
    return (content[start : start + size] for start in range(0, len(content), size))


def read(driver, key):
    with driver.open(key) as stream:
        return stream.read()


def refusal(call, *args, **values):
    with pytest.raises(SourceRefused) as refused:
        call(*args, **values)
    return refused.value.code


def test_receiving_in_several_requests_gives_the_whole_object(driver, uploads):
    handle = driver.begin("a", len(CONTENT))
    kept = []
    for stop in (PART_BYTES + 5, 2 * PART_BYTES, len(CONTENT)):
        start = driver.received("a", handle)
        kept.append(driver.append("a", handle, len(CONTENT), start, in_chunks(CONTENT[start:stop])))

    entry = driver.finish("a", handle, len(CONTENT))

    assert kept == [PART_BYTES, 2 * PART_BYTES, len(CONTENT)]
    assert read(driver, "a") == CONTENT
    assert (entry.etag, entry.size) == (driver.stat("a").etag, len(CONTENT))
    assert uploads() == []


def test_a_last_part_that_was_kept_is_not_asked_for_again(driver):
    handle = driver.begin("a", len(CONTENT))
    driver.append("a", handle, len(CONTENT), 0, in_chunks(CONTENT))

    assert driver.received("a", handle) == len(CONTENT)
    assert driver.append("a", handle, len(CONTENT), len(CONTENT), []) == len(CONTENT)
    assert driver.finish("a", handle, len(CONTENT)).size == len(CONTENT)


def test_another_process_goes_on_from_the_handle_alone(driver, s3, bucket):
    handle = driver.begin("a", len(CONTENT))
    driver.append("a", handle, len(CONTENT), 0, in_chunks(CONTENT[: PART_BYTES + 9]))
    keys = {"access_key": s3.access_key, "secret_key": s3.secret_key}
    other = S3Driver(S3Place(s3.endpoint, bucket, "packages", "prefix/", **keys))

    start = other.received("a", handle)
    other.append("a", handle, len(CONTENT), start, in_chunks(CONTENT[start:]))
    other.finish("a", handle, len(CONTENT))

    assert (len(handle) <= 1000, read(other, "a")) == (True, CONTENT)


def test_a_part_that_is_sent_again_counts_once(driver):
    handle = driver.begin("a", len(CONTENT))
    driver.append("a", handle, len(CONTENT), 0, in_chunks(CONTENT[:PART_BYTES]))
    driver.append("a", handle, len(CONTENT), 0, in_chunks(CONTENT))
    driver.finish("a", handle, len(CONTENT))

    assert read(driver, "a") == CONTENT


def test_two_parts_for_one_place_never_pass_for_the_object():
    parts = "".join(f"<Part><PartNumber>1</PartNumber><ETag>{tag}</ETag><Size>4</Size></Part>" for tag in ("a", "b"))
    listing = f"<ListPartsResult><IsTruncated>false</IsTruncated>{parts}</ListPartsResult>".encode()

    with answering(lambda request: bucket_of()(request) or Answer(body=listing)) as server:
        driver = S3Driver(S3Place(server.endpoint, "b-b", "packages", access_key="k", secret_key="s"))

        assert refusal(driver.received, "a", f"{PART_BYTES}.some-upload") == "upload.gone"
        assert refusal(driver.finish, "a", f"{PART_BYTES}.some-upload", 4) == "upload.gone"


def test_a_hole_in_the_middle_is_not_passed_over(driver):
    handle = driver.begin("a", len(CONTENT))
    driver.append("a", handle, len(CONTENT), PART_BYTES, in_chunks(CONTENT[PART_BYTES:]))

    assert driver.received("a", handle) == 0
    assert refusal(driver.finish, "a", handle, len(CONTENT)) == "upload.wrong_size"


def test_abandon_leaves_no_parts(driver, uploads):
    handle = driver.begin("a", len(CONTENT))
    driver.append("a", handle, len(CONTENT), 0, in_chunks(CONTENT))

    driver.abandon("a", handle)

    assert uploads() == []
    assert refusal(driver.append, "a", handle, len(CONTENT), 0, in_chunks(CONTENT)) == "upload.gone"


def test_an_empty_object_leaves_no_upload_behind(driver, uploads):
    handle = driver.begin("a", 0)

    driver.finish("a", handle, 0)

    assert (uploads(), read(driver, "a")) == ([], b"")


@pytest.mark.parametrize(
    ("size", "part"),
    [
        (0, PART_BYTES),
        (PART_BYTES, PART_BYTES),
        (10_000 * PART_BYTES, PART_BYTES),
        (10_000 * PART_BYTES + 1, 9 * 1024**2),
    ],
)
def test_parts_are_so_large_that_their_number_is_enough(size, part):
    assert module._part_size(size) == part


def test_an_answer_that_got_lost_when_the_object_was_finished_is_looked_up():
    part = (
        b"<Part><PartNumber>1</PartNumber><ETag>%s</ETag><Size>4</Size></Part>"
        % hashlib.md5(b"four").hexdigest().encode()
    )
    tag = hashlib.md5(hashlib.md5(b"four").digest()).hexdigest() + "-1"
    head = {"ETag": f'"{tag}"', "Content-Length": 4, "Last-Modified": "Mon, 23 Nov 2026 10:00:00 GMT"}

    def answer(request):
        if found := bucket_of()(request):
            return found
        if request.method == "POST":
            return error("NoSuchUpload", 404)
        if request.method == "HEAD":
            return Answer(headers=head)
        return Answer(body=f"<ListPartsResult><IsTruncated>false</IsTruncated>{part}</ListPartsResult>".encode())

    with answering(answer) as server:
        driver = S3Driver(S3Place(server.endpoint, "b-b", "packages", access_key="k", secret_key="s"))

        assert driver.finish("a", f"{PART_BYTES}.some-upload", 4).etag == tag
        head["ETag"] = '"another"'
        assert refusal(driver.finish, "a", f"{PART_BYTES}.some-upload", 4) == "upload.gone"


def test_a_part_that_arrives_damaged_is_sent_again_later():
    with answering(lambda request: bucket_of()(request) or error("BadDigest", 400)) as server:
        driver = S3Driver(S3Place(server.endpoint, "b-b", "packages", access_key="k", secret_key="s"))
        with pytest.raises(SourceUnavailable):
            driver.append("a", f"{PART_BYTES}.some-upload", 4, 0, [b"four"])

    assert "Content-MD5" in server.asked[-1].headers

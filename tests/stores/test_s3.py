import hashlib
import tracemalloc
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

import pytest

from stores.drivers import s3 as module
from stores.drivers.base import PART_BYTES
from stores.drivers.s3 import S3Driver, S3Place
from stores.errors import SourceRefused
from stores.paths import INCOMING
from tests.stores.answers import Answer, answering, bucket_of
from tests.stores.asking import keys, read, refusal

WHOLE = bytes(range(256)) * 8192  # 2 MiB


@pytest.fixture
def bucket(s3):
    return s3.make_bucket()


@pytest.fixture
def at(s3, bucket):
    """A driver for the bucket: `at(prefix="some/where")`."""

    def make(**values):
        return S3Driver(
            S3Place(s3.endpoint, bucket, "packages", access_key=s3.access_key, secret_key=s3.secret_key, **values)
        )

    return make


@pytest.fixture
def driver(at):
    return at()


@pytest.fixture
def put(s3, bucket):
    """Store an object past the driver."""
    client = s3.client()
    return lambda key, content=b"x", **values: client.put_object(Bucket=bucket, Key=key, Body=content, **values)


@pytest.fixture
def stored(s3, bucket):
    """Every key of the bucket, seen from outside."""
    client = s3.client()
    return lambda: [found["Key"] for found in client.list_objects_v2(Bucket=bucket).get("Contents", [])]


def listed(*names):
    """A whole listing of these keys."""
    contents = "".join(
        f"<Contents><Key>{name}</Key><Size>1</Size><ETag>x</ETag>"
        f"<LastModified>2026-11-23T10:00:00Z</LastModified></Contents>"
        for name in names
    )
    return f"<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>".encode()


def test_write_stores_an_object_with_its_md5_as_tag(driver):
    entry = driver.write("a/b.bin", [b"one", b"two"])

    digest = hashlib.md5(b"onetwo").hexdigest()
    assert (entry.key, entry.size, entry.etag, entry.fingerprint) == ("a/b.bin", 6, digest, f"{digest}-6")
    assert [(each.key, each.fingerprint) for each in driver.walk("")] == [("a/b.bin", entry.fingerprint)]
    assert driver.stat("a/b.bin").fingerprint == entry.fingerprint


def test_write_sends_more_than_a_part_in_parts(driver, s3, bucket):
    content = WHOLE * 5

    entry = driver.write("big", (content[start : start + 300_000] for start in range(0, len(content), 300_000)))

    assert (entry.size, entry.etag[-2:]) == (len(content), "-2")
    assert driver.stat("big").etag == entry.etag
    assert read(driver, "big") == content
    assert "Uploads" not in s3.client().list_multipart_uploads(Bucket=bucket)


@pytest.mark.parametrize("size", [0, PART_BYTES, PART_BYTES + 1])
def test_write_takes_every_size(driver, size):
    entry = driver.write("a", [bytes(size)])

    assert (entry.size, driver.stat("a").size, len(read(driver, "a"))) == (size, size, size)


def test_write_that_breaks_off_keeps_the_old_object_and_leaves_nothing(driver, s3, bucket):
    driver.write("a", [b"old"])

    def chunks():
        yield WHOLE * 5
        raise RuntimeError

    with pytest.raises(RuntimeError):
        driver.write("a", chunks())

    assert read(driver, "a") == b"old"
    assert "Uploads" not in s3.client().list_multipart_uploads(Bucket=bucket)


def test_writing_and_reading_keep_few_parts_in_memory(driver, monkeypatch):
    monkeypatch.setattr(module, "PART_BYTES", 5 * 1024 * 1024)

    def chunks():
        for _ in range(36):
            yield bytes(1024 * 1024)

    tracemalloc.start()
    driver.write("big", chunks())
    with driver.open("big") as stream:
        while stream.read(1024 * 1024):
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 6 * 5 * 1024 * 1024


def test_open_reads_ranges(driver):
    driver.write("a", [b"0123456789"])
    driver.write("empty", [])

    assert read(driver, "a") == b"0123456789"
    assert read(driver, "a", start=3) == b"3456789"
    assert read(driver, "a", start=3, length=4) == b"3456"
    assert read(driver, "a", start=8, length=40) == b"89"
    assert read(driver, "a", start=40) == b""
    assert read(driver, "a", length=0) == b""
    assert read(driver, "empty") == b""
    assert read(driver, "empty", length=10) == b""


def test_open_takes_only_the_object_that_was_listed(driver):
    listed = driver.write("a", [b"one"])
    driver.write("a", [b"two"])
    driver.write("b", [b"four"])
    gone = driver.write("c", [b"x"])
    driver.delete("c")

    assert refusal(driver.open, "a", expected=listed) == "source.object_changed"
    assert refusal(driver.open, "a", expected=listed, length=0) == "source.object_changed"
    assert refusal(driver.open, "a", expected=listed, start=90) == "source.object_changed"
    assert refusal(driver.open, "c", expected=gone) == "source.missing"
    assert read(driver, "a", expected=driver.stat("a")) == b"two"


def test_streams_read_in_every_way(driver):
    driver.write("a", [b"first\nsecond\n"])

    with driver.open("a") as stream:
        lines = stream.readlines()
    with driver.open("a") as stream:
        buffer = bytearray(5)
        count = stream.readinto(buffer)
        rest = stream.read(3)

    assert (lines, count, bytes(buffer), rest) == ([b"first\n", b"second\n"], 5, b"first", b"\nse")


def test_connections_are_used_again(driver):
    driver.write("a", [WHOLE])
    manager = driver._client._endpoint.http_session._manager
    pool = manager.connection_from_url(driver._place.endpoint)
    before = pool.num_connections

    for _ in range(5):
        read(driver, "a")
        driver.list_folder("")

    assert pool.num_connections == before


def test_listing_shows_folders_and_objects_by_pages(driver):
    for key in ("b", "a/x", "a-b", "c/y", "模型/z", "B"):
        driver.write(key, [b"x"])

    first = driver.list_folder("", limit=3)
    second = driver.list_folder("", limit=3, after=first.after)

    assert first.folders + second.folders == ("a/", "c/", "模型/")
    assert sorted(entry.key for entry in first.entries + second.entries) == ["B", "a-b", "b"]
    assert (bool(first.after), second.after) == (True, "")
    assert len(first.folders) + len(first.entries) == 3


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1000])
def test_pages_of_every_size_show_everything_once(driver, limit):
    wanted = [f"{number:02}" for number in range(6)] + ["f1/", "f2/", "f3/"]
    driver.make_folder("top/")
    for name in wanted:
        driver.write(f"top/{name}x" if name.endswith("/") else f"top/{name}", [b"x"])
    for search, expected in (("", wanted), ("F", wanted[-3:]), ("0", wanted[:6])):
        seen, after = [], ""
        while True:
            page = driver.list_folder("top/", limit=limit, after=after, search=search)
            assert len(page.folders) + len(page.entries) <= limit
            seen += [*page.folders, *(entry.key for entry in page.entries)]
            if not (after := page.after):
                break

        assert sorted(seen) == [f"top/{name}" for name in expected]


@pytest.mark.parametrize("after", ["x", "-1.", "5.zzz", "99999999999999999999.", "²."])
def test_an_address_of_a_page_that_nobody_gave_shows_a_page(driver, after):
    driver.write("a", [b"x"])

    assert len(driver.list_folder("", after=after).entries) <= 1


def test_listing_searches_names_without_regard_to_case(driver):
    for key in ("d/Weights.bin", "d/config.json", "d/weights/x", "d/other/weights.bin"):
        driver.write(key, [b"x"])

    page = driver.list_folder("d/", search="weights")

    assert (page.folders, [entry.key for entry in page.entries]) == (("d/weights/",), ["d/Weights.bin"])


def test_a_search_that_finds_nothing_for_long_offers_to_go_on(monkeypatch, driver):
    monkeypatch.setattr("stores.drivers.s3_listing._FULL_PAGE", 2)
    monkeypatch.setattr("stores.drivers.s3_listing._SEARCH_REQUESTS", 2)
    for number in range(9):
        driver.write(f"{number}", [b"x"])

    first = driver.list_folder("", search="8")
    second = driver.list_folder("", search="8", after=first.after)
    third = driver.list_folder("", search="8", after=second.after)

    assert [bool(page.after) for page in (first, second, third)] == [True, True, False]
    assert [[entry.key for entry in page.entries] for page in (first, second, third)] == [[], [], ["8"]]


def test_walk_goes_through_every_page(driver, put, monkeypatch):
    monkeypatch.setattr("stores.drivers.s3_listing._FULL_PAGE", 7)
    monkeypatch.setattr(S3Driver._answers, "__kwdefaults__", S3Driver._answers.__kwdefaults__ | {"size": 7})
    wanted = [f"d/{number:03}/x" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, wanted))

    assert keys(driver) == wanted
    assert keys(driver, "d/003/") == ["d/003/x"]


def test_only_what_lies_below_the_prefix_of_the_place_is_seen_and_touched(at, put, stored):
    inner = at(prefix="some/where")
    put("outside")
    put("some/whereelse")
    inner.write("a/b", [b"x"])

    assert stored() == ["outside", "some/where/a/b", "some/whereelse"]
    assert (keys(inner), inner.list_folder("").folders) == (["a/b"], ("a/",))
    assert inner.stat("a/b").key == "a/b"
    inner.move("a/b", "c")
    inner.delete("c")
    assert stored() == ["outside", "some/whereelse"]
    assert refusal(inner.stat, "../outside") == "source.unsafe_name"


def test_names_with_every_letter_come_back_as_they_are(driver):
    wanted = [
        "100%.txt",
        "a b+c&d=e.txt",
        "q'uo\"te<x>.txt",
        "模型/权重 1.bin",
        "%2F.txt",
        "~!@#$^*()[]{};,`|.txt",
        "e\u0301",
    ]
    for key in wanted:
        driver.write(key, [key.encode()])

    assert sorted(keys(driver)) == sorted(wanted)
    assert [read(driver, key) for key in wanted] == [key.encode() for key in wanted]


def test_names_no_path_can_have_are_listed_as_refused(driver, put):
    put("ok")
    put("line\nbreak")
    put("ctl\x01x/y")

    assert [(entry.key, entry.refusal) for entry in driver.walk("")] == [
        ("ctl\x01x/y", "source.unsafe_name"),
        ("line\nbreak", "source.unsafe_name"),
        ("ok", ""),
    ]
    page = driver.list_folder("")
    assert [(entry.key, entry.refusal) for entry in page.entries] == [
        ("ctl\x01x/", "source.unsafe_name"),
        ("line\nbreak", "source.unsafe_name"),
        ("ok", ""),
    ]
    assert page.folders == ()


def test_hostile_listings_are_shown_refused_and_never_leave_the_prefix():
    hostile = ["p/../x", "p//x", "p/a//b", "p/./c", "p/" + "n" * 1200, "elsewhere", "p/fine"]
    page = listed(*hostile)

    def answer(request):
        return Answer(body=page) if request.wants_listing else bucket_of()(request)

    with answering(answer) as server:
        found = list(S3Driver(S3Place(server.endpoint, "b-b", "packages", "p", "", False, "k", "s")).walk(""))

    assert [(entry.key[:9], entry.refusal) for entry in found] == [
        ("../x", "source.unsafe_name"),
        ("/x", "source.unsafe_name"),
        ("a//b", "source.unsafe_name"),
        ("./c", "source.unsafe_name"),
        ("n" * 9, "source.name_too_long"),
        ("elsewhere", "source.unsafe_name"),
        ("fine", ""),
    ]


def test_folder_markers_are_folders_and_no_objects(driver, put):
    put("made/", b"")
    put("full/", b"content")
    put("full/x")

    assert driver.list_folder("").folders == ("full/", "made/")
    assert (driver.list_folder("").entries, driver.list_folder("made/").entries) == ((), ())
    assert keys(driver) == ["full/x"]


def test_the_temporary_area_is_never_shown_or_opened(driver, put):
    put(f"{INCOMING}/x")

    assert (driver.list_folder("").folders, keys(driver)) == ((), [])
    for call in (driver.stat, driver.delete, driver.open):
        assert refusal(call, f"{INCOMING}/x") == "source.unsafe_name"
    for call in (driver.list_folder, driver.delete_folder, driver.make_folder):
        assert refusal(call, f"{INCOMING}/") == "source.unsafe_name"
    assert refusal(list, driver.walk(f"{INCOMING}/")) == "source.unsafe_name"


def test_what_is_missing_is_refused(driver):
    driver.write("file", [b"x"])

    assert refusal(driver.stat, "no") == "source.missing"
    assert refusal(driver.open, "no") == "source.missing"
    assert refusal(driver.delete, "no") == "source.missing"
    assert refusal(driver.list_folder, "no/") == "source.missing"
    assert refusal(list, driver.walk("no/")) == "source.missing"
    assert refusal(driver.delete_folder, "no/") == "source.missing"
    assert refusal(driver.list_folder, "file/") == "source.not_a_folder"
    assert refusal(driver.make_folder, "file/") == "source.not_a_folder"


def test_move_copies_large_objects_in_parts(driver, monkeypatch):
    monkeypatch.setattr(module, "_COPIED_AT_ONCE", 5 * 1024 * 1024)
    content = WHOLE * 6
    driver.write("a", [content])

    driver.move("a", "b")

    assert (keys(driver), driver.stat("b").etag[-2:]) == (["b"], "-3")
    assert read(driver, "b") == content


def test_delete_folder_removes_everything_below_and_nothing_else(driver, put, stored, monkeypatch):
    for key in ("a/b/c", "a/d", "a/", "a/ctl\x01x", "ab", "e"):
        put(key)

    driver.delete_folder("a/")

    assert stored() == ["ab", "e"]
    assert refusal(driver.delete_folder, "") == "source.unsafe_name"


def test_delete_folder_says_what_could_not_be_deleted():
    listing = listed("a/kept")
    kept = b"<DeleteResult><Error><Key>a/kept</Key><Code>AccessDenied</Code></Error></DeleteResult>"

    def answer(request):
        if request.method == "POST":
            return Answer(body=kept)
        return Answer(body=listing) if request.wants_listing else bucket_of()(request)

    with answering(answer) as server, pytest.raises(SourceRefused) as refused:
        S3Driver(S3Place(server.endpoint, "b-b", "packages", access_key="k", secret_key="s")).delete_folder("a/")

    assert (refused.value.code, refused.value.params["path"]) == ("source.forbidden", "/packages/a/kept")
    sent = server.asked[-1]
    assert sent.headers["Content-MD5"] == b64encode(hashlib.md5(sent.body).digest()).decode()


def test_threads_share_a_driver(driver):
    driver.write("a", [WHOLE])

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: read(driver, "a", start=number, length=5), range(40)))

    assert found == [WHOLE[number : number + 5] for number in range(40)]

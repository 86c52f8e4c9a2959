"""What every driver promises, tried on each."""

import pytest

from stores.drivers.folder import FolderDriver
from stores.drivers.s3 import S3Driver, S3Place
from stores.errors import SourceRefused
from stores.paths import INCOMING, scratch_key

HOSTILE = ["../x", "/etc/passwd", "a/../../x", "a\\..\\x", "a\x00b", "a//b", "", "\udce9", f"{INCOMING}/x"]


@pytest.fixture
def folder_driver(tmp_path):
    (tmp_path / "packages").mkdir()
    return FolderDriver(tmp_path, "packages")


@pytest.fixture
def s3_driver(s3):
    place = S3Place(s3.endpoint, s3.make_bucket(), "packages", "some/where", "", False, s3.access_key, s3.secret_key)
    return S3Driver(place)


@pytest.fixture(params=["folder", "s3"])
def driver(request):
    return request.getfixturevalue(f"{request.param}_driver")


def read(driver, key, **values):
    with driver.open(key, **values) as stream:
        return stream.read()


def refusal(call, *args, **values):
    with pytest.raises(SourceRefused) as refused:
        call(*args, **values)
    return refused.value.code


def keys(driver, prefix=""):
    return [entry.key for entry in driver.walk(prefix)]


def test_move_gives_an_object_another_key(driver):
    driver.write("a/b", [b"x"])

    driver.move("a/b", "c/d/e")

    assert (keys(driver), read(driver, "c/d/e")) == (["c/d/e"], b"x")


def test_move_refuses_a_key_that_is_taken_and_one_that_is_missing(driver):
    driver.write("a", [b"one"])
    driver.write("b", [b"two"])

    assert refusal(driver.move, "a", "b") == "source.exists"
    assert refusal(driver.move, "a", "a") == "source.exists"
    assert refusal(driver.move, "no", "c") == "source.missing"
    assert (read(driver, "a"), read(driver, "b")) == (b"one", b"two")


def test_make_folder_shows_an_empty_folder(driver):
    driver.make_folder("a/b/")
    driver.make_folder("a/b/")

    assert driver.list_folder("").folders == ("a/",)
    assert driver.list_folder("a/").folders == ("a/b/",)
    assert (driver.list_folder("a/b/").entries, keys(driver)) == ((), [])


def test_check_answers_nothing_for_a_bucket_that_works(driver):
    assert driver.check() is None


def test_scratch_objects_are_written_read_and_deleted_but_never_listed(driver):
    key = scratch_key()

    driver.write(key, [b"zip"])

    assert (read(driver, key, start=1), driver.stat(key).size) == (b"ip", 3)
    assert (keys(driver), driver.list_folder("").folders) == ([], ())
    driver.delete(key)
    assert refusal(driver.stat, key) == "source.missing"


@pytest.mark.parametrize("key", HOSTILE)
def test_hostile_keys_are_refused_by_every_command(driver, key):
    driver.write("good", [b"x"])

    for call in (driver.stat, driver.open, driver.delete):
        assert refusal(call, key) == "source.unsafe_name"
    assert refusal(driver.write, key, [b"x"]) == "source.unsafe_name"
    assert refusal(driver.begin, key, 1) == "source.unsafe_name"
    assert refusal(driver.move, "good", key) == "source.unsafe_name"
    assert refusal(driver.move, key, "other") == "source.unsafe_name"
    assert keys(driver) == ["good"]


def test_receiving_keeps_an_object_hidden_until_it_is_finished(driver):
    handle = driver.begin("a/b.bin", 6)
    kept = driver.append("a/b.bin", handle, 6, 0, [b"one", b"two"])

    assert (kept, keys(driver), driver.list_folder("").folders) == (6, [], ())
    entry = driver.finish("a/b.bin", handle, 6)

    assert (entry.key, entry.size, read(driver, "a/b.bin")) == ("a/b.bin", 6, b"onetwo")
    assert driver.stat("a/b.bin").etag == entry.etag


def test_receiving_goes_on_where_it_broke_off(driver):
    content = bytes(range(256)) * 4096 * 20
    handle = driver.begin("big", len(content))

    def chunks():
        yield content[:9_000_000]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        driver.append("big", handle, len(content), 0, chunks())
    kept = driver.received("big", handle)
    driver.append("big", handle, len(content), kept, [content[kept:]])
    driver.finish("big", handle, len(content))

    assert 8_000_000 < kept <= 9_000_000
    assert read(driver, "big") == content


def test_receiving_takes_an_empty_object(driver):
    handle = driver.begin("empty", 0)

    assert driver.received("empty", handle) == 0
    assert driver.finish("empty", handle, 0).size == 0
    assert read(driver, "empty") == b""


def test_receiving_takes_scratch_keys(driver):
    key = scratch_key()
    handle = driver.begin(key, 1)
    driver.append(key, handle, 1, 0, [b"x"])

    driver.finish(key, handle, 1)

    assert (read(driver, key), keys(driver)) == (b"x", [])


def test_finish_replaces_and_refuses_an_object_with_bytes_missing(driver):
    driver.write("a", [b"old"])
    handle = driver.begin("a", 4)
    driver.append("a", handle, 4, 0, [b"ne"])

    assert refusal(driver.finish, "a", handle, 4) == "upload.wrong_size"
    assert read(driver, "a") == b"old"
    kept = driver.received("a", handle)
    driver.append("a", handle, 4, kept, [b"new!"[kept:]])
    driver.finish("a", handle, 4)
    assert read(driver, "a") == b"new!"


def test_append_refuses_more_than_was_announced_and_gaps(driver):
    handle = driver.begin("a", 4)

    assert refusal(driver.append, "a", handle, 4, 0, [b"12345"]) == "upload.wrong_size"
    assert refusal(driver.append, "a", handle, 4, 3, [b"x"]) == "upload.interrupted"


@pytest.mark.parametrize("handle", ["", "no", "0" * 32, "../../x", "a/b", "模型", "x" * 1000])
def test_unknown_handles_are_gone(driver, handle):
    assert refusal(driver.received, "a", handle) == "upload.gone"
    assert refusal(driver.append, "a", handle, 1, 0, [b"x"]) == "upload.gone"
    assert refusal(driver.finish, "a", handle, 1) == "upload.gone"
    assert driver.abandon("a", handle) is None


def test_abandon_forgets_what_arrived(driver):
    handle = driver.begin("a", 4)
    driver.append("a", handle, 4, 0, [b"12"])

    driver.abandon("a", handle)
    driver.abandon("a", handle)

    assert refusal(driver.received, "a", handle) == "upload.gone"
    assert keys(driver) == []

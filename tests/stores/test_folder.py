import errno
import os
import socket
import subprocess
import tracemalloc
from pathlib import Path

import pytest

from stores.drivers import folder as module
from stores.drivers.folder import INCOMING, FolderDriver
from stores.errors import SourceRefused, SourceUnavailable


@pytest.fixture
def root(tmp_path):
    (tmp_path / "packages").mkdir()
    return tmp_path / "packages"


@pytest.fixture
def driver(root):
    return FolderDriver(root.parent, "packages")


def put(root, key, content=b"x"):
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def read(driver, key, **values):
    with driver.open(key, **values) as stream:
        return stream.read()


def refusal(call, *args, **values):
    with pytest.raises(SourceRefused) as refused:
        call(*args, **values)
    return refused.value.code


def test_write_stores_an_object_and_makes_its_folders(driver, root):
    entry = driver.write("a/b/c.bin", [b"one", b"two"])

    assert (root / "a/b/c.bin").read_bytes() == b"onetwo"
    assert (entry.key, entry.size, entry.refusal) == ("a/b/c.bin", 6, "")
    assert driver.stat("a/b/c.bin") == entry
    assert list((root / INCOMING).iterdir()) == []


def test_write_replaces_and_changes_the_tag(driver):
    before = driver.write("a", [b"one"])

    after = driver.write("a", [b"two"])

    assert read(driver, "a") == b"two"
    assert after.etag != before.etag


def test_write_that_breaks_off_keeps_the_old_object_and_leaves_nothing(driver, root):
    driver.write("a", [b"old"])

    def chunks():
        yield b"new"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        driver.write("a", chunks())

    assert read(driver, "a") == b"old"
    assert list((root / INCOMING).iterdir()) == []


def test_write_refuses_names_that_are_taken_by_folders_and_files(driver):
    driver.write("a/b", [b"x"])

    assert refusal(driver.write, "a", [b"x"]) == "source.is_folder"
    assert refusal(driver.write, "a/b/c", [b"x"]) == "source.not_a_folder"


def test_write_on_a_full_disk_can_be_tried_again(driver, root, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    (root / INCOMING).mkdir()

    with pytest.raises(SourceUnavailable) as unavailable:
        driver.write("a", [b"x"])

    assert unavailable.value.code == "source.no_space"
    assert list(root.iterdir()) == [root / INCOMING]


def test_write_sweeps_what_a_crash_left_behind(driver, root):
    old = put(root, f"{INCOMING}/old")
    os.utime(old, (0, 0))
    young = put(root, f"{INCOMING}/young")

    driver.write("a", [b"x"])

    assert (old.exists(), young.exists()) == (False, True)


def test_open_reads_ranges(driver):
    driver.write("a", [b"0123456789"])

    assert read(driver, "a") == b"0123456789"
    assert read(driver, "a", start=3) == b"3456789"
    assert read(driver, "a", start=3, length=4) == b"3456"
    assert read(driver, "a", start=8, length=40) == b"89"
    assert read(driver, "a", start=40) == b""


def test_open_refuses_an_object_that_is_not_the_expected_one(driver):
    listed = driver.write("a", [b"one"])
    driver.write("a", [b"two"])

    assert refusal(driver.open, "a", expected=listed) == "source.object_changed"


def test_open_refuses_an_object_that_is_gone(driver):
    listed = driver.write("a", [b"one"])
    driver.delete("a")

    assert refusal(driver.open, "a", expected=listed) == "source.missing"


@pytest.mark.parametrize("change", [b"grown longer", b"", b"same"])
def test_reading_to_the_end_refuses_an_object_that_changed_meanwhile(driver, root, change):
    path = put(root, "a", b"0123" if change == b"same" else b"0123456789")
    os.utime(path, (1, 1))

    with driver.open("a") as stream:
        path.write_bytes(change)

        assert refusal(stream.read) == "source.object_changed"


def test_listing_is_in_key_order_and_pages_by_key(driver, root):
    for key in ("b", "a/x", "a-b", "c/y", "模型/z", "B"):
        put(root, key)

    first = driver.list_folder("", limit=3)
    second = driver.list_folder("", limit=3, after=first.after)

    assert (first.folders, [entry.key for entry in first.entries]) == (("a/",), ["B", "a-b"])
    assert (second.folders, [entry.key for entry in second.entries]) == (("c/", "模型/"), ["b"])
    assert second.after == ""


def test_listing_searches_names_in_one_folder_without_regard_to_case(driver, root):
    for key in ("d/Weights.bin", "d/config.json", "d/weights/x", "d/other/weights.bin"):
        put(root, key)

    page = driver.list_folder("d/", search="weights")

    assert (page.folders, [entry.key for entry in page.entries]) == (("d/weights/",), ["d/Weights.bin"])


def test_listing_shows_names_that_differ_only_in_case(driver, root):
    put(root, "Model.bin")
    put(root, "model.bin")

    assert [entry.key for entry in driver.list_folder("").entries] == ["Model.bin", "model.bin"]


def test_listing_never_shows_the_incoming_area(driver, root):
    put(root, f"{INCOMING}/x")

    assert driver.list_folder("").folders == ()
    assert list(driver.walk("")) == []
    for call in (driver.stat, driver.delete, driver.open):
        assert refusal(call, f"{INCOMING}/x") == "source.unsafe_name"
    assert refusal(driver.list_folder, f"{INCOMING}/") == "source.unsafe_name"
    assert refusal(driver.delete_folder, f"{INCOMING}/") == "source.unsafe_name"


def test_listing_pages_through_very_many_objects_without_keeping_them(driver, root):
    for number in range(3000):
        (root / f"{number:05}").touch()

    tracemalloc.start()
    driver.list_folder("", limit=100)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    keys, after = [], ""
    while page := driver.list_folder("", limit=1000, after=after):
        keys += [entry.key for entry in page.entries]
        if not (after := page.after):
            break

    assert peak < 300_000
    assert keys == [f"{number:05}" for number in range(3000)]


def test_walk_goes_through_everything_in_key_order(driver, root, monkeypatch):
    monkeypatch.setattr(module, "_WALK_BATCH", 2)
    keys = ["a-b", "a/b/c", "a/b/d", "a/c", "a/d", "a0", "z"]
    for key in reversed(keys):
        put(root, key)

    assert [entry.key for entry in driver.walk("")] == keys
    assert [entry.key for entry in driver.walk("a/b/")] == ["a/b/c", "a/b/d"]


def test_walk_does_not_go_deeper_than_keys_may_be_long(driver, root):
    folder = os.open(root, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=folder)
        below = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)

    entries = list(driver.walk(""))

    assert [entry.refusal for entry in entries] == ["source.name_too_long"]
    subprocess.run(["rm", "-rf", root / "d"], check=True)


def test_links_are_listed_as_refused_and_never_followed(driver, root):
    outside = put(root.parent, "outside/secret")
    (root / "file").symlink_to(outside)
    (root / "folder").symlink_to(outside.parent)
    (root / "dangling").symlink_to("nowhere")

    entries = list(driver.walk(""))

    assert [(entry.key, entry.refusal, entry.link) for entry in entries] == [
        (name, "source.link", True) for name in ("dangling", "file", "folder")
    ]
    assert refusal(driver.stat, "file") == "source.link"
    assert refusal(driver.open, "file") == "source.link"
    assert refusal(driver.open, "folder/secret") == "source.link"
    assert refusal(driver.list_folder, "folder/") == "source.link"
    assert refusal(driver.write, "folder/new", [b"x"]) == "source.link"
    assert refusal(driver.delete, "folder/secret") == "source.link"
    assert refusal(driver.delete_folder, "folder/") == "source.link"
    assert [path.name for path in outside.parent.iterdir()] == ["secret"]


def test_a_link_itself_can_be_replaced_and_deleted(driver, root):
    outside = put(root.parent, "secret")
    (root / "a").symlink_to(outside)
    (root / "b").symlink_to(outside)

    driver.write("a", [b"mine"])
    driver.delete("b")

    assert outside.read_bytes() == b"x"
    assert [(entry.key, entry.link) for entry in driver.walk("")] == [("a", False)]


def test_a_bucket_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "packages").symlink_to(tmp_path / "elsewhere")

    assert refusal(FolderDriver(tmp_path, "packages").list_folder, "") == "source.bucket_gone"


def test_special_files_are_listed_as_refused_and_never_opened(driver, root):
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(root / "s"))

        entries = list(driver.walk(""))

    assert [(entry.key, entry.refusal) for entry in entries] == [
        ("pipe", "source.special_file"),
        ("s", "source.special_file"),
    ]
    assert refusal(driver.open, "pipe") == "source.special_file"


def test_names_no_key_can_have_are_listed_as_refused(driver, root):
    for name in (b"caf\xe9", b"a\\b", b"line\nbreak"):
        (Path(os.fsdecode(bytes(root) + b"/" + name))).write_bytes(b"x")
    (root / "fol\\der").mkdir()
    put(root, "ok")

    page = driver.list_folder("")

    assert page.folders == ()
    assert [(entry.key, entry.refusal) for entry in page.entries] == [
        ("a\\b", "source.unsafe_name"),
        ("caf\\xe9", "source.unsafe_name"),
        ("fol\\der/", "source.unsafe_name"),
        ("line\nbreak", "source.unsafe_name"),
        ("ok", ""),
    ]


@pytest.mark.parametrize("key", ["../x", "/etc/passwd", "a/../../x", "a\\..\\x", "a\x00b", "a//b", "", "\udce9"])
def test_hostile_keys_are_refused_by_every_command(driver, key):
    for call in (driver.stat, driver.open, driver.delete):
        assert refusal(call, key) == "source.unsafe_name"
    assert refusal(driver.write, key, [b"x"]) == "source.unsafe_name"


def test_a_name_longer_than_the_disk_takes_is_refused(driver):
    assert refusal(driver.write, "n" * 300, [b"x"]) == "source.name_too_long"
    assert refusal(driver.stat, "n" * 300) == "source.name_too_long"


def test_what_is_missing_is_refused(driver, root):
    put(root, "file")

    assert refusal(driver.stat, "no") == "source.missing"
    assert refusal(driver.list_folder, "no/") == "source.missing"
    assert refusal(list, driver.walk("no/")) == "source.missing"
    assert refusal(driver.list_folder, "file/") == "source.not_a_folder"
    assert refusal(driver.delete, "no") == "source.missing"
    assert refusal(FolderDriver(root.parent, "nobucket").list_folder, "") == "source.bucket_gone"


def test_what_may_not_be_read_is_refused(driver, root, monkeypatch):
    put(root, "a")
    opened = os.open

    def forbidden(path, flags, *args, **values):
        if path == "a":
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, flags, *args, **values)

    monkeypatch.setattr(os, "open", forbidden)

    assert refusal(driver.open, "a") == "source.forbidden"


def test_a_disk_that_fails_can_be_tried_again(driver, root, monkeypatch):
    put(root, "a")

    def broken(*args):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "readv", broken)

    with driver.open("a") as stream, pytest.raises(SourceUnavailable):
        stream.read()


def test_a_time_no_calendar_has_is_listed(driver, root):
    path = put(root, "a")
    os.utime(path, (-5_000_000_000, -5_000_000_000))

    assert driver.stat("a").modified.year == 1970


def test_delete_folder_removes_everything_below(driver, root):
    for key in ("a/b/c", "a/d", "e"):
        put(root, key)

    driver.delete_folder("a/")

    assert [entry.key for entry in driver.walk("")] == ["e"]
    assert list((root / INCOMING).iterdir()) == []
    assert refusal(driver.delete_folder, "") == "source.unsafe_name"
    assert refusal(driver.delete_folder, "a/") == "source.missing"


def test_reading_closes_its_file(driver, root):
    put(root, "a")
    before = len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(3):
        read(driver, "a")
        refusal(driver.open, "missing")
        list(driver.walk(""))

    assert len(list(Path("/proc/self/fd").iterdir())) == before

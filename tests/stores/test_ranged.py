import io
import os
import zipfile

import pytest

from stores.drivers.ranged import RangedFile
from stores.errors import SourceUnavailable

DATA = bytes(range(256)) * 40


@pytest.fixture
def asked():
    return []


@pytest.fixture
def file(asked):
    def read(start, length):
        asked.append((start, length))
        return DATA[start : start + length]

    return RangedFile(read, len(DATA), block=1000)


def test_read_gives_the_bytes_from_any_place(file):
    file.seek(990)

    assert file.read(20) == DATA[990:1010]
    assert file.tell() == 1010
    assert file.seek(-5, os.SEEK_END) == len(DATA) - 5
    assert (file.read(), file.read(1)) == (DATA[-5:], b"")
    file.seek(3)
    file.seek(4, os.SEEK_CUR)
    assert file.read(1) == DATA[7:8]
    assert (file.readable(), file.seekable(), file.writable()) == (True, True, False)


def test_seek_before_the_start_is_an_error(file):
    with pytest.raises(OSError, match="before the start"):
        file.seek(-1)


def test_read_behind_the_end_is_empty(file, asked):
    file.seek(len(DATA) + 5)

    assert (file.read(5), asked) == (b"", [])


def test_what_was_read_is_not_asked_for_again(file, asked):
    file.read(10)
    file.seek(500)
    file.read(10)

    assert asked == [(0, 1000)]


def test_reading_on_asks_for_more_at_once(file, asked):
    assert file.read() == DATA

    assert asked == [(0, 1000), (1000, 2000), (3000, 4000), (7000, 3240)]


def test_few_blocks_are_kept(asked):
    file = RangedFile(lambda start, length: asked.append(start) or bytes(length), 1_000_000, block=1000)

    while file.read(5000):
        assert len(file._kept) <= 16


def test_a_range_of_another_length_is_not_taken(asked):
    file = RangedFile(lambda start, length: b"short", 1000)

    with pytest.raises(SourceUnavailable):
        file.read()


def test_a_zip_archive_is_read_through_it(asked):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(20):
            archive.writestr(f"{number}.bin", os.urandom(5000))
    content = packed.getvalue()

    file = RangedFile(lambda start, length: content[start : start + length], len(content), block=4096)

    with zipfile.ZipFile(file) as archive:
        assert (len(archive.namelist()), archive.testzip()) == (20, None)

import io
import stat
import struct
import zipfile
import zlib

import pytest

from stores.archive import ArchiveLimits, read_archive
from stores.errors import SourceRefused

LIMITS = ArchiveLimits(files=100, bytes=10_000_000, expansion=100)


def packed(files, **values):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **({"compression": zipfile.ZIP_DEFLATED} | values)) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer


def members(buffer, limits=LIMITS):
    return {member.path: b"".join(member.chunks()) for member in read_archive(buffer, name="p.zip", limits=limits)}


def refusal(buffer, limits=LIMITS):
    with pytest.raises(SourceRefused) as refused:
        read_archive(buffer, name="p.zip", limits=limits)
    return refused.value.code


def test_files_of_an_archive_are_read_and_its_folders_left_out():
    buffer = packed({"model/": b"", "model/config.json": b"{}", "model/weights.pkl": b"w" * 3000})

    assert members(buffer) == {"model/config.json": b"{}", "model/weights.pkl": b"w" * 3000}


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_names_without_their_encoding_are_read_as_windows_and_macos_wrote_them(encoding):
    raw = "模型.pkl".encode(encoding)
    placeholder = "x" * len(raw)
    buffer = io.BytesIO(packed({placeholder: b"w"}).getvalue().replace(placeholder.encode(), raw))

    assert members(buffer) == {"模型.pkl": b"w"}


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a/../../x", "a\\b", "..\\x", "a//b", "./a", "C:\\x", "a\nb", "a/../", "../"]
)
def test_names_that_leave_the_folder_are_refused(name):
    assert refusal(packed({name: b"x"})) == "source.unsafe_name"


def test_a_name_with_nul_is_refused():
    buffer = io.BytesIO(packed({"safe_txt": b"x"}).getvalue().replace(b"safe_txt", b"safe\0txt"))

    assert refusal(buffer) == "source.unsafe_name"


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_special_files_are_refused(kind):
    info = zipfile.ZipInfo("link")
    info.external_attr = (kind | 0o777) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, "/etc/passwd")

    assert refusal(buffer) == "zip.link"


def test_encrypted_files_are_refused():
    content = bytearray(packed({"a": b"x"}).getvalue())
    content[content.index(b"PK\x01\x02") + 8] |= 1

    assert refusal(io.BytesIO(content)) == "zip.encrypted"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_rare_methods_are_refused(method):
    assert refusal(packed({"a": b"x"}, compression=method)) == "zip.method"


def test_a_bomb_is_refused_before_it_unpacks():
    assert refusal(packed({"a": b"\0" * 5_000_000})) == "zip.expansion"
    assert refusal(packed({f"{n}": bytes(200_000) for n in range(60)})) == "zip.too_large"


def test_files_that_share_their_bytes_cannot_hide_a_bomb():
    buffer = packed({"a": b"\0" * 90_000 + bytes(range(256)) * 4, "b": b""})
    content = buffer.getvalue()
    directory = content.index(b"PK\x01\x02")
    header = content[directory : directory + 47]
    count = 90
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, 47 * count, directory, 0)

    assert refusal(io.BytesIO(content[:directory] + header * count + end)) in ("zip.expansion", "zip.broken")


def test_too_many_entries_are_refused_whatever_the_end_record_says():
    content = packed({f"{n}": b"" for n in range(101)}).getvalue()
    end = content.rindex(b"PK\x05\x06")
    lying = content[: end + 8] + struct.pack("<2H", 1, 1) + content[end + 12 :]

    assert refusal(io.BytesIO(content)) == "zip.too_many_files"
    assert refusal(io.BytesIO(lying)) == "zip.too_many_files"


def test_a_million_entries_are_refused_without_reading_them():
    header = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"x"
    count = 1_000_000
    size = len(header) * count
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, size, 1)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)

    code = refusal(io.BytesIO(header * count + record + locator + end), ArchiveLimits(100_000, 10**9, 100))

    assert code == "zip.too_many_files"


def test_damaged_archives_are_refused():
    content = packed({"a": bytes(range(256)) * 100}).getvalue()
    wrong_sum = bytearray(packed({"a": b"hello"}, compression=zipfile.ZIP_STORED).getvalue())
    wrong_sum[wrong_sum.index(b"hello")] ^= 1

    assert refusal(io.BytesIO(b"")) == "zip.broken"
    assert refusal(io.BytesIO(b"no archive at all" * 10)) == "zip.broken"
    assert refusal(io.BytesIO(content[:-30])) == "zip.broken"
    assert refusal(io.BytesIO(content[:60] + b"\xff" * 20 + content[80:])) == "zip.broken"
    assert refusal(io.BytesIO(wrong_sum)) == "zip.broken"


def test_no_damage_to_an_archive_raises_anything_else():
    content = packed({"model/config.json": b"{}" * 50, "model/w": zlib.compress(b"w" * 500)}).getvalue()

    for position in range(len(content)):
        for value in (0, 0xFF, content[position] ^ 1):
            damaged = io.BytesIO(content[:position] + bytes([value]) + content[position + 1 :])
            try:
                members(damaged)
            except SourceRefused as error:
                assert error.params["path"].isprintable()


def test_an_archive_of_nothing_is_refused():
    assert refusal(packed({})) == "zip.empty"
    assert refusal(packed({"model/": b""})) == "zip.empty"

"""What a wheel of a package must be before a tool opens it."""

import io
import lzma
import zipfile
import zlib
from pathlib import Path

from django.conf import settings
from packaging.metadata import parse_email
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from serving.errors import BuildRefused

METADATA_BYTES = 1024 * 1024
# Of the list of an archive's files, which is read at once; that of a sound wheel of 100,000 files is smaller.
LIST_BYTES = 16 * 1024 * 1024
# Of what comes after the list: it has a comment of at most 64 KiB.
END_BYTES = 128 * 1024
BROKEN = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, KeyError, OverflowError),
    *(RuntimeError, NotImplementedError),
)


class _Bounded(io.FileIO):
    """A file that refuses to be read in pieces as large as only a list made to fill the memory is."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > LIST_BYTES:
            raise zipfile.BadZipFile("the list of files is too long")
        return super().read(END_BYTES if size is None or size < 0 else size) or b""


def check_wheel(path: str, file: Path) -> None:
    """Refuse a wheel that is none or that calls itself otherwise than its file, and one that unpacks to too much."""
    try:
        with _Bounded(file) as source, zipfile.ZipFile(source) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            whole = _says_what_it_is(archive, file.name)
    except BROKEN:
        whole, size = False, 0
    if size > settings.BUILD_MAX_BYTES:
        raise too_large()
    if not whole:
        raise BuildRefused("build.wheel_broken", path=path)


def _says_what_it_is(archive: zipfile.ZipFile, filename: str) -> bool:
    name, version, *_rest = parse_wheel_filename(filename)
    folders = {entry.partition("/")[0] for entry in archive.namelist() if entry.endswith(".dist-info/METADATA")}
    if len(folders) != 1 or f"{(folder := folders.pop())}/WHEEL" not in archive.namelist():
        return False
    with archive.open(f"{folder}/METADATA") as file:
        told = parse_email(file.read(METADATA_BYTES))[0]
    return canonicalize_name(told.get("name", "")) == name and Version(told.get("version", "")) == version


def too_large() -> BuildRefused:
    return BuildRefused("build.too_large", mebibytes=settings.BUILD_MAX_BYTES // 1024**2)

"""Plans an upload: which objects the sent files and archives become, all checked before one is stored."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TypeAlias

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat

from stores.archive import ArchiveLimits, Member, read_archive
from stores.errors import SourceRefused
from stores.paths import check_key, check_spaces, shown

Sent: TypeAlias = "UploadedFile[bytes]"


@dataclass(frozen=True)
class Piece:
    """One object to store."""

    key: str
    size: int
    chunks: Callable[[], Iterable[bytes]]


def plan_upload(prefix: str, files: Sequence[Sent], *, unpack: bool, paths: Sequence[str] = ()) -> list[Piece]:
    """The objects that `files` become below `prefix`, ZIP archives unpacked if wished; raises SourceRefused.

    `paths` says where in a chosen folder each file lay; a file without one is stored under its name.
    """
    if not files:
        raise SourceRefused("upload.nothing")
    known = chain(paths, repeat(""))
    named = [(path or file.name or "", file) for file, path in zip(files, known, strict=False)]
    pieces = [piece for name, file in named for piece in _pieces(prefix, name, file, unpack=unpack)]
    if len(pieces) > settings.UPLOAD_MAX_FILES:
        raise SourceRefused("upload.too_many_files", limit=settings.UPLOAD_MAX_FILES)
    if sum(piece.size for piece in pieces) > settings.UPLOAD_MAX_BYTES:
        raise SourceRefused("upload.too_large", limit=filesizeformat(settings.UPLOAD_MAX_BYTES))
    _check_names(pieces)
    return pieces


def _pieces(prefix: str, name: str, file: Sent, *, unpack: bool) -> Iterator[Piece]:
    """An archive that lay inside a folder belongs to the folder and stays an archive."""
    if "/" in name or not (unpack and name.lower().endswith(".zip")):
        yield Piece(_key(prefix, name), file.size or 0, file.chunks)
        return
    for member in _members(file, name):
        yield Piece(_key(prefix, member.path), member.size, member.chunks)


def _members(file: Sent, name: str) -> list[Member]:
    limits = ArchiveLimits(settings.UPLOAD_MAX_FILES, settings.UPLOAD_MAX_BYTES, settings.PACKAGE_MAX_EXPANSION)
    return read_archive(file, name=name, limits=limits)


def _key(prefix: str, path: str) -> str:
    key = check_spaces(check_key(prefix + path))
    if len(key.encode()) > settings.PACKAGE_MAX_KEY_BYTES:
        raise SourceRefused("source.name_too_long", path=shown(key), limit=settings.PACKAGE_MAX_KEY_BYTES)
    if path.count("/") > settings.PACKAGE_MAX_DEPTH:
        raise SourceRefused("upload.too_deep", path=shown(path), limit=settings.PACKAGE_MAX_DEPTH)
    return key


def _check_names(pieces: list[Piece]) -> None:
    """Refuse names that would meet: the same twice, different only in case, or a file where a folder is needed."""
    seen: dict[str, str] = {}
    for piece in pieces:
        for key in _ancestry(piece.key):
            folded = key.casefold().rstrip("/")
            other = seen.get(folded)
            if other is None:
                seen[folded] = key
            elif other != key or not key.endswith("/"):
                raise _collision(other, key)


def _ancestry(key: str) -> Iterator[str]:
    """The folders above a key, each with its slash, and then the key."""
    start = 0
    while (start := key.find("/", start) + 1) > 0:
        yield key[:start]
    yield key


def _collision(first: str, second: str) -> SourceRefused:
    if first == second:
        return SourceRefused("upload.duplicate", path=shown(first))
    if first.endswith("/") != second.endswith("/"):
        return SourceRefused("upload.file_and_folder", path=shown(min(first, second, key=len)))
    return SourceRefused("upload.case_collision", path=shown(first), other=shown(second))

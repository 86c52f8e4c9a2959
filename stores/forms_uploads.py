"""What scripts send to begin an upload: one JSON text that names every file."""

import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from stores.errors import SourceRefused
from stores.models import Conflict
from stores.paths import folder_in
from stores.uploads import Offer

# So many for each file are enough for names with brackets in them; empty lists take twenty times their text in memory.
_BRACKETS = 4


@dataclass(frozen=True)
class Wish:
    """What somebody wants to store where; `only_check` asks what would happen."""

    prefix: str
    offers: tuple[Offer, ...]
    unpack: bool
    conflict: str
    only_check: bool


def read_wish(raw: bytes, bucket: str) -> Wish:
    """Read `{"folder", "files": [[path, size], …], "unpack", "conflict", "check"}`; raises SourceRefused."""
    if raw.count(b"[") + raw.count(b"{") > _BRACKETS * (settings.UPLOAD_MAX_FILES + 1):
        raise SourceRefused("upload.too_many_files", limit=settings.UPLOAD_MAX_FILES)
    try:
        wish = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _malformed() from error
    if not isinstance(wish, dict):
        raise _malformed()
    folder, files, conflict = wish.get("folder", ""), wish.get("files"), wish.get("conflict", Conflict.SKIP)
    if not isinstance(folder, str) or not isinstance(files, list) or conflict not in Conflict.values:
        raise _malformed()
    if len(files) > settings.UPLOAD_MAX_FILES:
        raise SourceRefused("upload.too_many_files", limit=settings.UPLOAD_MAX_FILES)
    offers = tuple(_offer(file) for file in files)
    flags = [wish.get(name) is True for name in ("unpack", "check")]
    return Wish(folder_in(bucket, folder), offers, flags[0], conflict, flags[1])


def _offer(file: Any) -> Offer:
    if not isinstance(file, list) or len(file) != 2:
        raise _malformed()
    path, size = file
    if not isinstance(path, str) or type(size) is not int or size < 0:
        raise _malformed()
    return Offer(path, size)


def _malformed() -> SourceRefused:
    return SourceRefused("upload.malformed")

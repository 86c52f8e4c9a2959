"""Plans an upload: which objects the offered files become, all checked before a byte is sent."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from os.path import commonpath
from pathlib import PurePosixPath

from django.conf import settings
from django.template.defaultfilters import filesizeformat

from stores.drivers.base import Driver
from stores.errors import SourceRefused
from stores.models import Conflict
from stores.paths import INCOMING, check_key, check_prefix, check_spaces, name_of, parent_of, scratch_key, shown

# So few keys are asked for one by one. For more, the folders they go to are listed, or walked where those are many.
_ASKED = 16
_LISTED = 8
_PAGE = 1000
# Looking around goes no further than this in a folder; the keys behind it are asked for one by one.
_WALKED = 50_000
_NAMES_TRIED = 10_000


@dataclass(frozen=True)
class Offer:
    """A file somebody wants to store: its path below the chosen folder, and its bytes."""

    path: str
    size: int


@dataclass(frozen=True)
class Planned:
    """What becomes of the offer with this number; `archive` names one that is unpacked later, from a scratch key."""

    number: int
    path: str
    key: str
    size: int
    archive: str = ""
    renamed: bool = False


@dataclass(frozen=True)
class Plan:
    files: tuple[Planned, ...]
    skipped: tuple[Planned, ...] = ()
    conflicts: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


def plan_upload(
    driver: Driver, prefix: str, offers: Sequence[Offer], *, unpack: bool, conflict: str = Conflict.SKIP
) -> Plan:
    """What storing `offers` below `prefix` would do, with `conflict` for names that are taken; raises SourceRefused.

    Nothing is stored. Archives to be unpacked conflict with nothing yet.
    """
    if not offers:
        raise SourceRefused("upload.nothing")
    check_amount(len(offers), sum(offer.size for offer in offers))
    check_prefix(prefix)
    wanted = [_planned(prefix, number, offer, unpack=unpack) for number, offer in enumerate(offers)]
    plain = [file for file in wanted if not file.archive]
    check_names(file.key for file in plain)
    taken = Taken(driver, [file.key for file in plain])
    conflicts = {file.key for file in plain if file.key in taken}
    files, skipped = _settle(wanted, conflicts, taken, conflict)
    return Plan(tuple(files), tuple(skipped), tuple(sorted(conflicts)))


def check_amount(files: int, size: int) -> None:
    """Raise SourceRefused for more than one upload may bring."""
    if files > settings.UPLOAD_MAX_FILES:
        raise SourceRefused("upload.too_many_files", limit=settings.UPLOAD_MAX_FILES)
    if size > settings.UPLOAD_MAX_BYTES:
        raise SourceRefused("upload.too_large", limit=filesizeformat(settings.UPLOAD_MAX_BYTES))


def _planned(prefix: str, number: int, offer: Offer, *, unpack: bool) -> Planned:
    """An archive that lay inside a folder belongs to the folder and stays an archive."""
    key = _key(prefix, offer.path)
    if unpack and "/" not in offer.path and offer.path.lower().endswith(".zip"):
        return Planned(number, offer.path, scratch_key(), offer.size, archive=offer.path)
    return Planned(number, offer.path, key, offer.size)


def _key(prefix: str, path: str) -> str:
    key = check_spaces(check_key(prefix + path))
    if key.split("/", 1)[0] == INCOMING:
        raise SourceRefused("source.unsafe_name", path=shown(key))
    if len(key.encode()) > settings.PACKAGE_MAX_KEY_BYTES:
        raise SourceRefused("source.name_too_long", path=shown(key), limit=settings.PACKAGE_MAX_KEY_BYTES)
    if path.count("/") > settings.PACKAGE_MAX_DEPTH:
        raise SourceRefused("upload.too_deep", path=shown(path), limit=settings.PACKAGE_MAX_DEPTH)
    return key


def _settle(
    wanted: Sequence[Planned], conflicts: set[str], taken: "Taken", conflict: str
) -> tuple[list[Planned], list[Planned]]:
    """The files to store and those to skip; with BOTH every conflict gets a free name."""
    if conflict == Conflict.REPLACE or not conflicts:
        return list(wanted), []
    if conflict == Conflict.SKIP:
        return [f for f in wanted if f.key not in conflicts], [f for f in wanted if f.key in conflicts]
    used = {file.key.casefold() for file in wanted}
    return [_renamed(file, taken, used) if file.key in conflicts else file for file in wanted], []


def _renamed(file: Planned, taken: "Taken", used: set[str]) -> Planned:
    """The same file under a free name: `name (2).ext`, `name (3).ext`, …"""
    name = PurePosixPath(name_of(file.key))
    for count in range(2, _NAMES_TRIED):
        key = f"{parent_of(file.key)}{name.stem} ({count}){name.suffix}"
        if key.casefold() not in used and key not in taken:
            used.add(key.casefold())
            return replace(file, key=check_key(key), renamed=True)
    raise SourceRefused("source.exists", path=shown(file.key))


class Taken:
    """Tells which keys are taken, at the price of few questions; raises SourceRefused where a file meets a folder."""

    def __init__(self, driver: Driver, keys: Sequence[str]) -> None:
        self._driver = driver
        self._found: set[str] = set()
        self._folders: set[str] = set()
        # Up to which key everything below a folder (or, without depth, directly in it) is known.
        self._known: dict[str, str] = {}
        self._deep = False
        if len(keys) > _ASKED:
            self._look_around(keys)
            self._check_folders(keys)

    def __contains__(self, key: str) -> bool:
        folder = next(iter(self._known), "") if self._deep else parent_of(key)
        if folder in self._known and key.startswith(folder) and key <= self._known[folder]:
            return key in self._found
        return exists(self._driver, key)

    def _look_around(self, keys: Sequence[str]) -> None:
        last = {parent_of(key): key for key in sorted(keys)}
        self._deep = len(last) > _LISTED
        if self._deep:
            common = commonpath(list(last))
            self._learn(f"{common}/" if common else "", max(keys))
        else:
            for folder, key in last.items():
                self._learn(folder, key)

    def _learn(self, folder: str, last: str) -> None:
        self._known[folder] = last
        walked = (entry.key for entry in self._driver.walk(folder))
        keys = walked if self._deep else _listed(self._driver, folder)
        try:
            for key in islice(keys, _WALKED):
                self._known[folder] = min(key, last)
                if key > last:
                    return
                self._found.add(key)
                self._folders.update(ancestry(key))
            if next(keys, None) is None:
                self._known[folder] = last
        except SourceRefused as refusal:
            if refusal.code != "source.missing":
                raise

    def _check_folders(self, keys: Iterable[str]) -> None:
        for key in keys:
            if f"{key}/" in self._folders:
                raise SourceRefused("source.is_folder", path=shown(key))
            file = next((folder for folder in ancestry(key) if folder[:-1] in self._found), None)
            if file is not None:
                raise SourceRefused("source.not_a_folder", path=shown(file[:-1]))


def _listed(driver: Driver, folder: str) -> Iterator[str]:
    """What lies directly in a folder, in key order; its folders too, each as a name that no file can have."""
    after = ""
    while True:
        page = driver.list_folder(folder, after=after, limit=_PAGE)
        yield from sorted([*page.folders, *(entry.key for entry in page.entries)])
        after = page.after
        if not after:
            return


def exists(driver: Driver, key: str) -> bool:
    try:
        driver.stat(key)
    except SourceRefused as refusal:
        if refusal.code != "source.missing":
            raise
        return False
    return True


def check_names(keys: Iterable[str]) -> None:
    """Refuse names that would meet: the same twice, different only in case, or a file where a folder is needed."""
    seen: dict[str, str] = {}
    for whole in keys:
        for key in (*ancestry(whole), whole):
            folded = key.casefold().rstrip("/")
            other = seen.get(folded)
            if other is None:
                seen[folded] = key
            elif other != key or not key.endswith("/"):
                raise _collision(other, key)


def ancestry(key: str) -> Iterator[str]:
    """The folders above a key, each with its slash."""
    start = 0
    while (start := key.find("/", start) + 1) > 0:
        yield key[:start]


def _collision(first: str, second: str) -> SourceRefused:
    if first == second:
        return SourceRefused("upload.duplicate", path=shown(first))
    if first.endswith("/") != second.endswith("/"):
        return SourceRefused("upload.file_and_folder", path=shown(min(first, second, key=len)))
    return SourceRefused("upload.case_collision", path=shown(first), other=shown(second))

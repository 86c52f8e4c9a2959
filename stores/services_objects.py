"""Commands that give things in a bucket another name, make folders, and delete many things at once."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from accounts.models import User
from accounts.services import record_audit
from stores.drivers.base import Driver
from stores.errors import SourceRefused, SourceUnavailable
from stores.models import Bucket
from stores.paths import (
    MAX_KEY_BYTES,
    as_prefix,
    check_key,
    check_prefix,
    check_spaces,
    is_safe_name,
    name_of,
    parent_of,
    shown,
)
from stores.services import COUNTED, Tally, delete_folder, delete_object, driver_for

# Object storage cannot rename: every object is copied there and the old one deleted, while a person waits.
MOST_MOVED = {Bucket.Driver.FOLDER.value: COUNTED, Bucket.Driver.S3.value: 1_000}
# What file systems allow, and what every object storage takes.
MAX_NAME_BYTES = 255
_SIBLINGS = 1_000
_MOST_PAGES = 5
_MOVERS = 8


@dataclass(frozen=True)
class Deleted:
    """What is gone, and why the rest is not."""

    files: int
    error: SourceRefused | SourceUnavailable | None = None


def check_new_object(bucket: Bucket, prefix: str, name: str, *, replace: bool = False) -> str:
    """The key of an object to be made in a folder, which need not be there.

    Refuses a name that is taken, also in other letters; with `replace` an object of this very name may be there.
    """
    key = _checked_name(check_prefix(prefix), name)
    if len(name.encode()) > MAX_NAME_BYTES:
        raise SourceRefused("source.name_too_long", path=shown(name), limit=MAX_NAME_BYTES)
    driver = driver_for(bucket)
    try:
        _check_free(driver, bucket, key, besides=key if replace else "")
    except SourceRefused as refused:
        if refused.code != "source.missing":
            raise
    return key


def make_folder(bucket: Bucket, prefix: str, name: str, *, by: User) -> str:
    """Make an empty folder below `prefix`; its own prefix. Refuses a name that is taken, also in other letters."""
    made = _checked_name(check_prefix(prefix), name, folder=True)
    driver = driver_for(bucket)
    _check_free(driver, bucket, made)
    driver.make_folder(made)
    record_audit(bucket.workspace, "storage.folder_made", by=by, path=f"/{bucket.name}/{made}")
    return made


def rename_object(bucket: Bucket, key: str, name: str, *, by: User) -> str:
    """Give an object another name in its folder; its new key."""
    to = _checked_name(parent_of(check_key(key)), name)
    if to == key:
        return key
    driver = driver_for(bucket)
    _check_free(driver, bucket, to, besides=key)
    driver.move(key, to)
    _record_rename(bucket, key, to, files=1, by=by)
    return to


def rename_folder(bucket: Bucket, prefix: str, name: str, *, merge: bool = False, by: User) -> str:
    """Give a folder another name in the folder that holds it; its new prefix.

    Every object below it moves; nothing is overwritten. With `merge` the new name may be that of a folder that is
    there. When the storage fails halfway, what was moved is moved back.
    """
    to = _checked_name(parent_of(check_prefix(prefix)), name, folder=True)
    if to == prefix:
        return prefix
    driver = driver_for(bucket)
    moves = _planned(driver, bucket, prefix, to)
    _check_free(driver, bucket, to, besides=prefix, merge=merge)
    driver.make_folder(to)
    _move_all(driver, bucket, moves, to)
    _remove_empty(driver, prefix)
    _record_rename(bucket, prefix, to, files=len(moves), by=by)
    return to


def count_move(bucket: Bucket, prefix: str) -> Tally:
    """What a renamed folder would move, counted up to the most that it may be."""
    most = MOST_MOVED[bucket.driver]
    entries = list(islice(driver_for(bucket).walk(prefix), most + 1))
    return Tally(min(len(entries), most), sum(entry.size for entry in entries[:most]), more=len(entries) > most)


def delete_many(bucket: Bucket, keys: Sequence[str], prefixes: Sequence[str], *, by: User) -> Deleted:
    """Delete objects and folders, each on its own; stops at the first that cannot be. What is gone already is fine."""
    files = 0
    for key, folder in [*((key, False) for key in keys), *((prefix, True) for prefix in prefixes)]:
        try:
            files += _delete(bucket, key, folder=folder, by=by)
        except (SourceRefused, SourceUnavailable) as error:
            if error.code != "source.missing":
                return Deleted(files, error)
    return Deleted(files)


def _delete(bucket: Bucket, key: str, *, folder: bool, by: User) -> int:
    if folder:
        return delete_folder(bucket, key, by=by).files
    delete_object(bucket, key, by=by)
    return 1


def _checked_name(parent: str, name: str, *, folder: bool = False) -> str:
    """The key of a new name in a folder; refuses one that is no plain name, or that no import could read."""
    if not is_safe_name(name):
        raise SourceRefused("rename.invalid", name=shown(name))
    return check_spaces(as_prefix(check_key(parent + name))) if folder else check_key(parent + name)


def _check_free(driver: Driver, bucket: Bucket, to: str, *, besides: str = "", merge: bool = False) -> None:
    """Refuse a name that something has, or has but for upper and lower case; except what itself is renamed."""
    wanted = name_of(to)
    for taken in _siblings(driver, parent_of(to), wanted):
        if taken == besides or name_of(taken).casefold() != wanted.casefold():
            continue
        path = shown(f"/{bucket.name}/{taken}")
        if name_of(taken) != wanted:
            raise SourceRefused("upload.case_collision", path=shown(f"/{bucket.name}/{to}"), other=path)
        same_folder = taken == to and to.endswith("/")
        if not (merge and same_folder):
            raise SourceRefused("rename.folder_taken" if same_folder else "rename.taken", path=path)


def _siblings(driver: Driver, parent: str, name: str) -> Iterator[str]:
    """What lies in a folder under names that contain `name`, folders with their slash; of vast folders a part."""
    after = ""
    for _ in range(_MOST_PAGES):
        page = driver.list_folder(parent, after=after, limit=_SIBLINGS, search=name)
        yield from page.folders
        yield from (entry.key for entry in page.entries)
        after = page.after
        if not after:
            return


def _planned(driver: Driver, bucket: Bucket, prefix: str, to: str) -> list[tuple[str, str]]:
    """Every move of a renamed folder; refuses before the first one what could not be moved."""
    if not prefix:
        raise SourceRefused("source.missing", path=f"/{bucket.name}/")
    most = MOST_MOVED[bucket.driver]
    entries = list(islice(driver.walk(prefix), most + 1))
    if len(entries) > most:
        raise SourceRefused("rename.too_many", path=shown(f"/{bucket.name}/{prefix}"), limit=most)
    for entry in entries:
        if entry.refusal:
            raise SourceRefused(entry.refusal, path=shown(f"/{bucket.name}/{entry.key}"), limit=MAX_KEY_BYTES)
    return [(entry.key, check_key(to + entry.key.removeprefix(prefix))) for entry in entries]


def _move_all(driver: Driver, bucket: Bucket, moves: list[tuple[str, str]], to: str) -> None:
    moved: list[tuple[str, str]] = []

    def move(pair: tuple[str, str]) -> None:
        driver.move(*pair)
        moved.append(pair)

    try:
        with ThreadPoolExecutor(_MOVERS) as pool:
            list(pool.map(move, moves))
    except (SourceRefused, SourceUnavailable) as error:
        stuck = _move_back(driver, moved)
        if stuck:
            raise SourceRefused("rename.halfway", path=shown(f"/{bucket.name}/{to}"), count=stuck) from error
        _remove_empty(driver, to)
        if error.code == "source.exists" and isinstance(error, SourceRefused):
            raise SourceRefused("rename.taken", path=error.params["path"]) from error
        raise


def _move_back(driver: Driver, moved: list[tuple[str, str]]) -> int:
    """Undo moves, the last one first; how many could not be undone."""
    stuck = 0
    for key, target in reversed(moved):
        try:
            driver.move(target, key)
        except (SourceRefused, SourceUnavailable):
            stuck += 1
    return stuck


def _remove_empty(driver: Driver, prefix: str) -> None:
    """Remove a folder that holds no object any more; what somebody stored in it meanwhile stays."""
    with suppress(SourceRefused, SourceUnavailable):
        if next(driver.walk(prefix), None) is None:
            driver.delete_folder(prefix)


def _record_rename(bucket: Bucket, key: str, to: str, *, files: int, by: User) -> None:
    values = {"path": f"/{bucket.name}/{key}", "to": f"/{bucket.name}/{to}", "files": files}
    record_audit(bucket.workspace, "storage.renamed", by=by, **values)

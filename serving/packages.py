"""Packages of versions as folders on this host: built from the artifact store, shared by digest, only ever read."""

import hashlib
import os
import shutil
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from threading import Lock
from uuid import uuid4

from django.conf import settings

from registry import artifacts
from registry.errors import ArtifactStoreUnavailable
from registry.models import ModelVersion, StoredFile

BLOCK = 1024 * 1024
PREFIX = ".unfinished-"
# Between a sweep that judges a folder and whoever begins to use it; both live in the supervisor.
_TAKING = Lock()


class PackageDamaged(Exception):
    """A file of the package is not what was imported; `path` says which."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def materialise(version: ModelVersion) -> Path:
    """The folder that holds `model/`; built when it is not there yet, which may take long.

    Files are links into a folder store, else copies whose SHA-256 is compared. Every user may read them; nobody is
    given the right to write. Raises ArtifactStoreUnavailable and PackageDamaged.
    """
    target = root() / version.digest
    if not _take(target):
        unfinished = root() / f"{PREFIX}{uuid4().hex}"
        try:
            _build(unfinished, version.files.all())
            _place(unfinished, target)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return target


def root() -> Path:
    return Path(settings.DATA) / "packages"


def sweep(used: Collection[str], *, older: float) -> int:
    """Remove packages whose digest is not in `used` and that nobody took for `older` seconds; how many went."""
    removed = 0
    for folder in _folders():
        aside = root() / f"{PREFIX}{uuid4().hex}"
        with _TAKING, suppress(FileNotFoundError):
            if folder.name in used or time.time() - folder.stat().st_mtime < older:
                continue
            folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
        removed += 1
    return removed


def sweep_unfinished() -> None:
    """Remove what a supervisor that is gone did not finish; call before the first `materialise`."""
    for folder in root().glob(f"{PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _folders() -> list[Path]:
    return [path for path in root().glob("*") if not path.name.startswith(PREFIX)]


def _take(target: Path) -> bool:
    """Whether it is there; its time of change says when it was last taken."""
    with _TAKING:
        try:
            os.utime(target)
        except FileNotFoundError:
            return False
        return True


def _place(unfinished: Path, target: Path) -> None:
    with _TAKING:
        if not target.exists():
            unfinished.rename(target)


def _build(folder: Path, files: Iterable[StoredFile]) -> None:
    _make_folder(folder / "model")
    for file in files:
        target = folder / _inside(file.path)
        _make_folder(target.parent)
        if not _link(file, target):
            _copy(file, target)


def _inside(path: str) -> PurePosixPath:
    """A path of a package, refused should it lead out of its folder."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        raise PackageDamaged(path)
    return pure


def _make_folder(folder: Path) -> None:
    """A folder everybody may read, whatever the umask."""
    folder.mkdir(parents=True, exist_ok=True)
    while folder != root() and folder != folder.parent:
        folder.chmod(0o755)
        folder = folder.parent


def _link(file: StoredFile, target: Path) -> bool:
    """Link to bytes that lie in a folder; False where they do not, or on another filesystem."""
    source = artifacts.local_path(file.sha256)
    if source is None:
        return False
    try:
        os.link(source, target)
        target.chmod(0o444)
    except FileNotFoundError as error:
        raise ArtifactStoreUnavailable(str(error)) from error
    except OSError:
        target.unlink(missing_ok=True)
        return False
    if target.stat().st_size != file.size:
        raise PackageDamaged(file.path)
    return True


def _copy(file: StoredFile, target: Path) -> None:
    digest = hashlib.sha256()
    with artifacts.open_artifact(file.sha256) as source, target.open("xb") as copy:
        while block := source.read(BLOCK):
            digest.update(block)
            copy.write(block)
    if digest.hexdigest() != file.sha256:
        raise PackageDamaged(file.path)
    target.chmod(0o444)

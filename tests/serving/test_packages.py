"""Packages as folders: whole or not there, shared, readable by all and written by nobody, swept when unused."""

import os
import shutil
import stat
import time

import pytest
from django.conf import settings

from registry.artifacts import local_path
from registry.errors import ArtifactStoreUnavailable
from serving import packages
from tests.artifact_kinds import use_object_storage
from tests.registry.exporting import PACKAGE, exportable

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _empty():
    yield
    shutil.rmtree(packages.root(), ignore_errors=True)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def modes(folder):
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}


def test_package_is_linked_from_a_folder_store_and_readable_by_every_user():
    # Of its own content, for a blob that other tests have taken away and kept again is another file.
    version = exportable(package=PACKAGE | {"model/model.pkl": b"linked"})
    before = os.umask(0o077)
    try:
        folder = packages.materialise(version)
    finally:
        os.umask(before)

    assert folder == settings.DATA / "packages" / version.digest
    assert contents(folder) == PACKAGE | {"model/model.pkl": b"linked"}
    assert modes(folder) == {0o444}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "model")} == {0o755}
    weights = version.files.get(path="model/model.pkl")
    assert (folder / weights.path).samefile(local_path(weights.sha256))


def test_package_is_copied_from_object_storage(settings, monkeypatch, s3):
    bucket = s3.make_bucket()
    use_object_storage(settings, monkeypatch, s3, bucket)

    folder = packages.materialise(exportable())

    assert contents(folder) == PACKAGE
    assert modes(folder) == {0o444}


def test_package_is_built_once_and_shared_by_versions_with_its_digest():
    first = packages.materialise(exportable("one"))
    built = first.stat().st_ino

    assert packages.materialise(exportable("two")) == first
    assert first.stat().st_ino == built


@pytest.mark.parametrize("path", ["../evil", "/etc/evil", "model/../../evil"])
def test_path_that_leads_out_is_refused(path):
    version = exportable()
    version.files.filter(path="model/model.pkl").update(path=path)

    with pytest.raises(packages.PackageDamaged):
        packages.materialise(version)

    assert list(packages.root().iterdir()) == []


def test_bytes_that_are_gone_or_changed_leave_nothing_behind():
    gone, changed = exportable("gone"), exportable("changed", {"model/config.json": b"{ }"})
    local_path(gone.files.get(path="model/model.pkl").sha256).unlink()
    blob = local_path(changed.files.get().sha256)
    blob.chmod(0o644)
    blob.write_bytes(b"longer than before")

    with pytest.raises(ArtifactStoreUnavailable):
        packages.materialise(gone)
    with pytest.raises(packages.PackageDamaged) as damage:
        packages.materialise(changed)

    assert damage.value.path == "model/config.json"
    assert list(packages.root().iterdir()) == []


def test_sweep_takes_what_is_neither_used_nor_fresh():
    used, old, fresh = (packages.materialise(exportable(name, {"model/a": name.encode()})) for name in "abc")
    for folder in (used, old):
        os.utime(folder, (0, time.time() - 100))

    assert packages.sweep({used.name}, older=50) == 1
    assert packages.sweep({used.name}, older=50) == 0

    assert {path.name for path in packages.root().iterdir()} == {used.name, fresh.name}


def test_what_was_not_finished_is_swept_at_the_start():
    (packages.root() / ".unfinished-x" / "model").mkdir(parents=True)

    packages.sweep_unfinished()

    assert list(packages.root().iterdir()) == []

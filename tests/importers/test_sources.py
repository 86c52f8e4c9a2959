import os

import pytest
from django.conf import settings as project

from importers.models import State
from importers.services import preview_source
from importers.sources import SOURCES, source_for
from registry.models import SourceKind
from stores.errors import SourceRefused
from tests.factories import make_bucket, make_workspace
from tests.importers.jobs import GOOD, put, run, submit
from tests.packages import FIXTURES

pytestmark = pytest.mark.django_db


def preview(path):
    return preview_source(workspace=make_workspace(), source_kind="obs", source={"path": path})


def locate(path):
    return source_for("obs").locate(make_workspace(), {"path": path})


@pytest.mark.parametrize("fixture", FIXTURES)
def test_preview_and_import_find_the_same(fixture):
    make_bucket("packages")
    root = project.BUCKETS_ROOT / "packages" / "tried"
    root.mkdir(parents=True)
    path = f"/packages/{FIXTURES[fixture](root).relative_to(root.parent)}/"

    looked = [finding.as_dict() for finding in preview(path).findings]
    job = run(submit(path))

    assert [finding for finding in job.findings if not finding["code"].startswith("scan.")] == looked
    assert job.finished


def test_every_source_is_of_a_kind_that_versions_know():
    assert set(SOURCES) <= set(SourceKind.values)


def test_listing_has_paths_below_the_chosen_folder_with_sizes():
    folder = locate(put(GOOD))

    assert {file.path: file.size for file in folder.files()} == {path: len(content) for path, content in GOOD.items()}
    assert folder.name == "digits"


def test_whole_bucket_may_be_chosen():
    put(GOOD, folder=".")

    assert preview("/packages/").importable
    assert run(submit("/packages/")).state == State.SUCCEEDED


def test_folder_whose_name_begins_alike_is_not_taken():
    put(GOOD)
    put({"model/secret.bin": b"x"}, folder="digits-2")

    assert sorted(file.path for file in locate("/packages/digits").files()) == sorted(GOOD)


def test_read_stops_at_the_wanted_size():
    folder = locate(put({"model/config.json": b"x" * 5000, "model/empty": b""}))
    list(folder.files())

    assert (len(folder.read("model/config.json", 100)), len(folder.read("model/config.json", 9999))) == (100, 5000)
    assert folder.read("model/empty", 100) == b""


def test_chunks_are_those_of_the_listed_object():
    folder = locate(put(GOOD))
    list(folder.files())
    put({"model/config.json": b"{}"})

    with pytest.raises(SourceRefused) as refused:
        list(folder.chunks("model/config.json"))

    assert refused.value.code == "source.object_changed"
    assert b"".join(folder.chunks("model/model.pkl")) == GOOD["model/model.pkl"]


def test_link_is_refused_and_never_read():
    path = put(GOOD)
    (project.BUCKETS_ROOT / "packages/digits/model/passwd").symlink_to("/etc/passwd")

    assert not preview(path).importable
    assert run(submit(path)).version.files.count() == 0


def test_special_file_is_refused():
    path = put(GOOD)
    os.mkfifo(project.BUCKETS_ROOT / "packages/digits/model/pipe")

    assert [finding.code for finding in preview(path).findings] == ["source.special_file"]
    assert run(submit(path)).state == State.FAILED


@pytest.mark.parametrize("name", [b"back\\slash", b"line\nbreak", b"not-utf8-\xff", b"x" * 255])
def test_odd_names_are_refused_or_imported_but_never_break(name):
    path = put(GOOD)
    (project.BUCKETS_ROOT / "packages/digits/model" / os.fsdecode(name)).write_bytes(b"x")

    importable = preview(path).importable

    assert importable == (name == b"x" * 255)
    assert run(submit(path)).state == (State.SUCCEEDED if importable else State.FAILED)

"""Archives of strangers: what is written of them, and what is refused before anything is built."""

import json
import subprocess
import sys
import tarfile
import zlib

import pytest
from django.conf import settings as ours

from serving.fetching import LEGACY, Unsuitable, unpack
from tests.serving.sdists import PROJECT, packed, zipped

PROJECT_FILES = {"pyproject.toml": PROJECT.format(requires="")}
MOST = 16 * 1024**2


@pytest.fixture
def opened(tmp_path):
    """What is said of an archive that was written out, and the folder it went to."""

    def unpacked(data, name="archive.tar.gz", most_files=100):
        (tmp_path / name).write_bytes(data)
        told = {"archive": str(tmp_path / name), "target": str(tmp_path / "source")}
        return unpack(told | {"most": MOST, "most_files": most_files}), tmp_path / "source"

    return unpacked


def member(name, kind=tarfile.REGTYPE, link="", size=0):
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, link, size
    return made, bytes(size)


@pytest.mark.parametrize(
    "extra",
    [
        member("../escaped"),
        member("tool-1.0/../../escaped"),
        member("/escaped"),
        member("tool-1.0/link", tarfile.SYMTYPE, "/etc/passwd"),
        member("tool-1.0/link", tarfile.LNKTYPE, "tool-1.0/pyproject.toml"),
        member("tool-1.0/device", tarfile.CHRTYPE),
        member("tool-1.0/pyproject.toml"),
        member("tool-1.0/pyproject.toml/below"),
        member("tool-1.0/" + "a/" * 70 + "deep"),
    ],
)
def test_an_archive_that_leads_out_of_its_folder_is_refused(opened, tmp_path, extra):
    with pytest.raises(Unsuitable) as refusal:
        opened(packed(PROJECT_FILES, extra=[extra]))

    assert (refusal.value.code, refusal.value.place) == ("build.source_unsafe", extra[0].name)
    assert [*tmp_path.rglob("escaped")] == []


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (b"no archive at all", "build.source_broken"),
        (packed(PROJECT_FILES)[:-40], "build.source_broken"),
        (packed(PROJECT_FILES, extra=[member("second/file")]), "build.source_broken"),
        (packed({"pyproject.toml": "[[["}), "build.source_broken"),
        (packed({"pyproject.toml": "build-system = 3"}), "build.source_broken"),
        (packed({"pyproject.toml": f"a = {'[' * 5000}{']' * 5000}"}), "build.source_broken"),
        (packed({"pyproject.toml": "[build-system]\nrequires = 'setuptools'"}), "build.source_broken"),
        (packed(PROJECT_FILES, extra=[member("tool-1.0/bomb", size=32 * 1024**2)]), "build.source_too_large"),
    ],
)
def test_an_archive_that_is_none_or_a_bomb_is_refused(opened, source, code):
    with pytest.raises(Unsuitable) as refusal:
        opened(source)

    assert refusal.value.code == code


def test_folders_count_like_files(opened):
    with pytest.raises(Unsuitable, match=r"^build\.source_too_large$"):
        opened(packed(PROJECT_FILES, extra=[member("tool-1.0/" + "a/" * 20 + "x")]), most_files=20)


@pytest.mark.parametrize("name", ["archive.tar.gz", "archive.zip"])
def test_what_a_project_asks_for_is_read_and_nothing_of_it_run(opened, name):
    project = '[build-system]\nrequires = ["a", "b>=1"]\nbuild-backend = "a.b:c"\nbackend-path = ["."]'
    archive = packed({"pyproject.toml": project, "setup.py": "raise SystemExit"})

    told, folder = opened(zipped(archive) if name.endswith("zip") else archive, name)

    assert told == {"folder": "tool-1.0", "requires": ["a", "b>=1"], "backend": "a.b:c", "path": ["."]}
    assert (folder / "tool-1.0" / "setup.py").read_text() == "raise SystemExit"


@pytest.mark.parametrize("files", [{"setup.py": ""}, {"pyproject.toml": "[tool.x]\ny = 1"}])
def test_who_asks_for_nothing_is_built_as_ever(opened, files):
    assert opened(packed(files))[0] == {"folder": "tool-1.0", **LEGACY}


def test_a_header_as_long_as_it_says_does_not_fill_the_memory(tmp_path):
    size = 768 * 1024**2
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, size
    squeezer = zlib.compressobj(1, wbits=31)
    parts = [squeezer.compress(header.tobuf()), *(squeezer.compress(bytes(2**24)) for _ in range(size // 2**24))]
    (tmp_path / "archive.tar.gz").write_bytes(b"".join([*parts, squeezer.flush()]))
    told = {"do": "unpack", "archive": "archive.tar.gz", "target": "source", "most": MOST, "most_files": 9}
    (tmp_path / "orders.json").write_text(json.dumps(told))
    command = [sys.executable, "-I", "-S", str(ours.BASE_DIR / "serving" / "fetching.py"), "orders.json"]

    # Of a process of its own, for what this one has already used would count as its child's.
    report = "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:])"
    report += "; print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    measured = subprocess.run([sys.executable, "-c", report, *command], cwd=tmp_path, capture_output=True, check=True)
    code, kibibytes = map(int, measured.stdout.split())

    assert (code, json.loads((tmp_path / "answer.json").read_text())["refused"]) == (0, "build.source_broken")
    assert kibibytes * 1024 < 600 * 1024**2


def test_names_that_cannot_be_written_are_shown_without_what_is_wrong(tmp_path):
    odd = [(tarfile.TarInfo("tool-1.0/../\udcff"), b"")]
    (tmp_path / "archive.tar.gz").write_bytes(packed(PROJECT_FILES, extra=odd))
    told = {"do": "unpack", "archive": "archive.tar.gz", "target": "source", "most": MOST, "most_files": 9}
    (tmp_path / "orders.json").write_text(json.dumps(told))
    command = [sys.executable, "-I", "-S", str(ours.BASE_DIR / "serving" / "fetching.py"), "orders.json"]

    subprocess.run(command, cwd=tmp_path, check=True)

    answer = json.loads((tmp_path / "answer.json").read_text())
    assert answer == {"refused": "build.source_unsafe", "place": "tool-1.0/../?"}

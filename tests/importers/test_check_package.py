"""`manage.py check_package` as a shell sees it, on folders and on zip archives of every kind."""

import json
import os
import subprocess
import sys
import time
import warnings
import zipfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from importers.catalogue import MODES, TEMPLATES
from importers.package.check import Limits
from importers.package.local import UnreadablePath, open_local
from stores.errors import SourceRefused
from tests.packages import FIXTURES, build_package, make_config, service_code

ROOT = Path(__file__).resolve().parent.parent.parent


def run(path, *options, capsys):
    """The exit code and the parsed answer of the command."""
    status = 0
    try:
        call_command("check_package", str(path), "--json", *options)
    except SystemExit as leaving:
        status = leaving.code
    return status, json.loads(capsys.readouterr().out)


def found(answer):
    return [
        finding["code"] for finding in answer["findings"] if finding["code"].startswith(("layout", "config", "code"))
    ]


def pack(root, target, *, below="", change=None):
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(root.rglob("*")):
            if path.is_file():
                archive.write(path, below + path.relative_to(root).as_posix())
        if change:
            change(archive)
    return target


def test_a_good_folder_is_importable(tmp_path, capsys):
    status, answer = run(build_package(tmp_path), capsys=capsys)

    assert status == 0
    assert {key: answer[key] for key in ("verdict", "engine", "runtime", "dependencies")} == {
        "verdict": "importable",
        "engine": "Scikit_Learn",
        "runtime": "python3.6",
        "dependencies": [],
    }
    assert [(api["method"], api["url"]) for api in answer["apis"]] == [("POST", "/")]
    assert found(answer) == []
    assert [file["path"] for file in answer["scan"]["files"]] == [
        "model/config.json",
        "model/customize_service.py",
        "model/model.joblib",
    ]
    assert answer["normalised"]["model_algorithm"] == "predict_analysis"


def test_a_broken_folder_is_refused_with_places(tmp_path, capsys):
    status, answer = run(FIXTURES["config with comments"](tmp_path), capsys=capsys)

    assert (status, answer["verdict"]) == (1, "refused")
    assert {key: answer["findings"][0][key] for key in ("code", "severity", "where")} == {
        "code": "config.repairable",
        "severity": "error",
        "where": {"file": "model/config.json", "line": 1, "column": 1, "pointer": ""},
    }


@pytest.mark.parametrize("kind", ["missing", "text", "damaged"])
def test_a_path_that_is_no_package_exits_2(tmp_path, kind):
    path = tmp_path / "x.zip"
    if kind == "text":
        path.write_text("hello")
    if kind == "damaged":
        content = pack(build_package(tmp_path), path).read_bytes()
        path.write_bytes(content[:40] + b"\xff" * 400 + content[440:])
        path.write_bytes(b"\0" * 200 + content[-22:])

    with pytest.raises(CommandError) as refusal:
        call_command("check_package", str(path))

    assert refusal.value.returncode == 2


def test_another_configuration_can_be_tried(tmp_path, capsys):
    config = tmp_path / "other.json"
    config.write_text(json.dumps(make_config(model_algorithm="other_purpose")))

    status, answer = run(build_package(tmp_path), "--config", str(config), capsys=capsys)

    assert (status, answer["normalised"]["model_algorithm"]) == (0, "other_purpose")


def test_people_get_lines_without_colours_in_a_pipe(tmp_path, capsys):
    with pytest.raises(SystemExit):
        call_command("check_package", str(FIXTURES["two service classes"](tmp_path)))

    output = capsys.readouterr().out
    assert output.splitlines()[0].startswith("refused  Scikit_Learn  python3.6  3 files, ")
    assert "error   model/customize_service.py:" in output
    assert "\x1b" not in output


def test_it_needs_no_database_and_no_server(tmp_path):
    environment = os.environ | {
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "MODELPORT_DATA": str(tmp_path / "d"),
    }

    finished = subprocess.run(
        [sys.executable, "manage.py", "check_package", str(build_package(tmp_path)), "--json"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        check=False,
    )

    assert (finished.returncode, finished.stderr.decode()) == (0, "")
    assert json.loads(finished.stdout)["verdict"] == "importable"


# --- archives


@pytest.mark.parametrize("below", ["", "ocr/"])
def test_a_zip_of_the_package_or_of_its_folder_is_importable(tmp_path, capsys, below):
    status, answer = run(pack(build_package(tmp_path), tmp_path / "x.zip", below=below), capsys=capsys)

    assert (status, answer["verdict"], found(answer)) == (0, "importable", [])


def test_what_a_mac_adds_to_a_zip_is_left_out(tmp_path, capsys):
    archive = pack(
        build_package(tmp_path),
        tmp_path / "x.zip",
        below="ocr/",
        change=lambda archive: archive.writestr("__MACOSX/ocr/._model", "x"),
    )

    status, answer = run(archive, capsys=capsys)

    assert (status, found(answer)) == (0, ["layout.beside_ignored"])


def _symlink(archive):
    info = zipfile.ZipInfo("model/link")
    info.external_attr = 0o120777 << 16
    archive.writestr(info, "/etc/passwd")


def _repeat(archive):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("model/config.json", "{}")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda archive: archive.writestr("model/../../x", "x"), "layout.unsafe_name"),
        (lambda archive: archive.writestr("model//etc/x", "x"), "layout.unsafe_name"),
        (lambda archive: archive.writestr("model/a\\b", "x"), "layout.unsafe_name"),
        (_symlink, "layout.link"),
        (_repeat, "layout.name_repeated"),
        (lambda archive: archive.writestr("model/CONFIG.json", "{}"), "layout.name_collision"),
        (lambda archive: archive.writestr("model/" + "x" * 5000, "x"), "layout.name_too_long"),
        (lambda archive: archive.writestr("model/" + "d/" * 40 + "x", "x"), "layout.too_deep"),
        (lambda archive: archive.writestr("model/zeros", b"\0" * 8 * 1024 * 1024), "layout.expansion"),
    ],
)
def test_a_zip_that_escapes_hides_or_bombs_is_refused(tmp_path, capsys, change, code):
    status, answer = run(pack(build_package(tmp_path), tmp_path / "x.zip", change=change), capsys=capsys)

    assert (status, answer["verdict"]) == (1, "refused")
    assert code in found(answer)


def test_a_name_with_nul_is_not_cut_short(tmp_path, capsys):
    archive = pack(
        build_package(tmp_path), tmp_path / "x.zip", change=lambda a: a.writestr("model/config_json_evil", "")
    )
    content = archive.read_bytes().replace(b"model/config_json_evil", b"model/config.json\0evil")
    archive.write_bytes(content)

    status, answer = run(archive, capsys=capsys)

    assert (status, "layout.unsafe_name" in found(answer)) == (1, True)


def test_an_encrypted_entry_is_refused(tmp_path, capsys):
    archive = pack(build_package(tmp_path), tmp_path / "x.zip")
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(bytes(content))

    status, answer = run(archive, capsys=capsys)

    assert (status, found(answer)[0]) == (1, "layout.encrypted")


def test_a_method_that_unpacks_without_bounds_is_refused(tmp_path, capsys):
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_BZIP2) as writer:
        for path in (build_package(tmp_path) / "model").iterdir():
            writer.write(path, f"model/{path.name}")

    status, answer = run(archive, capsys=capsys)

    assert (status, found(answer)[:2]) == (1, ["layout.unreadable", "layout.unreadable"])


def test_a_broken_checksum_is_refused(tmp_path, capsys):
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as writer:
        for path in (build_package(tmp_path) / "model").iterdir():
            writer.write(path, f"model/{path.name}")
    archive.write_bytes(archive.read_bytes().replace(b'"model_type"', b'"model_tipe"'))

    status, answer = run(archive, capsys=capsys)

    assert (status, found(answer)[0]) == (1, "layout.unreadable")


def test_a_million_entries_are_refused_quickly(tmp_path, capsys):
    archive = tmp_path / "x.zip"
    header = zipfile.ZipInfo("m/0000000")
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr(header, "")
    content = archive.read_bytes()
    start, end = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    record, count = content[start:end], 1_000_000
    size = len(record) * count
    tail = (
        b"PK\x05\x06" + b"\0" * 4 + b"\xff\xff" * 2 + size.to_bytes(4, "little") + start.to_bytes(4, "little") + b"\0\0"
    )
    archive.write_bytes(content[:start] + record * count + tail)
    began = time.monotonic()

    status, answer = run(archive, capsys=capsys)

    assert (status, found(answer), answer["scan"]) == (
        1,
        ["layout.too_many_files"],
        {"verdict": "could-not-scan", "files": [], "tools": {}},
    )
    assert time.monotonic() - began < 5


# --- folders


def test_a_folder_is_listed_without_following_links(tmp_path):
    root = build_package(tmp_path)
    (root / "model" / "loop").symlink_to(root)
    os.mkfifo(root / "model" / "pipe")

    with open_local(root, Limits()) as package:
        links = {entry.path: entry.link for entry in package.files}

    assert {path for path, link in links.items() if link} == {"model/loop", "model/pipe"}


def test_a_file_that_became_a_link_is_not_read(tmp_path):
    root = build_package(tmp_path)
    (root / "model" / "config.json").unlink()
    (root / "model" / "config.json").symlink_to("/etc/hostname")

    with open_local(root, Limits()) as package, pytest.raises(SourceRefused) as refusal:
        package.read("model/config.json", 10)

    assert (refusal.value.code, refusal.value.params) == ("layout.unreadable", {"path": "model/config.json"})


def test_a_name_that_is_not_utf8_is_refused(tmp_path, capsys):
    root = build_package(tmp_path)
    (Path(os.fsdecode(os.fsencode(root) + b"/model/\xff\xfe"))).write_text("x")

    status, answer = run(root, capsys=capsys)

    assert (status, found(answer)) == (1, ["layout.unsafe_name"])


def test_open_local_refuses_what_is_no_package(tmp_path):
    with pytest.raises(UnreadablePath), open_local(tmp_path / "none", Limits()):
        pass


@pytest.mark.parametrize("name", ["good TensorFlow", "module missing", "case collision"])
def test_folder_and_zip_give_the_same_findings(tmp_path, capsys, name):
    root = FIXTURES[name](tmp_path)

    _status, from_folder = run(root, capsys=capsys)
    _status, from_zip = run(pack(root, tmp_path / "x.zip"), capsys=capsys)

    assert found(from_folder) == found(from_zip)


def weights_alone(tmp_path, **changes):
    """The model folder of a package that is imported by a template."""
    folder = build_package(tmp_path, config=None, **changes) / "model"
    assert not (folder / "config.json").exists()
    return folder


def test_a_template_brings_its_configuration(tmp_path, capsys):
    status, answer = run(weights_alone(tmp_path), "--template", "own-sklearn", capsys=capsys)

    mode = MODES[TEMPLATES["own-sklearn"].mode]
    assert (status, found(answer), answer["runtime"]) == (0, [], "python3.11")
    assert answer["normalised"]["model_algorithm"] == mode.algorithm


def test_a_template_takes_another_mode(tmp_path, capsys):
    options = ("--template", "own-onnx", "--mode", "image-processing")

    status, answer = run(weights_alone(tmp_path, engine="ONNX"), *options, capsys=capsys)

    assert (status, answer["normalised"]["model_algorithm"]) == (0, MODES["image-processing"].algorithm)


def test_a_template_refuses_what_its_import_refuses(tmp_path, capsys):
    folder = weights_alone(tmp_path)

    contradicted = run(folder, "--template", "own-onnx", capsys=capsys)
    without_batch = ("--deployment-type", "real-time", "--deployment-type", "edge")
    undefined = [
        run(folder, "--template", "own-sklearn", "--mode", "undefined", *more, capsys=capsys)
        for more in ((), without_batch)
    ]

    assert (contradicted[0], found(contradicted[1])) == (
        1,
        ["layout.template_contradict", "code.other_base_template"],
    )
    assert [(status, found(answer)) for status, answer in undefined] == [(1, ["config.batch_undefined"]), (0, [])]


def test_advice_for_a_template_does_not_name_the_configuration_that_it_writes(tmp_path, capsys):
    folder = weights_alone(tmp_path, code="import pandas\n" + service_code("PyTorch"))
    (folder / "net.onnx").write_bytes(b"\x08\x07")

    _status, answer = run(folder, "--template", "own-sklearn", capsys=capsys)

    said = {each["code"]: each["message"] for each in answer["findings"]}
    assert [code for code in said if not code.startswith("scan")] == [
        "layout.template_mixed",
        "code.other_base_template",
        "code.module_missing_template",
    ]
    assert [code for code, message in said.items() if "model_type" in message or "Add its package" in message] == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--template", "nothing"), "There is no model template “nothing”. Choose one of the catalogue."),
        (("--mode", "undefined"), "--mode belongs to --template. Say which template is meant."),
        (("--template", "own-sklearn", "--config", "x.json"), "A template writes the configuration itself."),
        (("--template", "own-sklearn", "--mode", "x"), "There is no input and output mode “x”."),
    ],
)
def test_a_template_that_cannot_be_meant_exits_2(tmp_path, options, said):
    with pytest.raises(CommandError) as refusal:
        call_command("check_package", str(weights_alone(tmp_path)), *options)

    assert (refusal.value.returncode, str(refusal.value)[: len(said)]) == (2, said)

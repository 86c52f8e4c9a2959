"""Listings as they come from buckets: prefixes, limits and names that no local folder could hold."""

import itertools
import time

import pytest

from importers.package.check import CheckOptions, FileEntry, Limits, check_package
from stores.errors import SourceRefused
from tests.packages import build_package, check_folder, codes, make_config, service_code

CONTENT = {"model/config.json": make_config(), "model/customize_service.py": service_code(), "model/model.joblib": "x"}


def nothing(path, limit):
    raise SourceRefused("source.missing", path=path)


def check_paths(*paths, read=nothing, **options):
    return check_package([FileEntry(path, 1) for path in paths], read, CheckOptions(**options))


def errors(report):
    return [finding.code for finding in report.findings if finding.severity == "error"]


def test_report_describes_the_package(tmp_path):
    root = build_package(tmp_path)

    report = check_folder(root)

    assert (report.engine, report.engine_derived, report.runtime) == ("Scikit_Learn", True, "python3.6")
    assert [entry.path for entry in report.files] == [
        "model/config.json",
        "model/customize_service.py",
        "model/model.joblib",
    ]
    assert report.file_count == 3
    assert report.total_bytes == sum(path.stat().st_size for path in (root / "model").iterdir())
    assert report.config_found == report.config_used == (root / "model/config.json").read_text()
    assert (report.root, report.inference_code) == ("", "model/customize_service.py")
    assert report.importable


def test_paths_are_those_of_the_package_when_model_itself_was_chosen(tmp_path):
    report = check_folder(build_package(tmp_path) / "model")

    assert report.root == "model/"
    assert report.files[0].path == "model/config.json"
    assert report.source_path("model/config.json") == "config.json"
    assert report.importable


def test_a_folder_named_model_may_hold_a_model_folder():
    report = check_paths("config.json", "model/model.joblib", folder_name="model")

    assert (report.root, [entry.path for entry in report.files]) == ("", ["model/model.joblib"])


def test_names_made_to_be_slow_to_read_are_not():
    names = [f"model/custom{'serv' * 50}{number}_.txt" for number in range(10_000)]
    start = time.process_time()

    check_paths("model/config.json", *names, f"model/{'custom' + '_' * 60_000}.py")

    assert time.process_time() - start < 5


def test_folder_markers_are_no_files():
    report = check_paths("model/", "model/variables/", "model/a.txt")

    assert report.file_count == 1


def test_listing_is_consumed_no_further_than_the_limit():
    endless = (FileEntry(f"model/{number}", 1) for number in itertools.count())

    report = check_package(endless, nothing, CheckOptions(limits=Limits(files=10)))

    assert "layout.too_many_files" in codes(report)
    assert next(endless).path == "model/11"


def test_listing_beside_the_package_is_given_up_too():
    endless = (FileEntry(f"logs/{number}", 1) for number in itertools.count())

    report = check_package(endless, nothing, CheckOptions(limits=Limits(files=10)))

    assert errors(report) == ["layout.too_many_files"]


def test_exactly_as_many_files_as_allowed_are_fine():
    report = check_paths("model/config.json", "model/a.joblib", limits=Limits(files=2))

    assert "layout.too_many_files" not in codes(report)


def test_a_package_larger_than_the_limit_is_refused():
    report = check_package([FileEntry("model/a.joblib", 6 * 1024**3)], nothing, CheckOptions())

    finding = next(finding for finding in report.findings if finding.code == "layout.too_large")
    assert dict(finding.params) == {"size": "6 GB", "limit": "5 GB"}


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a/../b", "a//b", "./a", "a\\b", "a\x00b", "a\nb", "\ud800", "..", "a/."]
)
def test_names_that_cannot_be_joined_are_refused(name):
    report = check_paths("model/config.json", f"model/{name}")

    assert "layout.unsafe_name" in errors(report)


def test_a_name_of_5000_characters_is_refused_and_shown_short():
    report = check_paths("model/config.json", "model/" + "x" * 5000)

    finding = next(finding for finding in report.findings if finding.code == "layout.name_too_long")
    assert len(finding.where.file) <= 160


@pytest.mark.parametrize(
    ("paths", "code"),
    [
        (("a.txt", "A.txt"), "layout.name_collision"),
        (("Data/a", "data/b"), "layout.name_collision"),
        (("cafe\u0301", "caf\u00e9"), "layout.name_collision"),
        (("straße", "STRASSE"), "layout.name_collision"),
        (("a", "a"), "layout.name_repeated"),
        (("a", "a/b"), "layout.file_and_folder"),
        (("A", "a/b"), "layout.file_and_folder"),
    ],
)
def test_names_that_cannot_lie_side_by_side_are_refused(paths, code):
    report = check_paths("model/config.json", *(f"model/{path}" for path in paths))

    assert code in errors(report)


def test_hidden_characters_of_names_are_shown_as_escapes():
    report = check_paths("model/config.json", "model/\u202egnp.exe\x00")

    finding = next(finding for finding in report.findings if finding.code == "layout.unsafe_name")
    assert finding.params["path"] == "model/\\u202egnp.exe\\u0000"


def test_what_the_storage_refuses_to_read_is_a_finding():
    report = check_paths("model/config.json", "model/model.joblib")

    refused = [(finding.code, finding.where.file) for finding in report.findings if finding.code == "source.missing"]
    assert refused == [("source.missing", "model/config.json")]


def test_only_the_configuration_and_the_code_are_read(tmp_path):
    asked = []

    def read(path, limit):
        asked.append((path, limit))
        return b"{}"

    check_paths("model/config.json", "model/customize_service.py", "model/model.joblib", "README", read=read)

    assert asked == [("model/config.json", 1024 * 1024 + 1), ("model/customize_service.py", 1024 * 1024 + 1)]


def test_a_template_brings_its_own_configuration():
    report = check_paths("config.json", "saved_model.pb", source="template", folder_name="model", engine="TensorFlow")

    assert codes(report) == ["layout.config_ignored", "code.default_answers"]
    assert (report.engine, report.config_found, report.root) == ("TensorFlow", None, "model/")


def test_a_template_needs_the_folder_named_model():
    report = check_paths("saved_model.pb", source="template", folder_name="ocr", engine="TensorFlow")

    assert errors(report) == ["layout.template_folder"]


def test_a_configuration_from_the_form_replaces_a_missing_one(tmp_path):
    text = '{"model_algorithm": "x", "model_type": "Scikit_Learn", "runtime": "python3.6"}'

    report = check_folder(build_package(tmp_path, config=None), config_text=text)

    assert codes(report) == ["config.batch_without_schema", "layout.config_supplied", "config.apis_missing"]
    assert (report.config_found, report.config_used) == (None, text)


def test_batch_is_switched_off_without_parameters(tmp_path):
    report = check_folder(build_package(tmp_path, config=make_config(apis=None)))

    assert report.deployment_types == ("real-time", "edge")


def test_a_thousand_files_are_checked_within_two_seconds(tmp_path):
    root = build_package(tmp_path, files={"model.joblib": b"x"} | {f"data/{i // 50}/{i}.txt": "" for i in range(1000)})
    start = time.process_time()

    report = check_folder(root)

    assert time.process_time() - start < 2
    assert (report.importable, report.file_count) == (True, 1003)


def test_twenty_thousand_hostile_names_are_checked_quickly():
    entries = [FileEntry(f"model/{'d/' * 400}{i}\\", 1) for i in range(20_000)]
    start = time.process_time()

    report = check_package(entries, nothing, CheckOptions())

    assert time.process_time() - start < 10
    assert report.findings[-1].code == "check.more"

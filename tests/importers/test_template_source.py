"""Importing by a model template: what it refuses, what it finds beforehand, and what becomes of it."""

import pytest

from importers.catalogue import MODES, TEMPLATES
from importers.models import ImportJob, State
from importers.request import ImportRequest
from importers.services import preview_source, submit_import
from importers.sources import source_for
from importers.tasks import run_import
from registry import artifacts
from registry.models import ModelVersion, Status
from registry.services import VersionDetails
from registry.versions import FIRST
from stores.errors import SourceRefused
from tests.factories import make_workspace
from tests.importers.jobs import GOOD, put, run

pytestmark = pytest.mark.django_db
WEIGHTS = {"model/model.pkl": GOOD["model/model.pkl"]}
SKLEARN = {"template": "own-sklearn", "mode": "predict-analysis", "path": "/packages/digits/model/"}


def preview(deployment_types=("real-time", "batch", "edge"), **changes):
    return preview_source(
        workspace=make_workspace(),
        source_kind="template",
        source={key: value for key, value in (SKLEARN | changes).items() if value is not None},
        deployment_types=deployment_types,
    )


def submit(deployment_types=("real-time", "batch", "edge"), **changes):
    request = ImportRequest(
        name="digits",
        number=FIRST,
        details=VersionDetails(deployment_types=deployment_types),
        source_kind="template",
        source=SKLEARN | changes,
    )
    return submit_import(request, workspace=make_workspace(), by=None)


def codes(report, severity=None):
    return [finding.code for finding in report.findings if severity in (None, finding.severity)]


def test_template_import_comes_to_normal_with_the_generated_configuration():
    put(WEIGHTS)

    job = run(submit())

    version = ModelVersion.objects.get()
    text = TEMPLATES["own-sklearn"].config_text(MODES["predict-analysis"])
    stored = version.files.get(path="model/config.json")
    assert (job.state, version.status) == (State.SUCCEEDED, Status.NORMAL)
    assert (version.engine, version.runtime, version.source_kind) == ("Scikit_Learn", "python3.11", "template")
    assert (version.config_found, version.config_used) == ("", text)
    assert artifacts.open_artifact(stored.sha256).read() == text.encode()
    assert sorted(version.files.values_list("path", flat=True)) == ["model/config.json", "model/model.pkl"]
    assert version.source_path == "/packages/digits/model/"
    assert version.source_params == SKLEARN | {
        "package": "/packages/digits/",
        "config_origin": "generated",
        "engine_chosen": "",
    }


def test_template_import_delivered_twice_is_one_import():
    put(WEIGHTS)
    job = submit()

    run_import(job.pk)
    run_import(job.pk)

    assert ImportJob.objects.get().state == State.SUCCEEDED
    assert ModelVersion.objects.get().files.count() == 2


def test_folder_above_is_accepted_with_a_hint():
    put(WEIGHTS)

    report = preview(path="/packages/digits/")
    run(submit(path="/packages/digits/"))

    version = ModelVersion.objects.get()
    assert (report.importable, codes(report)) == (True, ["layout.model_taken", "code.default_answers"])
    assert version.status == Status.NORMAL
    assert sorted(version.files.values_list("path", flat=True)) == ["model/config.json", "model/model.pkl"]
    assert version.source_params["package"] == "/packages/digits/"


def test_configuration_that_is_found_is_ignored_and_kept_beside():
    put(GOOD)

    report = preview()
    run(submit())

    version = ModelVersion.objects.get()
    assert codes(report) == ["layout.config_ignored", "code.default_answers"]
    assert version.config_found == GOOD["model/config.json"].decode()
    assert version.config_used == TEMPLATES["own-sklearn"].config_text(MODES["predict-analysis"])
    assert version.files.get(path="model/config.json").size == len(version.config_used)


def test_broken_configuration_that_is_found_is_no_fault():
    put(WEIGHTS | {"model/config.json": b"\xff{,}"})

    assert codes(preview()) == ["layout.config_ignored", "code.default_answers"]


@pytest.mark.parametrize(
    ("files", "changes", "errors"),
    [
        ({"other/model.pkl": b"x"}, {"path": "/packages/digits/"}, ["layout.template_folder"]),
        ({"model/notes.txt": b"x"}, {}, ["layout.weights_missing"]),
        ({"model/net.onnx": b"x"}, {}, ["layout.template_contradict"]),
        (
            {"model/saved_model.pb": b"x"},
            {"template": "tf-py36", "mode": "image-processing"},
            ["template.file_required", "template.file_required"],
        ),
        (
            {"model/model.ckpt": b"x"},
            {"template": "arm-ascend", "mode": "image-processing"},
            ["template.file_required"],
        ),
        ({"model/net.pth": b"x"}, {"template": "own-pytorch"}, ["code.missing"]),
        (WEIGHTS, {"path": "/packages/nothing/model/"}, ["source.missing"]),
        (WEIGHTS, {"path": "/packages/di gits/model/"}, ["source.space_in_path"]),
        (WEIGHTS, {"path": None}, ["source.path_malformed"]),
        (WEIGHTS, {"template": None}, ["template.missing"]),
        (WEIGHTS, {"template": "own-cobol"}, ["template.unknown"]),
        (WEIGHTS, {"mode": "telepathy"}, ["template.mode_unknown"]),
        (WEIGHTS, {"mode": "image-processing"}, ["template.mode_fixed"]),
        (WEIGHTS, {"template": "tf-image-classification-py27", "mode": "undefined"}, ["template.mode_fixed"]),
        (WEIGHTS, {"mode": "undefined"}, ["config.batch_undefined"]),
    ],
)
def test_preview_refuses(files, changes, errors):
    put(files)

    report = preview(**changes)

    assert codes(report, "error") == errors
    assert all(finding.message != finding.code for finding in report.findings)


def test_undefined_mode_is_fine_without_batch_services():
    put(WEIGHTS)

    report = preview(deployment_types=("real-time", "edge"), mode="undefined")
    job = run(submit(deployment_types=("real-time", "edge"), mode="undefined"))

    assert (report.importable, report.deployment_types) == (True, ("real-time", "edge"))
    assert job.version.status == Status.NORMAL


@pytest.mark.parametrize(
    ("files", "changes"),
    [
        (WEIGHTS, {}),
        (WEIGHTS, {"path": "/packages/digits/"}),
        (WEIGHTS, {"mode": "undefined"}),
        ({"model/notes.txt": b"x"}, {}),
        ({"model/saved_model.pb": b"x"}, {"template": "tf-py27"}),
        ({"other/model.pkl": b"x"}, {"path": "/packages/digits/"}),
    ],
)
def test_preview_and_import_find_the_same(files, changes):
    put(files)

    looked = [finding.as_dict() for finding in preview(**changes).findings]
    job = run(submit(**changes))

    assert [finding for finding in job.findings if not finding["code"].startswith("scan.")] == looked
    assert job.finished


def test_template_without_a_mode_takes_its_own():
    source = source_for("template")

    terms = source.terms(make_workspace(), {"template": "own-sklearn"})

    assert terms.config_text == TEMPLATES["own-sklearn"].config_text(MODES["predict-analysis"])
    assert terms.required_files == ()


@pytest.mark.parametrize("changes", [{"template": "x\0"}, {"mode": "\u202e"}, {"path": "/../etc/model/"}])
def test_submit_refuses_what_cannot_be(changes):
    with pytest.raises(SourceRefused):
        submit(**changes)

    assert ImportJob.objects.count() == 0


def test_too_many_files_in_the_model_folder_are_refused(settings):
    settings.PACKAGE_MAX_FILES = 3
    put(WEIGHTS | {f"model/part-{number}.txt": b"x" for number in range(4)})

    assert codes(preview(), "error") == ["layout.too_many_files"]


def test_other_workspaces_bucket_does_not_exist():
    put(WEIGHTS)

    report = preview_source(workspace=make_workspace("far"), source_kind="template", source=SKLEARN)

    assert codes(report) == ["source.bucket_missing"]

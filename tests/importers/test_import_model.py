import json

import pytest
from django.core.management import CommandError, call_command

from importers.management.commands import import_model
from importers.models import ImportJob, State
from importers.services import cancel_import
from registry.models import DeploymentType, ModelVersion, Status
from tests.factories import make_bucket, make_version, make_workspace
from tests.importers.jobs import CONFIG, GOOD, put, run, submit

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def worker(workspace, monkeypatch):
    """While the command waits, a worker takes what is queued."""

    def work(seconds):
        for job in ImportJob.objects.filter(state=State.QUEUED):
            run(job)

    monkeypatch.setattr(import_model.time, "sleep", work)


def imported(capsys, *arguments, path="/packages/digits/"):
    """The exit code and what was printed as JSON."""
    code = 0
    try:
        call_command("import_model", "--workspace", "default", "--name", "digits", "--path", path, "--json", *arguments)
    except SystemExit as exit_:
        code = exit_.code
    return code, json.loads(capsys.readouterr().out)


def test_import_model_is_accepted_and_rung(capsys):
    put(GOOD)

    code, answer = imported(capsys)

    version, job = ModelVersion.objects.get(), ImportJob.objects.get()
    assert code == 0
    assert (answer["version_id"], answer["job_id"]) == (str(version.uuid), str(job.uuid))
    assert (answer["name"], answer["version"], answer["status"], answer["proof"]) == (
        "digits",
        "0.0.1",
        "publishing",
        "",
    )
    assert list(answer) == ["version_id", "name", "version", "status", "proof", "job_id", "findings"]


def test_import_model_waits_until_the_version_is_normal(capsys):
    put(GOOD)

    code, answer = imported(capsys, "--wait")

    assert (code, answer["status"], answer["proof"]) == (0, "published", "not_asked")
    assert [finding["code"] for finding in answer["findings"]] == [
        finding["code"] for finding in ImportJob.objects.get().findings
    ]


def test_import_model_takes_everything_the_form_takes(capsys, tmp_path):
    put(GOOD)
    config = tmp_path / "other.json"
    config.write_text(json.dumps(CONFIG | {"model_algorithm": "other"}))

    code, _ = imported(
        capsys,
        *("--version", "1.2.3", "--source", "obs", "--config", str(config), "--description", "Reads digits"),
        *("--label", "vision", "--label", "demo", "--deployment-type", "real-time", "--deployment-type", "edge"),
        "--wait",
    )

    version = ModelVersion.objects.get()
    assert code == 0
    assert (version.number, version.description, version.deployment_types) == (
        "1.2.3",
        "Reads digits",
        f"{DeploymentType.REAL_TIME},{DeploymentType.EDGE}",
    )
    assert [label.name for label in version.labels.all()] == ["vision", "demo"]
    assert version.config["model_algorithm"] == "other"


def test_import_model_names_the_engine_when_the_configuration_does_not(capsys):
    config = {name: value for name, value in CONFIG.items() if name != "model_type"}
    put(GOOD | {"model/config.json": json.dumps(config).encode()})

    assert imported(capsys, "--engine", "Scikit_Learn", "--wait")[0] == 0
    assert ModelVersion.objects.get().engine == "Scikit_Learn"


def test_import_model_counts_the_version_up(capsys):
    put(GOOD)
    make_version("digits", (0, 0, 9))

    assert imported(capsys)[1]["version"] == "0.0.10"


def test_import_model_refuses_a_broken_package_and_takes_no_name(capsys):
    put(GOOD | {"model/config.json": b"{"})

    code, answer = imported(capsys, "--wait")

    assert (code, answer["version_id"], answer["status"]) == (1, None, "refused")
    assert [finding["severity"] for finding in answer["findings"]].count("error") >= 1
    assert set(answer["findings"][0]) == {"code", "severity", "where", "message"}
    assert not ModelVersion.objects.exists()


@pytest.mark.parametrize(
    ("path", "finding"),
    [
        ("/packages/nothing/", "source.missing"),
        ("/nowhere/x/", "source.bucket_missing"),
        ("x", "source.path_malformed"),
    ],
)
def test_import_model_says_what_is_wrong_with_the_path(capsys, path, finding):
    put(GOOD)

    code, answer = imported(capsys, path=path)

    assert (code, [found["code"] for found in answer["findings"]]) == (1, [finding])


def test_import_model_refuses_a_taken_version(capsys):
    put(GOOD)
    make_version("digits", (0, 0, 1))

    code, answer = imported(capsys, "--version", "0.0.1")

    assert (code, answer["findings"][0]["code"]) == (1, "import.version_taken")


def test_import_model_fails_when_the_import_fails(capsys, monkeypatch):
    put(GOOD)
    monkeypatch.setattr("importers.pipeline.fetch", lambda *arguments: 1 / 0)

    code, answer = imported(capsys, "--wait")

    assert (code, answer["status"]) == (1, "failed")
    assert ModelVersion.objects.get().status == Status.FAILED


def test_import_model_ends_when_somebody_cancels(capsys, monkeypatch):
    put(GOOD)
    monkeypatch.setattr(import_model.time, "sleep", lambda seconds: cancel_import(ImportJob.objects.get(), by=None))

    code, answer = imported(capsys, "--wait")

    assert (code, answer["status"]) == (1, "cancelled")


def test_import_model_says_when_no_worker_comes(capsys, monkeypatch):
    put(GOOD)
    monkeypatch.setattr(import_model, "PATIENCE_SECONDS", -1)

    call_command("import_model", "--workspace=default", "--name=digits", "--path=/packages/digits/", "--wait")

    assert "manage.py up" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [
        {"--name": "1digits"},
        {"--workspace": "elsewhere"},
        {"--version": "1.2"},
        {"--version": "01.2.3"},
        {"--label": "no spaces"},
        {"--description": "<b>"},
        {"--config": "/nowhere/config.json"},
        {"--workspace": "\udcff"},
        {"--engine": "Nothing"},
    ],
)
def test_import_model_refuses_what_the_form_refuses(wrong):
    put(GOOD)
    arguments = {"--workspace": "default", "--name": "digits", "--path": "/packages/digits/"} | wrong

    with pytest.raises(CommandError) as refused:
        call_command("import_model", *[part for pair in arguments.items() for part in pair])

    assert str(refused.value)
    assert not ModelVersion.objects.exists()


def test_import_model_reads_no_endless_configuration(capsys):
    put(GOOD)

    code, answer = imported(capsys, "--config", "/dev/zero")

    assert code == 1
    assert "config.too_large" in [finding["code"] for finding in answer["findings"]]


def test_import_model_refuses_a_sixth_label():
    put(GOOD)
    labels = [f"--label=l{number}" for number in range(6)]

    with pytest.raises(CommandError):
        call_command("import_model", "--workspace=default", "--name=digits", "--path=/packages/digits/", *labels)


def test_import_model_refuses_after_the_last_version_number():
    put(GOOD)
    make_version("digits", (99, 99, 99))

    with pytest.raises(CommandError):
        call_command("import_model", "--workspace=default", "--name=digits", "--path=/packages/digits/")


def test_import_model_prints_findings_that_people_read(capsys):
    put(GOOD | {"model/config.json": json.dumps(CONFIG, indent=1).replace('"model_type"', '"model_tpye"').encode()})

    call_command(
        "import_model", "--workspace=default", "--name=digits", "--path=/packages/digits/", "--engine=Scikit_Learn"
    )

    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "digits 0.0.1: Importing"
    assert any(line.startswith("  info: model/config.json:3:") and "model_tpye" in line for line in lines)


def test_import_model_does_not_reach_into_another_workspace(capsys):
    put(GOOD)
    make_bucket("theirs", make_workspace("other"))
    put(GOOD, bucket="theirs")

    code, answer = imported(capsys, path="/theirs/digits/")

    assert (code, answer["findings"][0]["code"]) == (1, "source.bucket_missing")


def test_submit_helper_and_command_make_the_same_job(capsys):
    put(GOOD)
    imported(capsys)
    by_hand = submit(number="0.0.2")

    assert {**ImportJob.objects.order_by("id")[0].request, "number": "0.0.2"} == by_hand.request


def test_import_model_takes_a_template(capsys):
    put({"model/model.pkl": GOOD["model/model.pkl"]})
    arguments = ("--source", "template", "--template", "own-sklearn", "--mode", "predict-analysis", "--wait")

    code, answer = imported(capsys, *arguments, path="/packages/digits/model/")

    version = ModelVersion.objects.get()
    assert (code, answer["status"]) == (0, "published")
    assert (version.source_kind, version.source_params["config_origin"]) == ("template", "generated")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--template", "own-cobol"), "template.unknown"),
        ((), "template.missing"),
        (("--template", "own-sklearn", "--mode", "image-processing"), "template.mode_fixed"),
        (("--template", "own-sklearn", "--mode", "undefined"), "config.batch_undefined"),
    ],
)
def test_import_model_refuses_what_a_template_does_not_take(capsys, arguments, code):
    put({"model/model.pkl": GOOD["model/model.pkl"]})

    refused, answer = imported(capsys, "--source", "template", *arguments, path="/packages/digits/model/")

    assert (refused, answer["status"]) == (1, "refused")
    assert [finding["code"] for finding in answer["findings"] if finding["severity"] == "error"] == [code]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--template", "own-sklearn"), "--template does not belong to --source obs. Leave it out."),
        (
            ("--source", "template", "--template", "own-sklearn", "--config", "x.json"),
            "--source template writes the configuration itself. Leave --config out.",
        ),
    ],
)
def test_import_model_refuses_options_of_another_source(arguments, message):
    base = ("--workspace=default", "--name=digits", "--path=/packages/digits/model/")

    with pytest.raises(CommandError) as refused:
        call_command("import_model", *base, *arguments)

    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("status", "proof", "line"),
    [("published", "answered", "digits 0.0.1: Normal · answered"), ("building", "", "digits 0.0.1: Building")],
)
def test_answer_says_what_is_known_of_a_normal_version(status, proof, line):
    assert import_model.Answer(None, "digits", "0.0.1", status, proof, None, ()).as_text() == line

"""The source training job: what it takes from a run's output, what it supplies, and what it refuses."""

import json
import re

import pytest
from django.core.management import call_command

from importers.catalogue_algorithms import ALGORITHMS
from importers.models import State
from importers.services import retry_import
from importers.services_training import delete_job, delete_run
from importers.sources import source_for
from registry import artifacts
from registry.models import Status
from stores.errors import SourceRefused
from tests.factories import make_member, make_workspace
from tests.importers.jobs import GOOD, put, run
from tests.importers.training import COLUMNS, OWN, TRAINED, WEIGHTS, built_in, make_run, params, preview, submit

pytestmark = [pytest.mark.django_db, pytest.mark.db]
COMMAND = ("--workspace", "default", "--name", "digits", "--source", "training")


def errors(report):
    return [finding.code for finding in report.findings if finding.severity == "error"]


def stored(version):
    return {file.path: artifacts.open_artifact(file.sha256).read() for file in version.files.all()}


def test_run_of_a_common_framework_is_imported_as_it_lies():
    make_run()

    job = run(submit())

    assert (job.state, job.version.status, job.version.model_source) == (State.SUCCEEDED, Status.NORMAL, "custom")
    assert stored(job.version) == OWN
    assert (job.source_path, job.training_run.label) == ("/packages/digits/a/", "V0001")
    assert {name: job.version.source_params[name] for name in ("job", "run", "package")} == {
        "job": "digits",
        "run": "V0001",
        "package": "/packages/digits/a/",
    }


def test_preview_and_import_find_the_same():
    make_run(files=GOOD | {"model/config.json": b"// x\n{,}"})

    looked = [finding.as_dict() for finding in preview().findings]
    job = run(submit())

    assert job.findings == looked
    assert job.state == State.FAILED


@pytest.mark.parametrize("kind", ["framework", "custom"])
@pytest.mark.parametrize(
    ("missing", "code"),
    [("model/config.json", "training.config_missing"), ("model/customize_service.py", "training.file_required")],
)
def test_run_with_an_own_algorithm_needs_configuration_and_code(kind, missing, code):
    make_run(files={path: content for path, content in OWN.items() if path != missing}, kind=kind)

    report = preview()

    assert errors(report) == [code]
    assert report.runtime == ("" if missing == "model/config.json" else "python2.7")


def test_run_of_a_built_in_algorithm_gets_code_and_configuration():
    built_in(metrics={"accuracy": 0.97, "loss": 0.1})

    job = run(submit("flowers"))

    files = stored(job.version)
    config = json.loads(files["model/config.json"])
    assert (job.version.status, job.version.model_source) == (Status.NORMAL, "algos")
    assert files["model/customize_service.py"] == ALGORITHMS["tabular-classification"].inference_code
    assert files.keys() == {"model/config.json", "model/customize_service.py", *TRAINED}
    assert config["metrics"] == {"accuracy": 0.97}
    row = config["apis"][0]["request"]["data"]["properties"]["data"]["properties"]["req_data"]["items"][0]
    assert row["properties"] == {"petal length": {"type": "number"}, "colour": {"type": "string"}}
    packages = config["dependencies"][0]["packages"]
    assert packages == [
        {"package_name": "xgboost-cpu", "package_version": "3.0.5", "restraint": "EXACT"},
        {"package_name": "numpy"},
    ]
    assert [finding["code"] for finding in job.findings if finding["severity"] != "info"] == []


def test_configuration_somebody_put_beside_a_built_in_run_is_used():
    own = json.loads(ALGORITHMS["tabular-regression"].config(TRAINED["model/columns.json"], {})) | {
        "metrics": {"accuracy": 0.5}
    }
    built_in(files=TRAINED | {"model/config.json": json.dumps(own).encode(), "model/customize_service.py": b"("})

    job = run(submit("flowers"))

    assert job.version.config["metrics"] == {"accuracy": 0.5}
    assert stored(job.version)["model/customize_service.py"].startswith(b'"""Tells the class')


def test_model_folder_itself_may_be_the_output_of_a_built_in_run():
    path = put(TRAINED, folder="direct")
    built_in(output_path=f"{path}model/")

    report = preview("flowers")

    assert errors(report) == []
    assert sorted(file.path for file in report.files) == sorted(
        {"model/config.json", "model/customize_service.py", *TRAINED}
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_an_algorithm_supplies_passes_its_own_check(algorithm):
    built_in(algorithm=algorithm)

    report = preview("flowers")

    assert [finding.code for finding in report.findings if finding.severity != "info"] == []
    assert (report.engine, report.runtime) == ("XGBoost", "python3.11")


@pytest.mark.parametrize(
    "columns",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b"[" * 100_000,
        json.dumps(COLUMNS | {"features": []}).encode(),
        json.dumps(COLUMNS | {"features": [{"name": "a", "type": "object"}]}).encode(),
        json.dumps(COLUMNS | {"features": [{"name": "a\u202e", "type": "number"}]}).encode(),
        json.dumps(COLUMNS | {"target": ["a"]}).encode(),
        json.dumps(COLUMNS | {"packages": 7}).encode(),
        json.dumps(COLUMNS | {"features": [{"name": str(i), "type": "number"} for i in range(2001)]}).encode(),
    ],
)
def test_columns_that_no_script_wrote_are_refused(columns):
    built_in(files=WEIGHTS | {"model/columns.json": columns})

    assert errors(preview("flowers")) == ["training.columns_malformed"]


def test_built_in_run_without_columns_is_refused_with_their_place():
    built_in(files=WEIGHTS)

    report = preview("flowers")

    assert errors(report) == ["training.columns_missing"]
    assert report.findings[0].params["path"] == "/packages/flowers/a/model/columns.json"


def test_built_in_run_whose_output_has_no_model_folder_is_refused():
    built_in(files={"weights/model.ubj": b"x"})

    assert errors(preview("flowers")) == ["layout.model_missing"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"status": "failed"}, "training.run_not_successful"),
        ({"status": "running"}, "training.run_not_successful"),
        ({"output_path": ""}, "training.run_without_output"),
        ({"kind": "exeml", "project": "flowers"}, "training.exeml_not_deployed"),
    ],
)
def test_run_of_which_nothing_can_be_made_is_refused(change, code):
    make_run(**change)

    assert errors(preview()) == [code]
    with pytest.raises(SourceRefused) as refused:
        submit()
    assert refused.value.code == code


@pytest.mark.parametrize(("job", "label"), [("digits", "V0002"), ("other", "V0001"), ("digits", "1"), ("\0", "V0001")])
def test_run_that_is_not_there_is_refused(job, label):
    make_run()

    assert errors(preview(job, label)) == ["training.run_missing"]


def test_run_whose_output_is_gone_is_refused_with_its_place():
    training_run = make_run()
    type(training_run).objects.update(output_path="/packages/nothing/")

    (found,) = preview().findings
    job = run(submit())

    place = "Nothing lies in /packages/nothing/, where V0001 of “digits” left its output."
    assert (found.code, found.message[: len(place)]) == ("training.output_missing", place)
    assert [finding["code"] for finding in job.findings] == ["training.output_missing"]


def test_run_of_another_workspace_is_not_there():
    make_run()

    with pytest.raises(SourceRefused) as refused:
        source_for("training").locate(make_workspace("elsewhere"), params())
    assert refused.value.code == "training.run_missing"


def test_import_of_a_run_that_was_deleted_fails_and_says_so():
    training_run = make_run()
    job = submit()
    delete_run(training_run, by=make_member("ann"))

    job = run(job)

    assert (job.state, job.version.status, job.training_run) == (State.FAILED, Status.FAILED, None)
    assert [finding["code"] for finding in job.findings] == ["training.run_missing"]


def test_retry_takes_the_run_it_was_submitted_with_whatever_has_its_name_now():
    training_run = make_run(files={"model/nothing.txt": b"x"})
    job = run(submit())
    assert job.state == State.FAILED

    delete_job(training_run.job, by=make_member("ann"))
    make_run(external_id="b")
    retry_import(job, by=None)
    job = run(job)

    assert [finding["code"] for finding in job.findings] == ["training.run_missing"]


def test_retry_takes_the_run_after_its_job_lost_others():
    make_run(external_id="a")
    second = make_run(external_id="b", files={"model/nothing.txt": b"x"})
    job = run(submit(label="V0002"))

    put(OWN, folder="digits/b")
    retry_import(job, by=None)
    job = run(job)

    assert (job.state, job.training_run, job.version.source_params["run"]) == (State.SUCCEEDED, second, "V0002")


def test_algorithm_that_is_gone_from_the_catalogue_is_refused():
    training_run = built_in()
    type(training_run).objects.update(algorithm="older")

    assert errors(preview("flowers")) == ["training.unknown_algorithm"]


def test_version_and_import_lead_back_to_the_run(client, developer):
    training_run = make_run()
    job = run(submit())
    client.force_login(developer)

    pages = [client.get(page.get_absolute_url()).content.decode() for page in (job.version, job)]

    link = f'<a href="{training_run.get_absolute_url()}"><bdi>digits V0001</bdi></a>'
    assert [link in page for page in pages] == [True, True]


@pytest.mark.parametrize(("language", "words"), [("en", "Measured by run"), ("zh-hans", "的指标")])
def test_version_shows_what_its_run_measured(client, developer, language, words):
    training_run = make_run(metrics={"rmse": 56.66611111, "accuracy": 0.97, "tiny": 0.00001})
    job = run(submit())
    client.force_login(developer)

    text = client.get(job.version.get_absolute_url(), headers={"Accept-Language": language}).content.decode()

    measured = text.partition('class="metrics-of"')[2].partition("</dl>")[0]
    shown = re.findall(r'<dd title="([^"]*)">([^<]*)</dd>', measured)
    assert (words in measured, training_run.get_absolute_url() in measured) == (True, True)
    assert shown == [("0.97", "0.97"), ("56.66611111", "56.6661"), ("0.00001", "1.000e-05")]


def test_version_of_a_run_that_was_deleted_says_which_it_was(client, developer):
    training_run = make_run()
    job = run(submit())
    delete_run(training_run, by=developer)
    client.force_login(developer)

    text = client.get(job.version.get_absolute_url()).content.decode()

    assert "<bdi>digits V0001</bdi>" in text


def test_command_imports_a_run_by_its_name(capsys):
    make_run()

    with pytest.raises(SystemExit):
        call_command("import_model", *COMMAND, "--job", "digits", "--run", "V0009", "--json")
    refused = json.loads(capsys.readouterr().out)
    call_command("import_model", *COMMAND, "--job", "digits", "--run", "V0001", "--json")
    accepted = json.loads(capsys.readouterr().out)

    assert [finding["code"] for finding in refused["findings"]] == ["training.run_missing"]
    assert (accepted["status"], accepted["version"]) == ("publishing", "0.0.1")

"""The source training job: what it takes from a run's output, what it supplies, and what it refuses."""

import json
import re

import pytest
from django.core.management import call_command

from importers.catalogue_algorithms import ALGORITHMS
from importers.models import RunSource, State
from importers.services import preview_source, retry_import, submit_import
from importers.services_training import delete_job, delete_run, register_run
from importers.sources import source_for
from importers.values_training import RunValues
from registry import artifacts
from registry.models import Status
from stores.errors import SourceRefused
from tests import hostile
from tests.factories import make_member, make_version, make_workspace
from tests.importers.jobs import GOOD, put, request_for, run
from tests.importers.pages import HTMX, typed

pytestmark = [pytest.mark.django_db, pytest.mark.db]

CODE = b"""
from model_service.python_model_service import XgSklServingBaseService


class Digits(XgSklServingBaseService):
    pass
"""
COMMAND = ("--workspace", "default", "--name", "digits", "--source", "training")
COLUMNS = {
    "target": "species",
    "classes": ["a", "b"],
    "features": [{"name": "petal length", "type": "number"}, {"name": "colour", "type": "string", "values": ["red"]}],
    "packages": {"xgboost-cpu": "3.0.5", "numpy": "2.3.1; evil"},
}
OWN = GOOD | {"model/customize_service.py": CODE}
WEIGHTS = {"model/model.ubj": hostile.ubjson()}
TRAINED = WEIGHTS | {"model/columns.json": json.dumps(COLUMNS).encode()}


def make_run(job="digits", external_id="a", files=OWN, **values):
    path = put(files, folder=f"{job}/{external_id}")
    values = {"status": "successful", "output_path": path} | values
    body = RunValues(job=job, external_id=external_id, **values)
    return register_run(make_workspace(), body, by=None, source=RunSource.API)


def built_in(files=TRAINED, algorithm="tabular-classification", **values):
    return make_run("flowers", files=files, kind="built-in", algorithm=algorithm, **values)


def params(job="digits", label="V0001"):
    return {"job": job, "run": label}


def preview(job="digits", label="V0001"):
    return preview_source(workspace=make_workspace(), source_kind="training", source=params(job, label))


def submit(job="digits", label="V0001", **values):
    wanted = request_for(source_kind="training", **values).as_dict() | {"source": params(job, label)}
    request = type(request_for()).from_dict(wanted)
    return submit_import(request, workspace=make_workspace(), by=None)


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


# The form.


@pytest.fixture
def as_developer(client, developer):
    client.force_login(developer)
    return client


def options(text, name):
    select = re.search(rf'<select name="{name}".*?</select>', text, re.DOTALL)[0]
    return re.findall(r'<option value="([^"]*)"( selected)?', select)


def test_form_offers_successful_runs_and_takes_the_newest(as_developer):
    make_run(external_id="a")
    make_run(external_id="b")
    make_run(external_id="c", status="failed")
    make_run("exeml", kind="exeml", project="flowers")
    make_run("unfinished", status="running")

    text = as_developer.get("/imports/new/?source=training").content.decode()

    assert options(text, "job") == [("", ""), ("digits", " selected")]
    assert options(text, "run") == [("", ""), ("V0002", " selected"), ("V0001", "")]
    assert 'class="status good">Importable' in text
    assert 'value="obs://packages/digits/b/model/customize_service.py" readonly' in text


def test_create_model_opens_the_form_with_the_run_chosen(as_developer):
    make_run("first")
    make_run(external_id="a")
    make_run(external_id="b")

    text = as_developer.get("/imports/new/?source=training&job=digits&run=V0001").content.decode()

    assert ("digits", " selected") in options(text, "job")
    assert options(text, "run") == [("", ""), ("V0002", ""), ("V0001", " selected")]


@pytest.mark.parametrize(
    ("job", "taken", "proposed"),
    [
        ("digits", "", ("digits", "0.0.1")),
        ("digits", "digits", ("digits", "0.0.2")),
        ("2nd.wine", "", ("model-2nd-wine", "0.0.1")),
        ("流失/v2", "", ("流失-v2", "0.0.1")),
    ],
)
def test_create_model_proposes_the_name_of_the_job(as_developer, job, taken, proposed):
    make_run(job)
    if taken:
        make_version(taken)

    text = as_developer.get("/imports/new/", {"source": "training", "job": job, "run": "V0001"}).content.decode()

    assert tuple(re.search(rf'name="{name}" value="([^"]*)"', text)[1] for name in ("name", "version")) == proposed


def test_new_version_of_a_model_says_which_run_it_begins_with(as_developer):
    make_run()
    model = make_version("digits").model

    texts = [as_developer.get(f"/imports/new/?source=training{more}") for more in ("", f"&model={model.uuid}")]

    said = "Begins with the newest successful run of the job."
    assert [said in text.content.decode() for text in texts] == [False, True]


def test_another_job_brings_its_own_versions(as_developer):
    make_run("first", external_id="x")
    make_run(external_id="a")

    answer = as_developer.post("/imports/source/", typed(source="training", job="first"), headers=HTMX)

    assert options(answer.content.decode(), "run") == [("", ""), ("V0001", " selected")]
    assert "/packages/first/x/" in answer.content.decode()


def test_form_imports_the_chosen_run(as_developer):
    make_run()

    answer = as_developer.post("/imports/new/", typed(source="training", job="digits", run="V0001"))

    assert answer.status_code == 302
    version = make_workspace().models.get().versions.get()
    assert (version.source_kind, version.source_path) == ("training", "/packages/digits/a/")


@pytest.mark.parametrize(("job", "label"), [("digits", ""), ("", ""), ("digits", "V0009"), ("\0", "V0001")])
def test_form_without_a_run_says_so_at_its_field(as_developer, job, label):
    make_run()

    answer = as_developer.post("/imports/new/", typed(source="training", job=job, run=label))

    assert answer.status_code == 422
    assert 'id="id_run_error"' in answer.content.decode()


NOT_SUCCESSFUL = {
    "en": "V0001 of “digits” was not successful. Only successful runs can be imported; choose another one.",
    "zh-hans": "“digits”的 V0001 没有运行成功。只有运行成功的才能导入，请选择其他运行。",
}


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("others", [0, 1])
def test_form_says_why_nothing_can_be_made_of_the_run_an_address_asks_for(as_developer, language, others):
    make_run(status="failed", output_path="")
    for number in range(others):
        make_run("other", external_id=str(number))
    headers = {"Accept-Language": language}

    page = as_developer.get("/imports/new/?source=training&job=digits&run=V0001", headers=headers)
    sent = typed(source="training", job="digits", run="V0001")
    refused = as_developer.post("/imports/new/", sent, headers=headers)

    said = NOT_SUCCESSFUL[language]
    assert [(said in text.content.decode(), options(text.content.decode(), "run")) for text in (page, refused)] == [
        (True, [("", ""), ("V0001", " selected")])
    ] * 2
    assert refused.status_code == 422


def test_form_says_that_a_run_is_gone_since_the_page_was_shown(as_developer):
    make_run()

    answer = as_developer.post("/imports/new/", typed(source="training", job="digits", run="V0002"))

    text = answer.content.decode()
    assert (answer.status_code, "There is no such run here any more. Choose another one." in text) == (422, True)
    assert "There is no run V0002 of a training job “digits” here; it may have been deleted." in text


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "0.0.1 of this model exists. Choose another number: a version is never overwritten."),
        ("zh-hans", "该模型已有版本0.0.1。请更换版本号，已有版本不会被覆盖。"),
    ],
)
@pytest.mark.parametrize("source", ["training", "template"])
def test_version_that_is_taken_is_refused_at_its_field_by_each_source(as_developer, source, language, said):
    make_run()
    make_version("digits")
    chosen = {"job": "digits", "run": "V0001", "template": "own-sklearn", "path": "/packages/digits/a/model/"}

    sent = typed(source=source, description="Kept", **chosen)
    answer = as_developer.post("/imports/new/", sent, headers={"Accept-Language": language})

    text = answer.content.decode()
    assert (answer.status_code, text.count(said)) == (422, 2)
    assert '<a href="#id_version">' in text and "Kept" in text


def test_form_shows_where_the_code_of_a_built_in_algorithm_can_be_read(as_developer):
    built_in()

    text = as_developer.get("/imports/new/?source=training").content.decode()

    assert 'value="/training-jobs/algorithms/tabular-classification/customize_service.py" readonly' in text
    assert re.findall(r"xgboost-cpu", text)


def test_form_without_any_run_leads_to_adding_one(as_developer):
    text = as_developer.get("/imports/new/?source=training").content.decode()

    assert "No training job of this workspace has a successful run" in text
    assert 'href="/training-jobs/new/"' in text


def test_form_speaks_chinese(as_developer):
    make_run()

    page = as_developer.get("/imports/new/?source=training", headers={"Accept-Language": "zh-hans"})

    assert 'for="id_job">训练作业</label>' in page.content.decode()
    assert 'for="id_run">版本</label>' in page.content.decode()


def test_next_version_begins_with_the_job_of_the_latest(as_developer):
    make_run("first")
    make_run()
    job = run(submit())

    text = as_developer.get(f"/imports/new/?model={job.version.model.uuid}").content.decode()

    assert ("digits", " selected") in options(text, "job")

"""The import form with the source training job."""

import re

import pytest

from tests.factories import make_version, make_workspace
from tests.importers.jobs import run
from tests.importers.pages import HTMX, typed
from tests.importers.training import built_in, make_run, submit

pytestmark = [pytest.mark.django_db, pytest.mark.db]


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

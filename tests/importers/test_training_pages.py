"""The pages of training jobs: list, job, form by hand, deleting."""

import re
from datetime import UTC, datetime

import pytest
from django.urls import reverse
from django.utils.timezone import now

from accounts.models import AuditEvent
from importers.models import RunSource, TrainingJob, TrainingRun
from importers.services_training import register_run
from importers.values_training import RunValues
from tests.factories import make_bucket, make_workspace

pytestmark = pytest.mark.db

CHINESE = {"Accept-Language": "zh-hans"}


@pytest.fixture
def as_developer(client, developer):
    make_bucket("packages")
    client.force_login(developer)
    return client


def make_run(job="digits", external_id="r1", workspace=None, **values):
    values = {"status": "successful", "engine": "XGBoost", "output_path": f"/packages/{job}/"} | values
    body = RunValues(job=job, external_id=external_id, **values)
    return register_run(workspace or make_workspace(), body, by=None, source=RunSource.API)


def typed(**changes):
    data = {
        "job": "digits",
        "kind": "framework",
        "algorithm": "",
        "project": "",
        "status": "successful",
        "engine": "XGBoost",
        "output_path": "/packages/digits/V0001/",
        "started_at": "2026-11-01T10:00:00",
        "finished_at": "2026-11-01T10:02:03",
        "metrics": "accuracy = 0.97\nloss = 0.1",
        "parameters": "depth = 3\nname = trees\nshuffle = true",
        "external_id": "run-7",
    }
    return data | changes


def names(page):
    return re.findall(r'class="training-name"[^>]*><bdi>([^<]*)</bdi>', page.content.decode())


def errors(page):
    text = page.content.decode()
    found = re.findall(r'id="(\w+)_error">.*?<span>(.*?)</span>', text, re.DOTALL)
    return {name.removeprefix("id_"): message for name, message in found}


def test_list_is_empty_and_leads_to_the_form_and_the_help(as_developer):
    text = as_developer.get("/training-jobs/").content.decode()

    assert re.findall(r'empty-title">([^<]+)<', text) == ["No training jobs yet"]
    assert text.count('href="/training-jobs/new/"') == 2
    assert 'href="/help/training/">How scripts register runs' in text


def test_list_shows_a_job_with_its_newest_run(as_developer):
    make_run(external_id="a")
    make_run(external_id="b", status="failed", output_path="")

    page = as_developer.get("/training-jobs/")
    text = page.content.decode()

    assert names(page) == ["digits"]
    assert re.findall(r'data-label="Runs">([^<]+)<', text) == ["2"]
    assert re.findall(r'class="status bad">([^<]+)<', text) == ["Failed"]
    assert 'aria-current="page"><svg class="icon"' in text


def test_list_speaks_chinese(as_developer):
    make_run()

    text = as_developer.get("/training-jobs/", headers=CHINESE).content.decode()

    assert re.findall(r"<h1>([^<]+)</h1>", text) == ["训练作业"]
    assert re.findall(r'class="status good">([^<]+)<', text) == ["运行成功"]
    assert re.findall(r'data-label="算法">([^<]+)<', text) == ["常用框架"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=IG", ["digits"]),
        ("status=failed", ["broken"]),
        ("kind=exeml", ["flowers"]),
        ("status=nonsense&sort=evil&after=%FF", ["flowers", "broken", "digits"]),
        ("sort=name", ["broken", "digits", "flowers"]),
        ("q=nothing", []),
    ],
)
def test_list_filters_and_sorts_by_what_the_address_says(as_developer, query, found):
    make_run("digits")
    make_run("broken", status="failed")
    make_run("flowers", kind="exeml", project="flowers")
    make_run("theirs", workspace=make_workspace("elsewhere"))

    assert names(as_developer.get(f"/training-jobs/?{query}")) == found


def test_list_pages_by_the_last_row_seen(as_developer):
    for number in range(27):
        make_run(f"job{number:02}")

    first = as_developer.get("/training-jobs/?sort=name")
    following = re.search(r'rel="next" href="([^"]+)"', first.content.decode())[1].replace("&amp;", "&")

    assert names(as_developer.get(following)) == ["job25", "job26"]


@pytest.mark.parametrize("jobs", [1, 3])
def test_list_asks_the_same_number_of_queries(as_developer, jobs, django_assert_num_queries):
    for number in range(jobs):
        make_run(f"job{number}")

    with django_assert_num_queries(6):
        as_developer.get("/training-jobs/")


@pytest.mark.parametrize("runs", [1, 3])
def test_job_asks_the_same_number_of_queries(as_developer, runs, django_assert_num_queries):
    for number in range(runs):
        run = make_run(external_id=str(number))

    with django_assert_num_queries(8):
        as_developer.get(run.job.get_absolute_url())


def test_job_shows_its_runs_with_what_they_say(as_developer):
    began, ended = datetime(2026, 1, 1, 8, tzinfo=UTC), datetime(2026, 1, 1, 9, 2, 3, tzinfo=UTC)
    run = make_run(
        metrics={"accuracy": 0.97222222, "loss": 0.00001},
        parameters={"depth": 3, "note": "<b>"},
        started_at=began,
        finished_at=ended,
    )

    text = as_developer.get(run.job.get_absolute_url()).content.decode()

    assert re.findall(r"<bdi>(\w+)</bdi> <b>([^<]+)</b>", text) == [("Accuracy", "0.9722"), ("loss", "1.000e-05")]
    assert "<dt><bdi>note</bdi></dt><dd><bdi>&lt;b&gt;</bdi></dd>" in text
    assert re.findall(r'data-label="Duration">([^<]+)<', text) == ["1:02:03"]
    assert 'href="/storage/packages/?prefix=digits%2F"' in text
    assert 'href="/imports/new/?source=training&amp;job=digits&amp;run=V0001"' in text


@pytest.mark.parametrize(
    "values",
    [
        {"status": "failed"},
        {"status": "running"},
        {"output_path": ""},
        {"kind": "exeml", "project": "flowers"},
    ],
)
def test_job_offers_a_model_only_of_what_can_be_imported(as_developer, values):
    run = make_run(**values)

    assert "Create model" not in as_developer.get(run.job.get_absolute_url()).content.decode()


def test_job_of_another_workspace_is_not_found(as_developer):
    run = make_run(workspace=make_workspace("elsewhere"))

    addresses = (
        f"/training-jobs/{run.job.uuid}/",
        f"/training-jobs/{run.job.uuid}/delete/",
        f"/training-jobs/runs/{run.uuid}/delete/",
    )
    assert [as_developer.get(address).status_code for address in addresses] == [404, 404, 404]


def test_run_is_entered_by_hand(as_developer):
    answer = as_developer.post("/training-jobs/new/", typed())

    run = TrainingRun.objects.get()
    assert (answer.status_code, answer.url) == (302, f"/training-jobs/{run.job.uuid}/#V0001")
    assert (run.job.name, run.external_id, run.source, run.created_by_name) == ("digits", "run-7", "form", "dev")
    assert run.metrics == {"accuracy": 0.97, "loss": 0.1}
    assert run.parameters == {"depth": 3, "name": "trees", "shuffle": True}
    assert run.duration.total_seconds() == 123


def test_run_entered_by_hand_gets_an_external_id(as_developer):
    as_developer.post("/training-jobs/new/", typed(external_id=""))

    assert TrainingRun.objects.get().external_id.startswith("form-")


def test_what_belongs_to_another_kind_is_not_meant(as_developer):
    as_developer.post("/training-jobs/new/", typed(algorithm="tabular-regression", project="flowers"))

    assert TrainingRun.objects.values_list("algorithm", "project").get() == ("", "")


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"job": ""}, "job", "This field is required."),
        ({"metrics": "accuracy"}, "metrics", "Line 1: write “name = value” instead of “accuracy”."),
        ({"metrics": "a = 1\nb = x"}, "metrics", "Line 2: what follows “=” in “b = x” is no number."),
        ({"metrics": "a = nan"}, "metrics", "Line 1: what follows “=” in “a = nan” is no number."),
        ({"parameters": "a = 1\na = 2"}, "parameters", "Line 2: “a” stands there twice."),
        ({"kind": "built-in"}, "algorithm", "This field is required."),
        ({"kind": "exeml"}, "project", "This field is required."),
        ({"output_path": "digits"}, "output_path", None),
        (
            {"output_path": "/pakages/digits/"},
            "output_path",
            "There is no bucket “pakages” in this workspace. Check the name or choose a bucket from the list.",
        ),
        ({"finished_at": "2026-10-01T10:00"}, "finished_at", "A run cannot finish before it started."),
    ],
)
def test_form_says_what_is_wrong_and_keeps_what_was_typed(as_developer, change, field, words):
    answer = as_developer.post("/training-jobs/new/", typed(**change))

    found = errors(answer)
    assert (answer.status_code, list(found)) == (422, [field])
    assert words is None or found[field] == words
    assert 'value="run-7"' in answer.content.decode()
    assert TrainingRun.objects.count() == 0


def test_form_says_which_field_contradicts_what_was_said(as_developer):
    as_developer.post("/training-jobs/new/", typed())

    answer = as_developer.post("/training-jobs/new/", typed(engine="PyTorch"))

    assert answer.status_code == 422
    assert errors(answer)["engine"].startswith("“engine” was said before and is different now.")


def test_run_that_goes_on_is_updated_by_a_form_filled_with_it(as_developer):
    run = make_run(status="running", metrics={"loss": 0.5}, parameters={"depth": 3})

    text = as_developer.get(f"/training-jobs/new/?run={run.uuid}").content.decode()
    said = {"status": "successful", "job": "another", "metrics": "loss = 0.1"}  # only the status is asked for
    answer = as_developer.post(f"/training-jobs/new/?run={run.uuid}", said, follow=True)

    assert re.findall(r"<h1[^>]*>(.*?)</h1>", text) == ["Update V0001"]
    assert 'name="external_id" value="r1"' in text
    assert "loss = 0.5</textarea>" in text
    assert [str(message) for message in answer.context["messages"]] == ["Run digits V0001 was updated."]
    run.refresh_from_db()
    assert (run.status, run.metrics) == ("successful", {"loss": 0.5})


def test_run_whose_output_was_never_said_says_so_and_is_completed_by_the_form(as_developer):
    began = datetime(2026, 1, 1, 8, 0, 0, 123456, tzinfo=UTC)
    run = make_run(output_path="", started_at=began, parameters={"depth": {"most": 3}})
    address = f"/training-jobs/new/?run={run.uuid}"

    before = as_developer.get(run.job.get_absolute_url()).content.decode()
    answer = as_developer.post(address, {"output_path": "/packages/digits/"})
    after = as_developer.get(run.job.get_absolute_url()).content.decode()

    assert answer.status_code == 302
    shown = [
        (f'href="{address}"' in text, "No model can be made of it" in text, "Create model" in text)
        for text in (before, after)
    ]
    assert shown == [(True, True, False), (False, False, True)]
    assert TrainingRun.objects.get().started_at == began


@pytest.mark.parametrize(("headers", "word"), [({}, "registered"), (CHINESE, "登记于")])
def test_run_without_times_shows_when_it_was_registered_and_its_external_id(as_developer, headers, word):
    run = make_run()

    text = as_developer.get(run.job.get_absolute_url(), headers=headers).content.decode()

    assert re.findall(r'class="time" data-label="[^"]*"><span class="muted">([^<]*)</span> <time', text) == [word]
    assert re.findall(r'class="run-external mono"[^>]*>([^<]*)<', text) == ["r1"]


def test_viewer_may_look_but_not_add_or_delete(client, viewer):
    run = make_run()
    client.force_login(viewer)

    assert "Add a run" not in client.get("/training-jobs/").content.decode()
    addresses = ("/training-jobs/new/", f"/training-jobs/{run.job.uuid}/delete/")
    assert [client.get(address).status_code for address in addresses] == [403, 403]


def test_run_is_deleted_and_its_number_is_not_given_again(client, admin):
    make_run(external_id="a")
    run = make_run(external_id="b")
    client.force_login(admin)
    address = f"/training-jobs/runs/{run.uuid}/delete/"

    assert "Run V0002 of" in client.get(address, headers={"HX-Request": "true"}).content.decode()
    answer = client.post(address)
    third = make_run(external_id="c")

    assert (answer.status_code, answer.url) == (302, run.job.get_absolute_url())
    assert third.label == "V0003"
    assert TrainingJob.objects.get().run_count == 2
    assert AuditEvent.objects.get(code="training.run_deleted").params["version"] == "V0002"


def test_job_is_deleted_with_its_runs(client, admin):
    run = make_run()
    client.force_login(admin)

    answer = client.post(f"/training-jobs/{run.job.uuid}/delete/", headers={"HX-Request": "true"})

    assert answer.headers["HX-Redirect"] == "/training-jobs/"
    assert (TrainingJob.objects.count(), TrainingRun.objects.count()) == (0, 0)


def test_scripts_of_built_in_algorithms_can_be_kept(as_developer):
    answer = as_developer.get("/training-jobs/algorithms/tabular-regression/train.py")

    assert answer.headers["Content-Disposition"] == 'attachment; filename="train.py"'
    assert answer.content.startswith(b'"""Trains boosted trees that estimate a number')
    wrong = ("tabular-regression/config.json", "nothing/train.py")
    assert [as_developer.get(f"/training-jobs/algorithms/{name}").status_code for name in wrong] == [404, 404]


@pytest.mark.parametrize(
    ("language", "mark", "warning"),
    [
        ("en", "Deleted in MLflow", "What came from MLflow does not come back with the next synchronisation."),
        ("zh-hans", "已在 MLflow 中删除", "来自 MLflow 的运行在下次同步时不会再次出现。"),
    ],
)
def test_run_that_was_deleted_in_mlflow_is_marked_and_not_offered(client, admin, language, mark, warning):
    run = make_run()
    make_run(external_id="r2")
    TrainingRun.objects.filter(pk=run.pk).update(source=RunSource.MLFLOW, gone_at=now())
    client.force_login(admin)
    headers = {"Accept-Language": language}

    page = client.get(run.job.get_absolute_url(), headers=headers).content.decode()
    asked = [
        client.get(reverse(f"importers:training-{name}-delete", args=[code]), headers=headers).content.decode()
        for name, code in (("run", run.uuid), ("job", run.job.uuid))
    ]

    assert (page.count(mark), page.count("source=training")) == (1, 1)
    assert [warning in text for text in asked] == [True, True]

"""`POST /api/training-runs`: tokens, bodies, and what is answered."""

import html
import json
from pathlib import Path

import pytest

from accounts.models import AuditEvent
from accounts.roles import Role
from accounts.services_tokens import make_token
from importers.models import ImportJob, TrainingRun
from registry.models import ModelVersion, Status
from registry.queries import may_download
from tests.factories import make_bucket, make_workspace

pytestmark = pytest.mark.db

ADDRESS = "/api/training-runs"
BODY = {
    "job": "churn",
    "external_id": "a",
    "status": "successful",
    "kind": "framework",
    "engine": "XGBoost",
    "output_path": "/training/churn/a/",
    "metrics": {"accuracy": 0.94},
    "parameters": {"max_depth": 3},
}
EXEML = BODY | {"kind": "exeml", "project": "流失 预测!", "output_path": "/training/exeml/"}


@pytest.fixture
def send(client, developer):
    """`send(body, …)` as a script does, by a token that may import."""
    _, secret = make_token(make_workspace(), name="script", role=Role.DEVELOPER, expires_at=None, by=developer)

    def post(body, secret=secret, **headers):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {secret}"} | headers if secret else headers
        return client.post(ADDRESS, content, content_type="application/json", headers=headers)

    return post


def test_script_registers_a_run_once(send):
    make_bucket("training")

    first, again = send(BODY), send(BODY)

    run = TrainingRun.objects.get()
    said = {"id": str(run.uuid), "job": "churn", "run": "V0001", "status": "successful", "warnings": {}}
    url = f"http://testserver/training-jobs/{run.job.uuid}/#V0001"
    assert (first.status_code, first.json()) == (201, said | {"outcome": "created", "url": url})
    assert (again.status_code, again.json()) == (200, said | {"outcome": "unchanged", "url": url})
    assert (run.source, run.created_by_name, run.metrics) == ("api", "dev", {"accuracy": 0.94})


def test_script_reports_a_run_that_goes_on(send):
    begun = send({"job": "churn", "external_id": "a", "status": "running", "started_at": "2026-11-28T14:00:00+08:00"})
    ended = send(BODY | {"finished_at": "2026-11-28T06:10:00Z"})

    assert (begun.status_code, ended.status_code, ended.json()["outcome"]) == (201, 200, "advanced")
    assert TrainingRun.objects.get().duration.total_seconds() == 600


def test_output_in_a_bucket_that_is_not_there_is_registered_with_a_warning(send):
    answer = send(BODY)

    said = "There is no bucket “training” in this workspace. Check the name or choose a bucket from the list."
    assert (answer.status_code, answer.json()["warnings"]) == (201, {"output_path": [said]})


def test_output_path_that_was_forgotten_is_sent_afterwards(send):
    send(BODY | {"output_path": None})

    assert send(BODY).json()["outcome"] == "advanced"
    assert TrainingRun.objects.get().output_path == "/training/churn/a/"


def test_contradiction_is_answered_with_its_field(send):
    send(BODY)

    answer = send(BODY | {"metrics": {"accuracy": 0.5}})

    assert answer.status_code == 409
    assert list(answer.json()["errors"]) == ["metrics"]
    assert answer.json()["error_code"] == "ModelArts.3002"
    assert TrainingRun.objects.get().metrics == {"accuracy": 0.94}


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"job": None}, ["job"]),
        ({"external_id": 7}, ["external_id"]),
        ({"status": "done"}, ["status"]),
        ({"status": None}, ["status"]),
        ({"nonsense": 1, "metrics": [1]}, ["metrics", "nonsense"]),
        (
            {"nonsense": 1, "started_at": "soon", "status": None, "job": "", "engine": "x" * 40},
            ["engine", "job", "nonsense", "started_at", "status"],
        ),
        ({"metrics": {"accuracy": "good"}}, ["metrics"]),
        ({"deployed": "yes"}, ["deployed"]),
        ({"started_at": "yesterday"}, ["started_at"]),
        ({"started_at": "2026-13-40T00:00:00Z"}, ["started_at"]),
        ({"output_path": "C:/x"}, ["output_path"]),
        ({"kind": "built-in", "algorithm": "magic"}, ["algorithm"]),
        ({"external_url": "javascript:alert(1)"}, ["external_url"]),
        ({"parameters": {"a": "\0"}}, ["parameters"]),
        ({"engine": "x" * 40}, ["engine"]),
        ({"job": "\ud800"}, ["job"]),
        ({"metrics": {"accuracy": 10**400}}, ["metrics"]),
        ({"parameters": {"a": json.loads("[" * 400 + "]" * 400)}}, ["parameters"]),
        ({"started_at": "0001-01-01T00:00:00+08:00"}, ["started_at"]),
        ({"finished_at": "9999-12-31T23:59:59Z"}, ["finished_at"]),
    ],
)
def test_bad_body_is_refused_field_by_field(send, change, fields):
    answer = send(BODY | change)

    assert (answer.status_code, sorted(answer.json()["errors"])) == (400, fields)
    assert all(answer.json()["errors"].values())
    assert TrainingRun.objects.count() == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"job": NaN}', b"[" * 100_000])
def test_body_that_is_no_object_is_refused(send, body):
    answer = send(body)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["body"])


def test_body_that_is_too_large_is_refused(send):
    answer = send(b" " * (1024 * 1024 + 1))

    assert (answer.status_code, answer.json()["errors"]) == (400, {"body": ["At most 1 MB."]})


def test_refusal_speaks_chinese(send):
    answer = send({}, **{"Accept-Language": "zh-hans"})

    said = ["这个字段是必填项。"]
    assert answer.json()["errors"] == {"job": said, "external_id": said, "status": said}


def test_nothing_is_registered_without_a_token(send, client, developer):
    nobody = send(BODY, secret="")
    wrong = send(BODY, secret="mp_nonsense")
    client.force_login(developer)
    session = send(BODY, secret="")

    assert [answer.status_code for answer in (nobody, wrong, session)] == [401, 401, 401]
    assert TrainingRun.objects.count() == 0


def test_token_of_a_viewer_may_not_register(send, developer):
    _, secret = make_token(make_workspace(), name="reader", role=Role.VIEWER, expires_at=None, by=developer)

    assert send(BODY, secret=secret).status_code == 403


def test_run_is_only_ever_posted(client):
    answer = client.get(ADDRESS)

    assert (answer.status_code, answer.headers["Allow"], list(answer.json())) == (
        405,
        "POST",
        ["error_code", "error_msg"],
    )


def test_deployed_exeml_run_is_imported_once_and_never_given_out(send):
    told = send(EXEML)
    deployed = [send(EXEML | {"deployed": True}), send(EXEML | {"deployed": True})]

    assert (told.status_code, [answer.json()["outcome"] for answer in deployed]) == (201, ["advanced", "unchanged"])
    job = ImportJob.objects.get()
    version = ModelVersion.objects.get()
    assert job.training_run == TrainingRun.objects.get()
    assert version.model.name.startswith("流失-预测-")
    assert (version.number, version.status, version.model_source) == ("0.0.1", Status.IMPORTING, "auto")
    assert may_download(version) is False
    assert AuditEvent.objects.filter(code="training.advanced").count() == 1


def test_exeml_run_that_is_new_and_deployed_is_imported(send):
    assert send(EXEML | {"deployed": True, "project": "1st"}).status_code == 201
    assert ModelVersion.objects.get().model.name.startswith("exeml-1st-")


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"kind": "framework", "project": ""}, 400, "deployed"),
        ({"status": "running"}, 400, "deployed"),
        ({"output_path": None}, 400, "output_path"),
    ],
)
def test_deployed_is_refused_where_nothing_can_be_imported(send, change, status, field):
    answer = send(EXEML | {"deployed": True} | change)

    assert (answer.status_code, list(answer.json()["errors"])) == (status, [field])
    assert ModelVersion.objects.count() == 0


def test_readme_lines_are_those_of_the_help(client, developer):
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    client.force_login(developer)

    page = html.unescape(client.get("/help/training/").content.decode())

    lines = readme.partition("```\nimport json")[2].partition("\n```")[0].splitlines()[1:]
    assert len(lines) == 8
    assert [line for line in lines if line.replace("localhost:8000", "testserver") not in page] == []

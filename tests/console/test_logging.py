"""What the log says: one record each, with its ids, and never a secret."""

import json
import logging
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from celery import current_app
from django.urls import path, reverse

from console import logs, urls
from console.celery import SUBJECTS
from importers import pipeline
from importers.heartbeat import Heartbeat
from importers.models import ImportJob
from importers.services import RUN_IMPORT
from tests.factories import make_member, make_version

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def written():
    """What a logger writes, in a form: `written("json")("event", extra={…})`."""

    def with_form(form, *, name="console.example"):
        configured = logs.logging_config(form, "INFO")
        handler = logging.StreamHandler(StringIO())
        handler.setFormatter(configured["formatters"][form]["()"]())
        handler.addFilter(logs.Context())
        logger = logging.Logger(name)
        logger.addHandler(handler)

        def write(event, *args, level=logging.WARNING, **options):
            logger.log(level, event, *args, **options)
            text = handler.stream.getvalue()
            return json.loads(text) if form == "json" else text

        return write

    return with_form


@pytest.fixture
def records():
    """The records of the requests' logger, formatted as JSON."""
    handler = logging.StreamHandler(StringIO())
    handler.setFormatter(logs.JsonLines())
    handler.addFilter(logs.Context())
    loggers = [logging.getLogger(name) for name in ("console.requests", "django.request", "console.views")]
    for logger in loggers:
        logger.addHandler(handler)
    loggers[0].setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in handler.stream.getvalue().splitlines()]
    loggers[0].setLevel(logging.NOTSET)
    for logger in loggers:
        logger.removeHandler(handler)


def broken(request):
    raise ZeroDivisionError("on purpose")


class WithBrokenPage:
    urlpatterns = [path("broken/", broken), *urls.urlpatterns]
    handler500 = urls.handler500


def test_json_record_is_one_object_with_its_ids(written):
    record = written("json")("import left", extra={"job": 7})

    assert record.pop("time").startswith("20")
    assert record.pop("process") > 0
    assert record == {"level": "WARNING", "logger": "console.example", "event": "import left", "job": 7}


def test_line_says_the_ids_behind_the_event(written):
    text = written("line")("import left", extra={"job": 7, "path": "a b"})

    assert text.partition(" WARNING ")[2] == 'console.example import left job=7 path="a b"\n'


def test_line_stays_one_line_whatever_is_written(written):
    text = written("line")("no page at %s", "/x\n2026-01-01 ERROR forged", extra={"path": "/x\r\nforged"})

    assert text.count("\n") == 1
    assert text.endswith('no page at /x\\n2026-01-01 ERROR forged path="/x\\r\\nforged"\n')


def test_traceback_is_written_in_both_forms(written):
    try:
        broken(None)
    except ZeroDivisionError:
        line = written("line")("import bug", exc_info=True)
        record = written("json")("import bug", exc_info=True)

    assert line.splitlines()[-1] == "ZeroDivisionError: on purpose"
    assert record["traceback"].splitlines()[-1] == "ZeroDivisionError: on purpose"


@pytest.mark.parametrize("form", logs.FORMATS)
@pytest.mark.parametrize(
    "text",
    [
        "GET /key?X-Amz-Credential=hidden%2F2026&X-Amz-Signature=hidden&X-Amz-Expires=60",
        "GET https://store/key?AWSAccessKeyId=hidden&Signature=hidden",
        "POST csrfmiddlewaretoken=hidden&name=x",
        "headers {'Cookie': 'csrftoken=hidden; sessionid=hidden', 'X-CSRFToken': 'hidden'}",
        '{"secret_key": "hidden", "session_token": "hidden"}',
        "S3Place(secret_key='hidden')",
        "cannot connect to postgres://modelport:hidden@db.example.org/modelport",
        "cannot connect to redis://:hidden@cache.example.org/0",
        "cannot connect to postgres://modelport:a@hidden@db.example.org/modelport",
        "MODELPORT_ARTIFACTS_SECRET_KEY=hidden MODELPORT_ENCRYPTION_KEYS=hidden PGPASSWORD=hidden",
        "aws_secret_access_key = hidden",
        "headers {'Authorization': 'Bearer hidden'}",
    ],
)
def test_secret_that_a_library_wrote_is_cut(written, form, text):
    record = json.dumps(written(form)("failed: %s", text, extra={"also": text}))

    assert "hidden" not in record
    assert record.count("***") >= 2


@pytest.mark.parametrize("secret", [12345, None, {"value": 12345}, [12345, "x"]])
def test_json_stays_whole_whatever_stands_under_the_name_of_a_secret(written, secret):
    record = written("json")("failed", extra={"db_password": secret, "place": [{"secret_key": secret}]})

    assert (record["db_password"], record["place"]) == ("***", [{"secret_key": "***"}])


@pytest.mark.django_db
def test_request_is_one_record_without_its_query(client, records):
    member = make_member("ann")
    client.force_login(member)

    answer = client.get("/help/?token=hidden", REMOTE_ADDR="203.0.113.7")

    (record,) = records()
    assert record.pop("ms") >= 0
    assert {name: record[name] for name in ("event", "level", "method", "path", "status", "client", "request_id")} == {
        "event": "request answered",
        "level": "INFO",
        "method": "GET",
        "path": "/help/",
        "status": 200,
        "client": "203.0.113.7",
        "request_id": answer["X-Request-ID"],
    }
    assert (record["user"], record["workspace"]) == (member.pk, member.memberships.get().workspace_id)
    assert "hidden" not in json.dumps(record)


@pytest.mark.django_db
def test_request_of_a_stranger_names_nobody(client, records):
    client.get(reverse("accounts:login"))

    (record,) = records()
    assert (record["user"], record["workspace"]) == (None, None)


@pytest.mark.django_db
def test_error_page_shows_the_id_that_stands_beside_the_traceback(client, settings, records):
    settings.ROOT_URLCONF = WithBrokenPage
    client.raise_request_exception = False
    client.force_login(make_member())

    answer = client.get("/broken/?token=hidden")

    shown = re.search(r"<code[^>]*>(\w{32})</code>", answer.content.decode())[1]
    assert (answer.status_code, shown) == (500, answer["X-Request-ID"])
    assert [(each["event"], each["request_id"]) for each in records()] == [
        ("error page shown", shown),
        ("Internal Server Error: /broken/", shown),
        ("request answered", shown),
    ]
    assert "ZeroDivisionError: on purpose" in records()[1]["traceback"]
    assert "hidden" not in json.dumps(records())


@pytest.mark.django_db
def test_task_names_itself_and_its_job_also_in_its_threads(monkeypatch):
    current_app.loader.import_default_modules()
    version = make_version()
    job = ImportJob.objects.create(workspace=version.model.workspace, version=version, version_uuid=version.uuid)
    seen = []

    def look(*_arguments):
        record = logging.makeLogRecord({})
        logs.Context().filter(record)
        seen.append({name: record.__dict__.get(name) for name in ("task", "task_id", "job")})

    monkeypatch.setattr(pipeline, "run", lambda job: Heartbeat(job).during(look) or look())
    current_app.tasks[RUN_IMPORT].apply(args=[job.pk], task_id="t-1")
    look()

    assert seen == [
        {"task": RUN_IMPORT, "task_id": "t-1", "job": job.pk},
        {"task": RUN_IMPORT, "task_id": "t-1", "job": job.pk},
        {"task": None, "task_id": None, "job": None},
    ]


def test_libraries_stay_quiet_at_every_level():
    loud = logs.logging_config("line", "DEBUG")["loggers"]
    silent = logs.logging_config("line", "CRITICAL")["loggers"]

    assert loud["botocore"] == loud["urllib3"] == {"level": "WARNING"}
    assert silent["botocore"] == silent["urllib3"] == {"level": "CRITICAL"}


def test_web_server_writes_the_same_form(tmp_path):
    code = (
        "import gunicorn.app.wsgiapp as w, sys; sys.argv=['gunicorn','-c','console/gunicorn.conf.py'];"
        "app=w.WSGIApplication(); log=app.cfg.logger_class(app.cfg); log.error('constant event');"
        "print([n for n in sys.modules if n.split('.')[0]=='console'])"
    )
    environment = {"MODELPORT_LOG_FORMAT": "json", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)

    record = json.loads(done.stderr)
    assert (record["logger"], record["level"], record["event"]) == ("gunicorn.error", "ERROR", "constant event")
    assert done.stdout == "[]\n"  # so that a reload takes new code


def test_every_task_that_is_named_by_a_row_exists():
    current_app.loader.import_default_modules()

    assert set(SUBJECTS) <= set(current_app.tasks)


@pytest.mark.parametrize(
    ("level", "name", "written"),
    [
        (logging.INFO, "importers.sweep_imports", False),
        (logging.WARNING, "importers.sweep_imports", True),
        (logging.INFO, "importers.run_import", True),
    ],
)
def test_sweeps_that_end_well_are_not_written(level, name, written):
    record = logging.LogRecord("celery.app.trace", level, __file__, 1, "Task ended", None, None)
    record.data = {"name": name}

    assert logs.Routine().filter(record) == written

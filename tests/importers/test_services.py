import json
import time
from decimal import Decimal
from importlib import import_module

import pytest
from celery import current_app

from importers.models import ImportJob, State
from importers.queries import jobs_for, latest_jobs
from importers.request import ImportRequest
from importers.services import RUN_IMPORT, cancel_import, preview_source, retry_import, submit_import
from importers.sources.bucket import BucketFolder
from registry.findings import has_errors
from registry.models import ModelVersion, RegisteredModel, Status
from registry.services import SpecValues, VersionDetails, VersionTaken
from registry.versions import Version
from stores.errors import SourceRefused, SourceUnavailable
from tests.factories import make_member, make_user, make_version, make_workspace
from tests.importers.jobs import CONFIG, GOOD, put, request_for, run, submit, timeline

pytestmark = [pytest.mark.django_db, pytest.mark.db]
FULL = ImportRequest(
    name="digits",
    number=Version(1, 2, 3),
    details=VersionDetails(
        description="d",
        labels=("a", "b"),
        documents=(("read", "https://example.org/"),),
        deployment_types=("batch",),
        spec=SpecValues(cpu=Decimal("0.25"), memory=512, gpu=Decimal("1.50"), ascend=Decimal(0)),
    ),
    source={"path": "/packages/digits/"},
    engine="Scikit_Learn",
    config_text="{}",
    config_origin="repaired",
    proof_wanted=False,
)


@pytest.fixture
def bells(monkeypatch):
    """The tasks that were rung."""
    rung = []
    monkeypatch.setattr(current_app, "send_task", lambda name, arguments, **options: rung.append((name, *arguments)))
    return rung


@pytest.mark.parametrize("request_", [FULL, request_for()])
def test_request_survives_being_stored(request_):
    assert ImportRequest.from_dict(json.loads(json.dumps(request_.as_dict()))) == request_


def test_submit_reserves_the_version_and_rings_after_commit(bells, django_capture_on_commit_callbacks):
    person = make_member("ann")
    with django_capture_on_commit_callbacks(execute=True):
        job = submit_import(FULL, workspace=make_workspace(), by=person)
        assert bells == []

    assert bells == [(RUN_IMPORT, job.pk)]
    version = ModelVersion.objects.get()
    assert (version.status, version.source_path, version.proof_wanted) == (
        Status.IMPORTING,
        "/packages/digits/",
        False,
    )
    assert (job.state, job.version, job.version_uuid, job.created_by_name) == (
        State.QUEUED,
        version,
        version.uuid,
        "ann",
    )
    assert ImportRequest.from_dict(job.request) == FULL


@pytest.mark.parametrize("path", ["obs://packages/digits", "s3://packages/digits/", "/packages/digits"])
def test_submit_shows_every_spelling_of_a_path_the_same(path):
    assert submit(path).source_path == "/packages/digits/"


@pytest.mark.parametrize(
    "path", ["", "packages/digits", "/packages/a b/", "/packages/../x/", "/packages/" + "x" * 5000]
)
def test_submit_refuses_what_is_no_path_and_takes_no_name(path):
    with pytest.raises(SourceRefused):
        submit(path)

    assert not ModelVersion.objects.exists()


def test_submit_of_a_taken_name_and_version_passes_the_refusal_on():
    submit()

    with pytest.raises(VersionTaken) as taken:
        submit()

    assert not taken.value.replaceable
    assert ImportJob.objects.count() == 1


def test_submit_replaces_a_failed_version_when_told_to():
    failed = run(submit("/packages/nothing/"))

    job = submit(put(GOOD), replace=True)

    assert run(job).version.status == Status.NORMAL
    failed.refresh_from_db()
    assert (failed.state, failed.version) == (State.FAILED, None)


def test_submit_makes_a_second_version_of_a_model():
    submit()
    submit(number="0.0.2")

    assert RegisteredModel.objects.get().version_count == 2


@pytest.mark.django_db(transaction=True)
def test_submit_does_not_wait_for_a_broker_that_is_down(settings):
    app = current_app._get_current_object()
    before, app.conf.broker_url = app.conf.broker_url, "redis+socket:///nowhere/valkey.sock"
    app.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    app.amqp._producer_pool = None
    import_module("kombu.transport.redis")
    start = time.monotonic()
    try:
        job = submit()
    finally:
        app.conf.broker_url = before
        app.pool.force_close_all()
        app._pool = app.amqp._producer_pool = None

    assert time.monotonic() - start < 3
    assert ImportJob.objects.get(pk=job.pk).state == State.QUEUED


def test_preview_finds_what_the_import_finds():
    path = put(GOOD)

    report = preview_source(workspace=make_workspace(), source_kind="obs", source={"path": path})

    assert report.importable
    assert (report.engine, report.file_count, report.total_bytes) == (
        "Scikit_Learn",
        2,
        sum(map(len, GOOD.values())),
    )


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/packages/nothing/", "source.missing"),
        ("/packages/empty/", "source.empty"),
        ("/elsewhere/digits/", "source.bucket_missing"),
        ("/packages/a b/", "source.space_in_path"),
        ("nonsense", "source.path_malformed"),
        ("/packages/digits/model/config.json", "source.not_a_folder"),
        ("/packages/../../etc/", "source.unsafe_name"),
    ],
)
def test_preview_says_what_the_source_refuses(settings, path, code):
    put(GOOD)
    (settings.BUCKETS_ROOT / "packages" / "empty").mkdir()

    report = preview_source(workspace=make_workspace(), source_kind="obs", source={"path": path})

    assert [finding.code for finding in report.findings] == [code]
    assert has_errors(report.findings)
    assert report.findings[0].message != code


def test_preview_says_when_the_storage_does_not_answer(monkeypatch):
    def silent(self, prefix):
        raise SourceUnavailable("no answer")

    monkeypatch.setattr("stores.drivers.folder.FolderDriver.walk", silent)

    report = preview_source(workspace=make_workspace(), source_kind="obs", source={"path": put(GOOD)})

    assert [finding.code for finding in report.findings] == ["source.unavailable"]


def test_preview_of_a_thousand_files_reads_only_what_it_must(monkeypatch):
    path = put(GOOD | {f"model/data/{number:04}.bin": b"x" * 2000 for number in range(1000)})
    opened = []
    read = BucketFolder.read
    monkeypatch.setattr(BucketFolder, "read", lambda self, path, size: opened.append(path) or read(self, path, size))
    start = time.monotonic()

    report = preview_source(workspace=make_workspace(), source_kind="obs", source={"path": path})

    assert time.monotonic() - start < 2
    assert report.importable
    assert opened == ["model/config.json"]


def test_cancel_of_a_waiting_job_frees_the_name():
    person = make_member("ann")
    job = submit(put(GOOD), by=person)

    assert cancel_import(job, by=person)
    job.refresh_from_db()
    assert (job.state, job.version, timeline(job)) == (
        State.CANCELLED,
        None,
        ["import.submitted", "import.cancelled"],
    )
    assert run(job).state == State.CANCELLED
    assert run(submit(put(GOOD))).state == State.SUCCEEDED


def test_cancel_is_too_late_for_a_normal_version():
    job = run(submit(put(GOOD)))

    assert not cancel_import(job, by=None)
    assert ModelVersion.objects.get().status == Status.NORMAL


def test_cancel_while_building_frees_the_name():
    job = run(submit(put(GOOD)))
    ModelVersion.objects.update(status=Status.BUILDING)

    assert cancel_import(job, by=None)
    job.refresh_from_db()
    assert (job.state, job.version, timeline(job)[-2:]) == (State.CANCELLED, None, ["succeeded", "import.cancelled"])


def test_cancel_keeps_the_models_other_versions():
    make_version("digits")
    job = submit(number="0.0.2")

    cancel_import(job, by=None)

    assert [version.number for version in ModelVersion.objects.all()] == ["0.0.1"]


def test_retry_brings_a_failed_import_to_its_end(bells, django_capture_on_commit_callbacks):
    job = run(submit())
    assert job.state == State.FAILED
    put(GOOD)

    with django_capture_on_commit_callbacks(execute=True):
        assert retry_import(job, by=None)

    assert bells == [(RUN_IMPORT, job.pk)]
    job.refresh_from_db()
    assert (job.state, job.version.status, job.findings, job.reason_code) == (
        State.QUEUED,
        Status.IMPORTING,
        [],
        "",
    )
    ended = run(job)
    assert (ended.state, ended.version.status, ended.version.status_code) == (State.SUCCEEDED, Status.NORMAL, "")


def test_retry_leaves_every_other_job_alone():
    waiting = submit(number="0.0.1")
    done = run(submit(put(GOOD), number="0.0.2"))
    replaced = run(submit("/packages/nothing/", number="0.0.3"))
    submit(number="0.0.3", replace=True)
    replaced.refresh_from_db()

    assert [retry_import(job, by=None) for job in (waiting, done, replaced)] == [False, False, False]


def test_retry_changes_nothing_when_the_version_has_not_failed():
    job = run(submit())
    ModelVersion.objects.update(status=Status.NORMAL)
    job.refresh_from_db()

    assert not retry_import(job, by=None)
    job.refresh_from_db()
    assert job.state == State.FAILED


def test_jobs_are_seen_by_members_of_their_workspace_only():
    job = submit()
    member, stranger = make_member("ann"), make_user("eve")

    assert list(jobs_for(member)) == [job]
    assert list(jobs_for(stranger)) == []


def test_latest_jobs_come_in_one_query(django_assert_num_queries):
    job = run(submit("/packages/nothing/"))
    version = job.version
    again = submit(number="0.0.2")

    with django_assert_num_queries(1):
        found = latest_jobs([version.pk, again.version_id])

    assert found == {version.pk: job, again.version_id: again}


def test_edited_configuration_is_previewed_instead_of_the_found_one():
    path = put(GOOD)
    edited = json.dumps(CONFIG | {"model_algorithm": "edited"})

    report = preview_source(workspace=make_workspace(), source_kind="obs", source={"path": path}, config_text=edited)

    assert (report.config.algorithm, report.config_used) == ("edited", edited)

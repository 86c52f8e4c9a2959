import hashlib
import json
import os
import pickle
import threading
from datetime import timedelta

import pytest
from django.conf import settings as project
from django.db import OperationalError
from django.utils.timezone import now

from importers import heartbeat, pipeline, transitions
from importers.models import ImportJob, State
from importers.services import cancel_import
from importers.tasks import run_import
from registry import artifacts
from registry.errors import ArtifactStoreFull
from registry.models import ModelVersion, Status, StoredFile
from registry.services import delete_version
from stores.errors import SourceUnavailable
from tests.factories import make_member
from tests.importers.jobs import CONFIG, GOOD, codes, put, run, submit, timeline

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def stored_files(version):
    return {file.path: artifacts.open_artifact(file.sha256).read() for file in version.files.all()}


def test_import_ends_with_a_normal_version_and_every_byte():
    job = run(submit(put(GOOD)))

    assert (job.state, job.version.status) == (State.SUCCEEDED, Status.NORMAL)
    assert stored_files(job.version) == GOOD
    assert timeline(job) == ["import.submitted", "fetching", "checking", "storing", "succeeded"]


def test_import_counts_the_bytes_that_moved():
    job = run(submit(put(GOOD)))

    size = sum(map(len, GOOD.values()))
    assert (job.files_done, job.files_total, job.bytes_done, job.bytes_total) == (2, 2, size, size)
    assert (job.version.size, job.version.file_count) == (size, 2)


def test_import_keeps_what_was_found_on_the_version():
    job = run(submit(put(GOOD)))
    version = job.version

    assert (version.engine, version.config["model_algorithm"]) == ("Scikit_Learn", "digits")
    assert version.config_found == version.config_used == GOOD["model/config.json"].decode()
    assert codes(version.findings) == codes(job.findings)
    assert version.scan["verdict"] == "review"
    assert sorted(version.scan["tools"]) == ["modelaudit-picklescan", "modelport-check", "modelport-scan"]


def test_import_takes_nothing_from_beside_the_model_folder():
    job = run(submit(put(GOOD | {"notes.txt": b"mine", "data/train.csv": b"1,2"})))

    assert set(stored_files(job.version)) == set(GOOD)


def test_import_of_the_model_folder_itself_takes_its_parent():
    put(GOOD)

    job = run(submit("/packages/digits/model/"))

    assert job.state == State.SUCCEEDED
    assert stored_files(job.version) == GOOD
    assert job.version.source_path == "/packages/digits/model/"
    assert job.version.source_params["package"] == "/packages/digits/"


def test_import_keeps_an_edited_configuration_in_the_package_and_the_found_one_beside_it():
    edited = json.dumps(CONFIG | {"model_algorithm": "edited"})

    job = run(submit(put(GOOD), config_text=edited, config_origin="edited"))

    version = job.version
    assert stored_files(version)["model/config.json"] == edited.encode()
    assert (version.config_used, version.config_found) == (edited, GOOD["model/config.json"].decode())
    assert version.source_params["config_origin"] == "edited"


def test_import_of_a_refused_package_says_every_finding_and_moves_no_byte():
    broken = GOOD | {"model/config.json": json.dumps(CONFIG | {"dependencies": 1, "swr_location": "x"}).encode()}

    job = run(submit(put(broken)))

    assert (job.state, job.reason_code, job.bytes_done) == (State.FAILED, "import.refused", 0)
    assert job.version.status == Status.FAILED
    assert len([f for f in job.findings if f["severity"] == "error"]) >= 2
    assert codes(job.version.findings) == codes(job.findings)


def test_import_of_a_missing_path_says_so():
    put(GOOD)

    job = run(submit("/packages/nothing/"))

    assert (job.state, codes(job.findings)) == (State.FAILED, ["source.missing"])


def test_import_from_another_workspaces_bucket_is_refused():
    put(GOOD)

    job = run(submit("/others/digits/"))

    assert (job.state, codes(job.findings)) == (State.FAILED, ["source.bucket_missing"])


class Attack:
    def __reduce__(self):
        return os.system, ("true",)


def test_import_blocks_a_package_with_attacking_code():
    job = run(submit(put(GOOD | {"model/model.pkl": pickle.dumps(Attack())})))

    assert (job.state, job.version.status) == (State.FAILED, Status.FAILED)
    assert job.version.scan["verdict"] == "blocked"


@pytest.mark.parametrize("change", ["rewritten", "deleted", "grown"])
def test_import_refuses_an_object_that_changes_between_listing_and_reading(monkeypatch, change):
    weights = project.BUCKETS_ROOT / "packages/digits/model/model.pkl"
    fetch = pipeline.fetch

    def interfere(*arguments):
        if change == "deleted":
            weights.unlink()
        else:
            weights.write_bytes(GOOD["model/model.pkl"] * (2 if change == "grown" else 1))
            os.utime(weights, ns=(1, 1))
        return fetch(*arguments)

    monkeypatch.setattr(pipeline, "fetch", interfere)

    job = run(submit(put(GOOD)))

    code = "source.missing" if change == "deleted" else "source.object_changed"
    assert (job.state, codes(job.findings)[-1]) == (State.FAILED, code)


def test_second_delivery_changes_nothing():
    job = submit(put(GOOD))
    first = run(job)
    second = run(job)

    assert timeline(first) == timeline(second)
    assert second.attempts == 1
    assert StoredFile.objects.count() == 2


def test_delivery_of_an_unknown_job_is_harmless():
    run_import(12345)

    assert not ImportJob.objects.exists()


def unavailable(*arguments, **options):
    raise SourceUnavailable("no answer")


def full(*arguments, **options):
    raise ArtifactStoreFull("no space left on device")


@pytest.mark.parametrize(
    ("step", "failing", "waiting", "gave_up"),
    [
        ("examine", unavailable, "source.unavailable", "import.source_gave_up"),
        ("fetch", unavailable, "source.unavailable", "import.source_gave_up"),
        ("fetch", full, "import.store_unavailable", "import.store_gave_up"),
    ],
)
def test_import_waits_for_what_does_not_answer_and_gives_up_at_last(
    monkeypatch, settings, step, failing, waiting, gave_up
):
    settings.IMPORT_RETRY_SECONDS = 0
    monkeypatch.setattr(pipeline, step, failing)
    job = submit(put(GOOD))

    states = [(ended.state, ended.reason_code) for ended in (run(job), run(job), run(job), run(job))]

    assert states == [
        (State.QUEUED, waiting),
        (State.QUEUED, waiting),
        (State.FAILED, gave_up),
        (State.FAILED, gave_up),
    ]
    assert ModelVersion.objects.get().status == Status.FAILED


def test_import_succeeds_when_the_place_answers_again(monkeypatch, settings):
    settings.IMPORT_RETRY_SECONDS = 0
    job = submit(put(GOOD))
    with monkeypatch.context() as broken:
        broken.setattr(pipeline, "fetch", full)
        run(job)

    assert run(job).state == State.SUCCEEDED


def test_bug_is_loud_and_has_a_number_the_user_sees(monkeypatch, caplog):
    monkeypatch.setattr(pipeline, "fetch", lambda *arguments: 1 / 0)

    job = run(submit(put(GOOD)))

    assert (job.state, job.reason_code, job.version.status) == (State.FAILED, "import.bug", Status.FAILED)
    assert [record.args for record in caplog.records if record.exc_info] == [(job.reason_params["id"],)]


def test_broken_database_leaves_the_job_to_the_sweep(monkeypatch):
    def broken(*arguments):
        raise OperationalError("database is gone")

    monkeypatch.setattr(pipeline, "fetch", broken)

    job = run(submit(put(GOOD)))

    assert (job.state, job.version.status) == (State.FETCHING, Status.IMPORTING)


def test_version_that_left_importing_is_never_overwritten(monkeypatch):
    monkeypatch.setattr(pipeline, "hand_over", lambda version, outcome: False)

    job = run(submit(put(GOOD)))

    assert (job.state, job.reason_code) == (State.FAILED, "import.bug")


def cancelling(original):
    """The same step, in front of which somebody cancels the job."""

    def cancelled(*arguments):
        cancel_import(ImportJob.objects.get(), by=None)
        return original(*arguments)

    return cancelled


@pytest.mark.parametrize(
    ("owner", "step"), [(pipeline, "fetch"), (heartbeat.Heartbeat, "finish"), (heartbeat.Heartbeat, "during")]
)
def test_worker_leaves_a_job_that_is_cancelled_meanwhile(monkeypatch, settings, owner, step):
    settings.IMPORT_HEARTBEAT_SECONDS = 0
    monkeypatch.setattr(owner, step, cancelling(getattr(owner, step)))

    job = run(submit(put(GOOD)))

    assert (job.state, job.version, timeline(job)[-1]) == (State.CANCELLED, None, "import.cancelled")
    assert not ModelVersion.objects.exists()


def test_worker_leaves_a_job_whose_version_is_deleted_meanwhile(monkeypatch, settings):
    settings.IMPORT_HEARTBEAT_SECONDS = 0
    person = make_member("ann", "admin")
    fetch = pipeline.fetch

    def deleted(*arguments):
        delete_version(ModelVersion.objects.get(), by=person)
        return fetch(*arguments)

    monkeypatch.setattr(pipeline, "fetch", deleted)

    job = run(submit(put(GOOD)))

    assert (job.state, job.version) == (State.FETCHING, None)
    assert not StoredFile.objects.exists()


def test_worker_that_was_replaced_leaves_the_result_to_the_other(monkeypatch):
    fetch = pipeline.fetch
    job = submit(put(GOOD))

    def overtaken(*arguments):
        monkeypatch.setattr(pipeline, "fetch", fetch)
        ImportJob.objects.filter(pk=job.pk).update(lease_until=now() - timedelta(seconds=1))
        run(job)
        return fetch(*arguments)

    monkeypatch.setattr(pipeline, "fetch", overtaken)

    ended = run(job)

    assert (ended.state, ended.attempts) == (State.SUCCEEDED, 2)
    assert timeline(ended)[1:3] == ["fetching", "import.worker_lost"]
    assert timeline(ended).count("succeeded") == 1
    assert StoredFile.objects.count() == 2


def test_heartbeat_renews_the_lease_while_other_work_runs(settings):
    settings.IMPORT_HEARTBEAT_SECONDS = 0.01
    job = submit(put(GOOD))
    transitions.claim(job)
    before = job.lease_until
    seen = threading.Event()

    class Watching(heartbeat.Heartbeat):
        def _write(self, **totals):
            super()._write(**totals)
            seen.set()

    assert Watching(job).during(lambda: seen.wait(5)) is True
    assert ImportJob.objects.get(pk=job.pk).lease_until > before


def test_hostile_text_is_stored_in_a_form_every_database_keeps():
    text = json.dumps(CONFIG | {"model_algorithm": "a\0b\ud800", "odd": float("inf"), "k\0": "\ud800"})

    job = run(submit(put(GOOD), config_text=text))

    assert job.finished
    assert "\\u0000" not in json.dumps([job.findings, job.version.config, job.version.findings])


def test_digests_are_those_of_the_bytes():
    job = run(submit(put(GOOD)))

    kept = {file.path: file.sha256 for file in job.version.files.all()}
    assert kept == {path: hashlib.sha256(content).hexdigest() for path, content in GOOD.items()}

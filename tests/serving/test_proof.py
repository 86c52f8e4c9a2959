"""A proof from its begin to its verdict: what is asked of a model, and what its answer means."""

import json
import threading
from contextlib import contextmanager
from datetime import timedelta
from time import sleep

import pytest
from django.utils import translation
from django.utils.timezone import now

from registry.models import InferenceSpec, ModelVersion, Proof, Status
from serving import proof, tasks
from serving.models import Instance, InstanceState, ProofRecord, ProofState, Purpose, Wanted
from tests.serving.backends import answers, backend
from tests.serving.models_asked import ANSWERS, REFUSES, building, observed, package_with, running, starting, write_log
from tests.serving.proving import SAMPLE, answer_of, begun, ended

pytestmark = pytest.mark.usefixtures("rung")

DIES = """
    def _inference(self, data):
        import os
        os._exit(3)
"""
SLEEPS = """
    def _inference(self, data):
        time.sleep(60)
"""


def test_begin_wants_an_instance_and_holds_the_version(db, tmp_path, settings):
    version = building(package_with(tmp_path, ANSWERS))
    InferenceSpec.objects.create(version=version, cpu="0.50", memory=4096)

    record, instance = begun(version)

    assert (instance.purpose, instance.wanted, instance.host) == (Purpose.PROOF, Wanted.RUNNING, settings.HOST_NAME)
    assert (str(instance.cpu_limit), instance.memory_limit) == ("1.00", 4096)
    assert (record.state, record.decides, record.request["origin"]) == (ProofState.RUNNING, True, "schema")
    assert version.lease_until > now() + timedelta(seconds=settings.PROOF_PATIENCE_SECONDS + instance.load_seconds)


def test_no_specification_gives_a_proof_more_than_the_machine_has(db, settings):
    settings.POOL_CORES, settings.POOL_MEMORY_MIB = 4, 8000
    version = building()
    InferenceSpec.objects.create(version=version, cpu=9999, memory=16 * 1024 * 1024)

    _record, instance = begun(version)

    assert (instance.cpu_limit, instance.memory_limit) == (4, 8000)


def test_begin_needs_the_claim_of_the_build(db):
    version = building()
    ModelVersion.objects.filter(pk=version.pk).update(lease_until=now() + timedelta(hours=1))

    assert proof.begin(version) is False
    assert not Instance.objects.exists()


def test_begin_ends_the_proof_of_an_earlier_build(db):
    version = building()
    record, instance = begun(version)

    assert proof.begin(version) is True

    record.refresh_from_db()
    instance.refresh_from_db()
    assert (record.state, instance.wanted) == (ProofState.CANCELLED, Wanted.STOPPED)
    assert version.proof_records.filter(state=ProofState.RUNNING).count() == 1


def test_a_model_that_answers_its_schema_is_normal_and_answered(db, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    record, instance = begun(building(package))
    write_log(instance, "hello\n")

    with running(instance, package):
        tasks.instance_changed(instance.pk)

    record.refresh_from_db()
    instance.refresh_from_db()
    version = ModelVersion.objects.get()
    assert (version.status, version.proof, version.proof_code) == (Status.NORMAL, Proof.ANSWERED, "")
    assert record.state == ProofState.ANSWERED
    assert answer_of(record) == (200, {"rows": 1})
    assert 0 < record.answer_seconds < 30
    assert (record.start_seconds, record.peak_memory, record.log) == (1.5, 300 * 1024**2, "hello")
    assert record.suggestion == {"cpu": "0.50", "memory": 384}
    assert instance.wanted == Wanted.STOPPED
    assert [event.code for event in version.events.order_by("id")] == [
        "build.started",
        "proof.passed",
        "build.done",
        "import.done",
    ]


def test_run_proof_asks_once_however_often_it_is_told(db, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    record, instance = begun(building(package))

    with running(instance, package) as server:
        first = ended(record).finished_at
        again = ended(record).finished_at

        assert server.health().value["answered"] == 1
    assert (first, record.attempts) == (again, 1)


def test_two_workers_ask_once(transactional_db, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    record, instance = begun(building(package))

    with running(instance, package) as server:
        workers = [threading.Thread(target=_in_thread, args=(record.pk,)) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

        assert server.health().value["answered"] == 1
    assert ProofRecord.objects.get().state == ProofState.ANSWERED


def _in_thread(pk):
    from django.db import connection

    tasks.run_proof(pk)
    connection.close()


def test_a_version_waits_while_its_instance_starts(db):
    record, instance = begun(building())
    observed(instance, InstanceState.STARTING, started_at=now())

    record = ended(record)

    assert (record.state, record.attempts, record.version.status) == (ProofState.RUNNING, 0, Status.BUILDING)


def test_nothing_to_ask_leaves_it_started(db, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    record, instance = begun(building())

    with running(instance, package) as server:
        record = ended(record)

        assert server.health().value["answered"] == 0
    assert (record.state, record.request) == (ProofState.STARTED, {})
    assert (record.version.status, record.version.proof) == (Status.NORMAL, Proof.STARTED)
    assert record.version.proof_code == "proof.nothing_to_ask"


def test_an_error_to_a_request_we_made_up_is_a_warning(db, tmp_path):
    package = package_with(tmp_path, REFUSES)
    record, instance = begun(building(package))

    with running(instance, package) as server:
        tasks.run_proof(record.pk)
        server.await_event("failed")

    record.refresh_from_db()
    record.version.refresh_from_db()
    assert (record.state, record.reason_code) == (ProofState.STARTED, "proof.derived_refused")
    assert answer_of(record)[0] == 500
    assert (record.version.status, record.version.proof) == (Status.NORMAL, Proof.STARTED)
    assert record.version.proof_reason == (
        "It started. A request made up from the declared parameters was answered with status 500: "
        "ValueError: no such digit. That may be the request's fault: attach a sample request to the next import."
    )


def test_words_that_end_with_a_full_stop_get_no_second_one(db, tmp_path, monkeypatch):
    monkeypatch.setattr("serving.proof_outcomes.LOG_SECONDS", 0)
    package = package_with(tmp_path, REFUSES.replace("no such digit", "Give a list as input."))
    record, instance = begun(building(package))

    with running(instance, package):
        record = ended(record)

    assert record.version.proof_reason.endswith(
        "Give a list as input. That may be the request's fault: attach a sample request to the next import."
    )


def test_the_users_own_sample_answered_with_an_error_fails_the_version(db, tmp_path):
    package = package_with(tmp_path, REFUSES)
    record, instance = begun(building(package, sample=SAMPLE))

    with running(instance, package) as server, late_log(server, instance):
        record = ended(record)

    version = record.version
    assert (version.status, version.status_code) == (Status.FAILED, "proof.sample_refused")
    assert (version.status_params["stage"], version.status_params["file"]) == (
        "inference",
        "model/customize_service.py",
    )
    assert version.status_params["line"] > 0
    assert version.reason == (
        "The sample request was answered with status 500: "
        f"model/customize_service.py:{version.status_params['line']}: ValueError: no such digit"
    )
    assert record.state == ProofState.FAILED
    assert "the model looked at it" in record.log
    assert '"trace": ["model/customize_service.py:' in record.log


@contextmanager
def late_log(server, instance):
    """The log as the supervisor carries it: a moment after the answer."""

    def carry():
        server.await_event("failed")
        sleep(0.3)
        write_log(instance, "the model looked at it\n" + "".join(json.dumps(line) + "\n" for line in server.lines))

    carrier = threading.Thread(target=carry)
    carrier.start()
    yield
    carrier.join()


def test_an_error_that_is_not_in_the_log_is_told_from_the_answer(db, monkeypatch):
    monkeypatch.setattr("serving.proof_outcomes.LOG_SECONDS", 0.1)
    record, instance = begun(building(sample=SAMPLE))

    with backend(answers(b'HTTP/1.1 400 No\r\nContent-Length: 24\r\n\r\n{"error_msg": "no rows"}')) as running:
        observed(instance, InstanceState.READY, socket=str(running.path))
        record = ended(record)

    assert record.version.reason == "The sample request was answered with status 400: no rows"


def test_words_of_a_model_that_no_database_keeps_fail_it_all_the_same(db):
    record, instance = begun(building(sample=SAMPLE))
    said = {"message": "a\0\ud800", "stage": {"\0": "\ud800"}, "line": float("inf"), "error": "\ud800"}
    line = json.dumps({"event": "failed", "request": record.uuid.hex, **said})
    write_log(instance, line + "\n")

    with backend(answers(b"HTTP/1.1 500 No\r\nX-A: a\0b\r\nContent-Length: 0\r\n\r\n")) as running:
        observed(instance, InstanceState.READY, socket=str(running.path))
        record = ended(record)

    assert (record.version.status, record.version.status_code) == (Status.FAILED, "proof.sample_refused")
    assert record.version.reason == "The sample request was answered with status 500: ?: a?"
    assert record.version.status_params["line"] is None
    assert record.answer["headers"]["X-A"] == "ab"


def test_the_users_own_sample_is_asked(db, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    record, instance = begun(building(package, sample=SAMPLE))

    with running(instance, package):
        record = ended(record)

    assert answer_of(record) == (200, {"rows": 3})
    assert record.request["origin"] == "user"


def test_a_model_that_dies_of_the_sample_fails(db, tmp_path):
    package = package_with(tmp_path, DIES)
    record, instance = begun(building(package, sample=SAMPLE))

    with running(instance, package):
        record = ended(record)

    assert (record.state, record.version.status_code) == (ProofState.FAILED, "proof.hung_up")


def test_a_model_that_dies_of_a_request_we_made_up_was_started(db, tmp_path):
    package = package_with(tmp_path, DIES)
    record, instance = begun(building(package))

    with running(instance, package):
        record = ended(record)

    assert (record.state, record.version.proof) == (ProofState.STARTED, Proof.STARTED)
    assert record.version.proof_code == "proof.derived_unanswered"


def test_a_model_that_does_not_answer_in_time_fails_its_sample(db, tmp_path, settings):
    settings.PROOF_ANSWER_SECONDS = 0.5
    package = package_with(tmp_path, SLEEPS)
    record, instance = begun(building(package, sample=SAMPLE))

    with running(instance, package):
        record = ended(record)

    assert record.version.reason == "The sample request was not answered within 0.5 seconds."
    assert 0.4 < record.answer_seconds < 5


def test_a_model_that_does_not_load_fails_with_stage_file_and_line(db, tmp_path):
    package = package_with(tmp_path, before="import nothing_of_that_name")
    record, instance = begun(building(package))
    with starting(package) as server:
        exit_code = server.ended()
        line = server.events("failed")[0]
    told = {name: line[name] for name in ("stage", "file", "line", "error", "message")}
    observed(instance, InstanceState.FAILED, exit_code=exit_code, reason_code="instance.failed", reason_params=told)

    record = ended(record)

    version = record.version
    assert (version.status, version.status_code) == (Status.FAILED, "proof.stage.import")
    assert (version.status_params["stage"], version.status_params["line"]) == ("import", line["line"])
    assert version.reason == (
        f"The inference code could not be imported: model/customize_service.py:{line['line']}: "
        "ModuleNotFoundError: No module named 'nothing_of_that_name'"
    )


def test_a_process_that_ends_without_a_word_says_its_exit_code(db):
    record, instance = begun(building())
    observed(instance, InstanceState.FAILED, exit_code=137)

    record = ended(record)

    assert record.version.status_code == "proof.not_started"
    assert record.version.status_params == {"exit_code": 137}


def test_reasons_are_told_in_both_languages(db):
    record, instance = begun(building())
    observed(instance, InstanceState.FAILED, exit_code=137)
    record = ended(record)

    with translation.override("zh-hans"):
        assert record.reason.startswith("模型的进程没有启动")

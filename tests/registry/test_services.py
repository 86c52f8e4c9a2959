import hashlib
import threading
from decimal import Decimal

import pytest
from celery import current_app
from django.core.exceptions import ValidationError
from django.db import connection

from accounts.models import AuditEvent
from registry import artifacts, services
from registry.digests import package_digest
from registry.errors import ArtifactStoreUnavailable
from registry.findings import Finding, Severity
from registry.models import ModelVersion, Proof, RegisteredModel, Status, StoredFile
from registry.services import HandOver, PackageFile, SpecValues, VersionDetails, VersionTaken
from registry.versions import Version
from tests.factories import make_version, make_workspace

pytestmark = pytest.mark.django_db
WARNING = Finding("config.unknown_key", Severity.WARNING, params={"key": "x"})


def reserve(workspace, name="digits", number=(0, 0, 1), by=None, **values):
    given = {
        "details": VersionDetails(),
        "source_kind": "obs",
        "source_path": "/packages/digits/",
        "source_params": {"path": "/packages/digits/"},
    }
    return services.reserve_version(workspace, name=name, number=Version(*number), by=by, **given | values)


def package(*contents):
    stored = [artifacts.ingest([content]) for content in contents]
    return tuple(PackageFile(f"model/{i}", each.size, each.sha256) for i, each in enumerate(stored))


def report(**values):
    return HandOver(**{"engine": "Scikit_Learn", "runtime": "python3.6", "files": package(b"weights", b"{}")} | values)


def codes(version):
    return [event.code for event in version.events.order_by("id")]


def audited():
    return list(AuditEvent.objects.order_by("id").values_list("code", "actor_name", "params"))


def test_reserve_version_makes_model_and_version(workspace, developer):
    details = VersionDetails(
        "Reads digits", ("vision", "demo"), (("Paper", "https://example.org/p"),), ("edge", "batch")
    )

    version = reserve(workspace, details=details, by=developer, sample={"x": 1}, proof_wanted=False)

    version.refresh_from_db()
    assert (str(version), version.status) == ("digits 0.0.1", Status.IMPORTING)
    assert (version.description, version.deployment_types) == ("Reads digits", "batch,edge")
    assert [label.name for label in version.labels.all()] == ["vision", "demo"]
    assert [(d.name, d.url) for d in version.documents.all()] == [("Paper", "https://example.org/p")]
    assert (version.created_by, version.created_by_name) == (developer, "dev")
    assert (version.sample, version.proof_wanted) == ({"x": 1}, False)
    assert codes(version) == ["import.started"]
    assert audited() == [("addModel", "dev", {"name": "digits", "version": "0.0.1"})]


def test_reserve_version_keeps_the_specification(workspace):
    spec = SpecValues(Decimal("0.25"), 512, Decimal(0), Decimal(1))

    version = reserve(workspace, details=VersionDetails(spec=spec))

    version.inference_spec.refresh_from_db()
    assert (version.inference_spec.cpu, version.inference_spec.memory) == (Decimal("0.25"), 512)
    assert (version.inference_spec.gpu, version.inference_spec.ascend) == (0, 1)


def test_reserve_version_under_a_known_name_makes_a_new_version(workspace):
    reserve(workspace, number=(0, 0, 10))

    lower = reserve(workspace, number=(0, 0, 9))

    model = RegisteredModel.objects.get()
    assert lower.model == model
    assert (model.version_count, model.latest.number) == (2, "0.0.10")


def test_reserve_version_takes_the_same_name_in_each_workspace(workspace):
    reserve(workspace)

    other = reserve(make_workspace("other"))

    assert other.model.workspace.name == "other"


def test_reserve_version_of_a_taken_number_names_its_version(workspace):
    first = make_version("digits")

    with pytest.raises(VersionTaken) as taken:
        reserve(workspace, replace=True)

    assert (taken.value.version, taken.value.replaceable) == (first, False)
    assert RegisteredModel.objects.get().version_count == 1


def test_reserve_version_replaces_a_failed_one_only_when_asked(workspace):
    failed = make_version("digits", status=Status.FAILED)

    with pytest.raises(VersionTaken) as taken:
        reserve(workspace)
    version = reserve(workspace, replace=True)

    assert taken.value.replaceable is True
    assert version.uuid != failed.uuid
    assert list(ModelVersion.objects.all()) == [version]
    assert RegisteredModel.objects.get().latest == version


@pytest.mark.parametrize(
    "values",
    [
        {"name": "1digits"},
        {"name": "digits\n"},
        {"name": "a" * 49},
        {"details": VersionDetails("<b>")},
        {"details": VersionDetails(labels=("a b",))},
        {"details": VersionDetails(labels=("a", "b", "c", "d", "e", "f"))},
        {"details": VersionDetails(documents=(("Paper", "javascript:alert(1)"),))},
        {"details": VersionDetails(documents=(("Paper", "https://example.org"),) * 4)},
    ],
)
def test_reserve_version_refuses_what_is_against_the_rules(workspace, values):
    with pytest.raises(ValidationError):
        reserve(workspace, **values)

    assert RegisteredModel.objects.count() == 0


@pytest.mark.db
@pytest.mark.django_db(transaction=True)
def test_reserve_version_by_many_at_once_has_one_winner():
    workspace, outcomes, start = make_workspace(), [], threading.Barrier(6)

    def attempt():
        start.wait()
        try:
            outcomes.append(reserve(workspace).number)
        except VersionTaken as taken:
            outcomes.append(f"taken {taken.version.number}")
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["0.0.1"] + ["taken 0.0.1"] * 5
    assert RegisteredModel.objects.get().version_count == 1


def test_hand_over_makes_the_version_normal(workspace):
    version = reserve(workspace)
    given = report(
        config_found="{ }",
        config_used="{}",
        config={"algorithm": "svm"},
        findings=(WARNING,),
        scan={"verdict": "review"},
        has_inference_code=True,
        deployment_types=("real-time",),
        source_params={"path": "/packages/digits/", "config_origin": "repaired"},
    )

    assert services.hand_over(version, given) is True

    stored = ModelVersion.objects.get()
    assert (stored.status, stored.proof, stored.proof_code) == (Status.NORMAL, Proof.NOT_ASKED, "proof.no_preparer")
    assert (stored.engine, stored.runtime, stored.deployment_types) == ("Scikit_Learn", "python3.6", "real-time")
    assert (stored.size, stored.file_count) == (9, 2)
    assert stored.digest == package_digest((file.path, file.size, file.sha256) for file in given.files)
    assert (stored.config_found, stored.config_used, stored.config) == ("{ }", "{}", {"algorithm": "svm"})
    assert [Finding.from_dict(finding) for finding in stored.findings] == [WARNING]
    assert (stored.scan, stored.has_inference_code) == ({"verdict": "review"}, True)
    assert stored.source_params == {"path": "/packages/digits/", "config_origin": "repaired"}
    assert stored.finished_at is not None
    assert list(stored.files.values_list("path", "size", "sha256")) == [
        ("model/0", 7, hashlib.sha256(b"weights").hexdigest()),
        ("model/1", 2, hashlib.sha256(b"{}").hexdigest()),
    ]
    assert codes(stored) == ["import.started", "file.copied", "size.computed", "import.done"]
    assert (stored.model.latest_status, stored.model.latest_engine) == (Status.NORMAL, "Scikit_Learn")
    assert version.status == Status.NORMAL


def test_hand_over_happens_once(workspace):
    version = reserve(workspace)
    services.hand_over(version, report())

    assert services.hand_over(version, report(engine="XGBoost")) is False

    assert ModelVersion.objects.get().engine == "Scikit_Learn"
    assert StoredFile.objects.count() == 2


def test_hand_over_of_a_version_that_is_gone_keeps_nothing(workspace):
    version = reserve(workspace)
    ModelVersion.objects.get().delete()

    assert services.hand_over(version, report()) is False
    assert StoredFile.objects.count() == 0


def test_hand_over_without_the_bytes_keeps_nothing(workspace):
    version = reserve(workspace)

    with pytest.raises(ArtifactStoreUnavailable):
        services.hand_over(version, report(files=(PackageFile("model/a", 1, "0" * 64),)))

    assert ModelVersion.objects.get().status == Status.IMPORTING


@pytest.mark.parametrize(
    ("engine", "reason"), [("Caffe", "cannot_run.retired_engine"), ("Homemade", "cannot_run.unknown_engine")]
)
def test_hand_over_of_an_engine_that_cannot_run_here_says_so(workspace, settings, engine, reason):
    settings.VERSION_PREPARER = "serving.prepare"
    version = reserve(workspace)

    services.hand_over(version, report(engine=engine))

    assert (version.status, version.proof, version.proof_code) == (Status.NORMAL, Proof.CANNOT_RUN_HERE, reason)


def test_hand_over_with_a_preparer_builds_and_rings_it(
    workspace, settings, monkeypatch, django_capture_on_commit_callbacks
):
    settings.VERSION_PREPARER = "serving.prepare"
    rung = []
    monkeypatch.setattr(current_app, "send_task", lambda *call: rung.append(call))
    version = reserve(workspace)

    with django_capture_on_commit_callbacks(execute=True):
        services.hand_over(version, report())

    assert (version.status, version.finished_at) == (Status.BUILDING, None)
    assert codes(version)[-1] == "build.requested"
    assert rung == [("serving.prepare", [version.pk])]


def test_fail_import_keeps_what_was_found_but_no_files(workspace):
    version = reserve(workspace)
    error = Finding("config.not_json", Severity.ERROR)

    failed = services.fail_import(
        version, code="proof.no_preparer", params={"a": 1}, findings=[error], report=report(config_found="{")
    )

    version.refresh_from_db()
    assert failed is True
    assert (version.status, version.status_code, version.status_params) == (
        Status.FAILED,
        "proof.no_preparer",
        {"a": 1},
    )
    assert (version.engine, version.config_found, version.file_count, version.digest) == ("Scikit_Learn", "{", 0, "")
    assert version.findings == [error.as_dict()]
    assert StoredFile.objects.count() == 0
    event = version.events.get(abnormal=True)
    assert event.message == "Import failed: Models are not started on this installation, so it was not asked"
    assert version.model.latest_status == Status.FAILED


def test_fail_import_does_nothing_to_a_normal_version():
    version = make_version()

    assert services.fail_import(version, code="import.bug") is False
    assert ModelVersion.objects.get().status == Status.NORMAL


def test_restart_import_begins_anew(workspace, developer):
    version = reserve(workspace)
    services.fail_import(version, code="import.bug", params={"id": "1"}, findings=[WARNING])

    assert services.restart_import(version, by=developer) is True

    version.refresh_from_db()
    assert (version.status, version.status_code, version.findings) == (Status.IMPORTING, "", [])
    assert version.events.first().actor_name == "dev"
    assert services.restart_import(version) is False


def test_restart_import_leaves_what_was_handed_over(workspace):
    version = make_version(status=Status.FAILED, digest="a" * 64)

    assert services.restart_import(version) is False


@pytest.mark.parametrize("status", [Status.IMPORTING, Status.BUILDING])
def test_release_version_frees_the_name(workspace, developer, status):
    version = make_version(status=status)

    assert services.release_version(version, by=developer) is True

    assert RegisteredModel.objects.count() == 0
    assert audited()[-1] == ("deleteModel", "dev", {"name": "digits", "version": "0.0.1", "cancelled": True})
    assert reserve(workspace).number == "0.0.1"


def test_release_version_keeps_the_other_versions():
    kept, released = make_version(), make_version(number=(0, 0, 2), status=Status.IMPORTING)

    services.release_version(released)

    model = RegisteredModel.objects.get()
    assert (model.latest, model.version_count) == (kept, 1)


def test_release_version_of_a_normal_one_does_nothing():
    version = make_version()

    assert services.release_version(version) is False
    assert ModelVersion.objects.get() == version


def test_record_event_appends_a_line(workspace, developer):
    version = make_version()

    services.record_event(version, "file.copied", by=developer, count=3)

    event = version.events.get()
    assert (event.message, event.actor_name, event.abnormal) == ("Model files copied in: 3", "dev", False)


def test_record_event_for_a_version_that_is_gone_is_harmless():
    version = make_version()
    ModelVersion.objects.all().delete()

    services.record_event(version, "import.done")

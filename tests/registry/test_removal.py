import pytest
from django.db.models import PROTECT

from accounts.models import AuditEvent
from importers.models import ImportJob
from registry import services
from registry.models import ModelVersion, RegisteredModel, Status
from registry.services import MOST_AT_ONCE, Removal, VersionInUse
from tests.factories import make_version


@pytest.fixture
def jobs_are_uses(monkeypatch):
    """Import jobs hold on to their version, as the rows of a later app that uses versions do."""
    monkeypatch.setattr(ImportJob._meta.get_field("version").remote_field, "on_delete", PROTECT)


def use(version):
    return ImportJob.objects.create(
        workspace=version.model.workspace,
        version=version,
        model_name=version.model.name,
        version_number=version.number,
        version_uuid=version.uuid,
    )


@pytest.mark.parametrize("status", Status.values)
def test_delete_version_works_in_every_state(admin, status):
    kept, version = make_version(), make_version(number=(0, 0, 2), status=status)

    assert services.delete_version(version, by=admin) is False

    model = RegisteredModel.objects.get()
    assert (model.latest, model.version_count) == (kept, 1)
    event = AuditEvent.objects.get()
    assert (event.code, event.actor_name) == ("deleteModel", "chief")
    assert event.params == {"name": "digits", "version": "0.0.2"}


def test_delete_version_takes_the_model_with_the_last_one(admin):
    version = make_version()

    assert services.delete_version(version, by=admin) is True
    assert RegisteredModel.objects.count() == 0


def test_delete_version_twice_is_harmless(admin):
    version = make_version()
    same = ModelVersion.objects.select_related("model").get()
    services.delete_version(version, by=admin)

    assert services.delete_version(same, by=admin) is True


def test_delete_version_is_audited_once_however_often_it_is_asked_for(admin):
    make_version(number=(0, 0, 1))
    make_version(number=(0, 0, 2))
    first, same = ModelVersion.objects.filter(patch=2).first(), ModelVersion.objects.filter(patch=2).first()

    answers = services.delete_version(first, by=admin), services.delete_version(same, by=admin)

    assert answers == (False, False)
    assert AuditEvent.objects.filter(code="deleteModel").count() == 1


def test_delete_version_leaves_its_import_job_as_a_record(admin):
    version = make_version()
    job = use(version)

    services.delete_version(version, by=admin)

    job.refresh_from_db()
    assert (job.version, job.version_number) == (None, "0.0.1")


def test_delete_version_in_use_names_its_users(admin, jobs_are_uses):
    version = make_version()
    job = use(version)

    with pytest.raises(VersionInUse) as refused:
        services.delete_version(version, by=admin)

    assert refused.value.users == (job,)
    assert ModelVersion.objects.get() == version
    assert AuditEvent.objects.count() == 0


def test_delete_model_removes_all_its_versions(admin):
    model = make_version().model
    make_version(number=(0, 0, 2))

    assert services.delete_model(model, by=admin) == Removal(("0.0.1", "0.0.2"), (), 0)

    assert RegisteredModel.objects.count() == 0
    assert AuditEvent.objects.count() == 2


def test_delete_model_keeps_versions_in_use_and_tells_them(admin, jobs_are_uses):
    used, model = make_version(), make_version(number=(0, 0, 2)).model
    job = use(used)

    removal = services.delete_model(model, by=admin)

    assert (removal.deleted, removal.remaining) == (("0.0.2",), 1)
    assert [(each.version, each.users) for each in removal.in_use] == [(used, (job,))]
    assert RegisteredModel.objects.get().latest == used


def test_delete_model_removes_twenty_versions_at_once(admin):
    for patch in range(MOST_AT_ONCE + 2):
        model = make_version(number=(0, 0, patch)).model

    removal = services.delete_model(model, by=admin)

    assert removal.deleted == tuple(f"0.0.{patch}" for patch in range(20))
    assert removal.remaining == 2
    assert RegisteredModel.objects.get().version_count == 2
    assert services.delete_model(model, by=admin).remaining == 0


def test_delete_model_that_is_gone_is_harmless(admin):
    model = make_version().model
    services.delete_model(model, by=admin)

    assert services.delete_model(model, by=admin) == Removal((), (), 0)

import re

import pytest
from django.contrib.messages import get_messages
from django.db.models import PROTECT

from importers.models import ImportJob
from registry.models import ModelVersion, RegisteredModel, Status
from registry.queries_uses import uses_of
from tests.factories import make_version, make_workspace

CHINESE = {"Accept-Language": "zh-hans"}
HTMX = {"HX-Request": "true"}


def said(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


def words(answer):
    return " ".join(re.sub(r"<[^>]+>", "", answer.content.decode()).split())


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


def test_deleting_a_version_names_the_consequence(as_admin):
    make_version("digits", (0, 0, 1))
    version = make_version("digits", (0, 0, 2), size=1536, file_count=2)

    page = as_admin.get(f"/versions/{version.uuid}/delete/")
    chinese = as_admin.get(f"/versions/{version.uuid}/delete/", headers=CHINESE)

    assert "Version 0.0.2 of digits will be deleted. Its 2 files (1.50 KB) can no longer be downloaded." in words(page)
    assert "This cannot be undone." in words(page)
    assert "将删除digits的版本0.0.2。" in words(chinese)
    assert "删除后无法恢复。" in words(chinese)


def test_deleting_a_version_leads_to_the_others(as_admin):
    kept = make_version("digits", (0, 0, 1))
    version = make_version("digits", (0, 0, 2))

    answer = as_admin.post(f"/versions/{version.uuid}/delete/")

    assert list(ModelVersion.objects.all()) == [kept]
    assert answer.headers["Location"] == f"/models/?open={kept.model.uuid}"
    assert said(answer) == ["Version digits 0.0.2 was deleted."]


def test_deleting_the_last_version_says_that_the_model_goes_too(as_admin):
    version = make_version("digits", status=Status.IMPORTING)

    page = words(as_admin.get(f"/versions/{version.uuid}/delete/"))
    answer = as_admin.post(f"/versions/{version.uuid}/delete/")

    assert "It is the only version, so the model is deleted with it." in page
    assert "Its import is stopped." in page
    assert answer.headers["Location"] == "/models/"
    assert RegisteredModel.objects.count() == 0


def test_deleting_a_version_in_use_is_refused_and_says_where(as_admin, jobs_are_uses):
    version = make_version("digits")
    job = use(version)

    page = as_admin.post(f"/versions/{version.uuid}/delete/")
    dialog = as_admin.post(f"/versions/{version.uuid}/delete/", headers=HTMX)

    assert (page.status_code, dialog.status_code) == (409, 422)
    assert "Version 0.0.1 is in use and cannot be deleted. Remove it from these first: digits 0.0.1" in words(page)
    assert f'<a href="/imports/{job.uuid}/">' in page.content.decode()
    assert ModelVersion.objects.count() == 1


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_version_in_use_says_so_at_once_and_cannot_be_deleted(as_admin, jobs_are_uses, headers):
    version = make_version("digits")
    job = use(version)
    address = f"/versions/{version.uuid}/delete/"

    looked = as_admin.get(address, headers=headers)
    refused = as_admin.post(address, headers=headers)

    for answer in (looked, refused):
        assert "Version 0.0.1 is in use and cannot be deleted." in words(answer)
        assert f'<a href="/imports/{job.uuid}/">' in answer.content.decode()
        assert ("will be deleted" in words(answer), 'class="button danger"' in answer.content.decode()) == (
            False,
            False,
        )


def test_a_model_in_use_says_at_once_what_stays(as_admin, jobs_are_uses):
    used = make_version("digits", (0, 0, 1))
    use(used)
    address = f"/models/{used.model.uuid}/delete/"

    wholly = as_admin.get(address)
    make_version("digits", (0, 0, 2))
    partly = as_admin.get(address)

    assert "Version 0.0.1 is in use and cannot be deleted." in words(wholly)
    assert 'class="button danger"' not in wholly.content.decode()
    assert "The other version of digits (1) will be deleted." in words(partly)
    assert 'class="button danger"' in partly.content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_uses_cost_the_same_however_many_there_are(admin, jobs_are_uses, count, django_assert_num_queries):
    for number in range(count):
        use(make_version("digits", (0, 0, number)))

    with django_assert_num_queries(3):
        uses = uses_of(ModelVersion.objects.all())

        assert [[str(user) for user in each.users] for each in uses] == [[f"digits 0.0.{n}"] for n in range(count)]


def test_dialog_is_a_part_and_leaves_by_the_browser(as_admin):
    version = make_version("digits")
    address = f"/versions/{version.uuid}/delete/"

    dialog = as_admin.get(address, headers=HTMX).content.decode()
    answer = as_admin.post(address, headers=HTMX)

    assert dialog.lstrip().startswith("<dialog")
    assert answer.headers["HX-Redirect"] == "/models/"


def test_deleting_a_model_with_one_version_asks_once(as_admin):
    model = make_version("digits", size=1024).model

    page = as_admin.get(f"/models/{model.uuid}/delete/")
    answer = as_admin.post(f"/models/{model.uuid}/delete/")

    assert "Model digits with its 1 version (1.00 KB) will be deleted." in words(page)
    assert 'name="name"' not in page.content.decode()
    assert said(answer) == ["Model digits was deleted."]


@pytest.mark.parametrize("typed", ["", "Digits", "digit"])
def test_deleting_a_model_with_several_versions_wants_its_name(as_admin, typed):
    for number in (1, 2):
        model = make_version("digits", (0, 0, number)).model

    answer = as_admin.post(f"/models/{model.uuid}/delete/", {"name": typed})

    assert answer.status_code == 422
    assert answer.content.decode().count('class="field-error"') == 1
    assert answer.context["form"]["name"].value() == typed
    assert ModelVersion.objects.count() == 2


def test_deleting_a_model_with_its_name_removes_all(as_admin):
    for number in (1, 2):
        model = make_version("digits", (0, 0, number)).model

    answer = as_admin.post(f"/models/{model.uuid}/delete/", {"name": "digits"})

    assert answer.headers["Location"] == "/models/"
    assert RegisteredModel.objects.count() == 0


def test_deleting_a_large_model_goes_on_by_twenty_versions(as_admin):
    for number in range(22):
        model = make_version("digits", (0, 0, number)).model

    page = words(as_admin.get(f"/models/{model.uuid}/delete/"))
    answer = as_admin.post(f"/models/{model.uuid}/delete/", {"name": "digits"})

    assert "At most 20 versions are deleted at once" in page
    assert answer.headers["Location"] == f"/models/?open={model.uuid}"
    assert said(answer)[0].endswith("2 versions are still there. Delete the model again to go on.")
    assert ModelVersion.objects.count() == 2


def test_deleting_a_model_keeps_the_version_in_use_and_says_so(as_admin, jobs_are_uses):
    use(make_version("digits", (0, 0, 1)))
    model = make_version("digits", (0, 0, 2)).model

    answer = as_admin.post(f"/models/{model.uuid}/delete/", {"name": "digits"})

    assert said(answer) == [
        "1 version of digits was deleted: 0.0.2. 1 version is still there. Delete the model again to go on.",
        "Version 0.0.1 is in use and was kept: digits 0.0.1.",
    ]


def test_deleting_a_model_that_is_wholly_in_use_is_refused(as_admin, jobs_are_uses):
    version = make_version("digits")
    use(version)

    answer = as_admin.post(f"/models/{version.model.uuid}/delete/")

    assert answer.status_code == 409
    assert "Version 0.0.1 is in use and cannot be deleted." in words(answer)


@pytest.mark.parametrize("person", ["viewer", "developer"])
def test_people_without_the_right_may_not_delete(client, db, request, person):
    version = make_version("digits")
    client.force_login(request.getfixturevalue(person))

    assert client.get(f"/versions/{version.uuid}/delete/").status_code == 403
    assert client.post(f"/versions/{version.uuid}/delete/").status_code == 403
    assert client.post(f"/models/{version.model.uuid}/delete/").status_code == 403
    assert ModelVersion.objects.count() == 1


def test_deleting_in_another_workspace_does_not_exist(as_admin):
    version = make_version("digits", workspace=make_workspace("elsewhere"))

    assert as_admin.post(f"/versions/{version.uuid}/delete/").status_code == 404
    assert as_admin.post(f"/models/{version.model.uuid}/delete/").status_code == 404
    assert ModelVersion.objects.count() == 1

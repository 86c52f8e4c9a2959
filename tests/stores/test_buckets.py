import re

import pytest
from django.conf import settings

from accounts.models import AuditEvent
from stores import services
from stores.errors import SourceRefused
from stores.models import Bucket
from tests.factories import make_workspace

CHINESE = {"HTTP_ACCEPT_LANGUAGE": "zh-hans"}


def test_list_shows_the_buckets_of_the_workspace_alone(as_viewer, bucket, admin):
    services.create_bucket(make_workspace("other"), "secret-bucket", by=admin)

    page = as_viewer.get("/storage/").content.decode()

    assert re.findall(r'browser-name" href="([^"]+)"', page) == ["/storage/packages/"]
    assert "secret-bucket" not in page


@pytest.mark.parametrize("count", [1, 3])
def test_list_asks_the_same_queries_for_any_number_of_buckets(
    as_admin, workspace, admin, count, django_assert_num_queries
):
    for number in range(count):
        services.create_bucket(workspace, f"bucket-{number}", by=admin)

    with django_assert_num_queries(5):
        page = as_admin.get("/storage/").content.decode()

    assert page.count('class="browser-name"') == count


def test_list_without_buckets_says_how_to_begin(as_admin, workspace):
    assert "Create a bucket, upload a model package" in as_admin.get("/storage/").content.decode()


def test_list_without_buckets_sends_others_to_an_administrator(as_viewer, workspace):
    page = as_viewer.get("/storage/").content.decode()

    assert "Ask an administrator of this workspace" in page
    assert "/storage/-/new/" not in page


def test_list_is_chinese_for_who_reads_chinese(as_admin, bucket):
    assert '<html lang="zh-hans">' in as_admin.get("/storage/", **CHINESE).content.decode()


def test_create_makes_the_folder_and_records_it(as_admin, workspace):
    answer = as_admin.post("/storage/-/new/", {"name": "my-models"})

    assert answer.headers["Location"] == "/storage/my-models/"
    assert Bucket.objects.get().workspace == workspace
    assert (settings.BUCKETS_ROOT / "my-models").is_dir()
    assert AuditEvent.objects.get().params == {"bucket": "my-models"}


@pytest.mark.parametrize("name", ["My-Models", "ab", "a..b", "../etc", "192.168.0.1", "<b>x</b>", "a\u202eb", ""])
def test_create_refuses_names_and_keeps_what_was_typed(as_admin, workspace, name):
    answer = as_admin.post("/storage/-/new/", {"name": name})

    assert answer.status_code == 422
    assert answer.context["form"]["name"].value() == name
    assert list(answer.context["form"].errors) == ["name"]
    assert "<b>x</b>" not in answer.content.decode()
    assert Bucket.objects.count() == 0


def test_create_refuses_a_taken_name_also_of_another_workspace(as_admin, bucket, admin):
    services.create_bucket(make_workspace("other"), "theirs", by=admin)

    for name in ("packages", "theirs"):
        answer = as_admin.post("/storage/-/new/", {"name": name})

        assert answer.context["form"].errors["name"] == [f"The name “{name}” is taken. Choose another one."]


def test_create_refuses_a_folder_with_files_unless_an_operator_adopts_it(as_admin, workspace, admin):
    folder = settings.BUCKETS_ROOT / "found"
    folder.mkdir(parents=True)
    (folder / "weights").touch()

    answer = as_admin.post("/storage/-/new/", {"name": "found"})

    assert "lies among the buckets already" in answer.context["form"].errors["name"][0]
    assert Bucket.objects.count() == 0
    assert services.create_bucket(workspace, "found", by=admin, adopt=True).name == "found"


@pytest.mark.parametrize("method", ["get", "post"])
def test_create_is_for_administrators(as_developer, workspace, method):
    answer = getattr(as_developer, method)("/storage/-/new/", {"name": "my-models"})

    assert answer.status_code == 403
    assert Bucket.objects.count() == 0


def test_remove_deletes_an_empty_bucket_and_records_it(as_admin, bucket):
    answer = as_admin.post("/storage/packages/remove/")

    assert answer.headers["Location"] == "/storage/"
    assert Bucket.objects.count() == 0
    assert not (settings.BUCKETS_ROOT / "packages").exists()
    assert AuditEvent.objects.first().code == "bucket.deleted"


def test_remove_asks_first_also_in_a_dialog(as_admin, bucket):
    page = as_admin.get("/storage/packages/remove/").content.decode()
    part = as_admin.get("/storage/packages/remove/", headers={"HX-Request": "true"}).content.decode()

    assert "Only an empty bucket can be deleted." in page
    assert "<html" in page
    assert part.lstrip().startswith("<dialog")
    assert Bucket.objects.count() == 1


def test_remove_refuses_a_bucket_with_objects(as_admin, bucket, put, keys):
    put("a/b")

    answer = as_admin.post("/storage/packages/remove/")

    assert answer.status_code == 422
    assert "is not empty" in answer.content.decode()
    assert keys() == ["a/b"]


def test_remove_takes_empty_folders_with_it_and_a_bucket_whose_folder_is_gone(bucket, admin, workspace, tmp_path):
    (settings.BUCKETS_ROOT / "packages" / "a" / "b").mkdir(parents=True)
    lost = services.create_bucket(workspace, "lost", by=admin)
    (settings.BUCKETS_ROOT / "lost").rmdir()

    services.delete_bucket(bucket, by=admin)
    services.delete_bucket(lost, by=admin)

    assert Bucket.objects.count() == 0


@pytest.mark.parametrize("method", ["get", "post"])
def test_remove_is_for_administrators(as_developer, bucket, method):
    assert getattr(as_developer, method)("/storage/packages/remove/").status_code == 403
    assert Bucket.objects.count() == 1


def test_resolve_finds_a_bucket_of_the_workspace_alone(workspace, bucket, admin):
    services.create_bucket(make_workspace("other"), "theirs", by=admin)

    assert services.resolve(workspace, "obs://packages/digits/") == (bucket, "digits/")
    with pytest.raises(SourceRefused) as refused:
        services.resolve(workspace, "/theirs/digits/")
    assert refused.value.code == "source.bucket_missing"


def test_admin_desk_shows_the_buckets_one_manages(as_admin, admin, bucket):
    admin.is_staff = True
    admin.save(update_fields=["is_staff"])
    services.create_bucket(make_workspace("other"), "theirs", by=admin)

    page = as_admin.get("/admin/stores/bucket/").content.decode()

    assert "packages" in page
    assert "theirs" not in page
    assert as_admin.get("/admin/stores/bucket/add/").status_code == 403


def test_admin_desk_lets_operators_adopt_a_folder(client, django_user_model, workspace):
    client.force_login(django_user_model.objects.create_superuser("operator"))
    (settings.BUCKETS_ROOT / "found").mkdir(parents=True)
    (settings.BUCKETS_ROOT / "found" / "weights").touch()
    values = {"workspace": workspace.pk, "name": "found", "driver": "folder"}

    refused = client.post("/admin/stores/bucket/add/", values | {"name": "No Name"})
    client.post("/admin/stores/bucket/add/", values)

    assert "is not a bucket name" in refused.content.decode()
    assert Bucket.objects.get().name == "found"
    assert AuditEvent.objects.get().actor_name == "operator"


def test_create_answers_a_refusal_into_its_form(as_admin, workspace):
    refused = as_admin.post("/storage/-/new/", {"name": "My Models"}, HTTP_HX_REQUEST="true")
    made = as_admin.post("/storage/-/new/", {"name": "my-models"}, HTTP_HX_REQUEST="true")

    assert refused.status_code == 422
    assert refused.content.decode().lstrip().startswith('<form class="bucket-form" id="bucket-form"')
    assert made.headers["HX-Redirect"] == "/storage/my-models/"


def test_delete_offers_nothing_while_the_bucket_is_not_empty(as_admin, put):
    put("a")

    page = as_admin.get("/storage/packages/remove/", HTTP_HX_REQUEST="true").content.decode()

    assert "The bucket “packages” is not empty." in page
    assert re.search(r'<button class="button danger" type="submit" disabled>', page)

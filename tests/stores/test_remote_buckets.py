"""Buckets at object storage once they are connected: listed, browsed, removed, and never with their secrets."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils.timezone import now

from stores import services
from stores.models import Bucket, Upload, UploadState
from stores.services_buckets import edit_bucket
from tests.seaweedfs import ACCESS_KEY, SECRET_KEY

CHINESE = {"HTTP_ACCEPT_LANGUAGE": "zh-hans"}
HTMX = {"HTTP_HX_REQUEST": "true"}
NEW = "/storage/-/new/"
EDIT = "/storage/cloud/edit/"
FORM_CSS = "static/css/components/bucket-form.css"


def test_removing_forgets_the_bucket_and_leaves_the_storage_alone(as_admin, remote, s3):
    services.driver_for(remote).write("a", [b"x"])

    page = as_admin.get("/storage/cloud/remove/").content.decode()
    assert "Nothing in the object storage is deleted." in page
    assert '<button class="button danger" type="submit">' in page
    as_admin.post("/storage/cloud/remove/")

    assert Bucket.objects.count() == 0
    assert [found["Key"] for found in s3.client().list_objects_v2(Bucket=remote.remote_name)["Contents"]] == ["a"]


@pytest.mark.parametrize(
    ("state", "minutes", "kept"),
    [
        (UploadState.RECEIVING, 0, True),
        (UploadState.UNPACKING, 0, True),
        (UploadState.RECEIVING, 10, False),
        (UploadState.UNPACKING, 10, False),
        (UploadState.DONE, 0, False),
    ],
)
def test_removing_waits_for_uploads(as_admin, remote, state, minutes, kept):
    upload = Upload.objects.create(bucket=remote, state=state)
    Upload.objects.filter(pk=upload.pk).update(touched_at=now() - timedelta(minutes=minutes))

    page = as_admin.get("/storage/cloud/remove/").content.decode()
    answer = as_admin.post("/storage/cloud/remove/")

    assert (answer.status_code, Bucket.objects.count()) == ((422, 1) if kept else (302, 0))
    for shown in (page, answer.content.decode()):
        assert ("Files are being uploaded into bucket “cloud”. Cancel these uploads first" in shown) == kept


def test_removing_waits_for_a_worker_that_unpacks(as_admin, remote):
    old, later = now() - timedelta(minutes=10), now() + timedelta(minutes=1)
    Upload.objects.create(bucket=remote, state=UploadState.UNPACKING, lease_until=later)
    Upload.objects.update(touched_at=old)

    assert as_admin.post("/storage/cloud/remove/").status_code == 422


def test_list_shows_where_buckets_lie_and_offers_to_edit(client, admin, viewer, bucket, remote):
    pages = {}
    for person in (admin, viewer):
        client.force_login(person)
        pages[person] = client.get("/storage/").content.decode()

    host = remote.endpoint.removeprefix("http://")
    assert f"{host}/{remote.remote_name}/" in pages[viewer]
    assert re.findall(r'href="(/storage/\w+/edit/)"', pages[admin]) == [EDIT]
    assert "/edit/" not in pages[viewer]


def test_list_is_searched_and_sorted(as_admin, workspace):
    for day, name in enumerate(("beta", "alpha", "gamma")):
        made = Bucket.objects.create(workspace=workspace, name=name, remote_name=f"remote-{name}")
        Bucket.objects.filter(pk=made.pk).update(created_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day))

    def names(query):
        return re.findall(r'browser-name" href="/storage/(\w+)/"', as_admin.get(f"/storage/?{query}").content.decode())

    assert names("") == ["alpha", "beta", "gamma"]
    assert names("sort=-name") == ["gamma", "beta", "alpha"]
    assert names("sort=created") == ["beta", "alpha", "gamma"]
    assert names("sort=-password") == ["gamma", "beta", "alpha"]
    assert names("q=MOTE-ga") == ["gamma"]
    assert "No bucket of this workspace contains “nothing”" in as_admin.get("/storage/?q=nothing").content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_list_asks_the_same_queries_for_any_number_of_remote_buckets(
    as_admin, workspace, count, django_assert_num_queries
):
    for number in range(count):
        Bucket.objects.create(workspace=workspace, name=f"bucket-{number}", driver="s3", endpoint="https://x")

    with django_assert_num_queries(5):
        page = as_admin.get("/storage/?sort=-created").content.decode()

    assert page.count('class="browser-name"') == count


def test_browse_shows_objects_of_the_storage(as_developer, remote):
    services.driver_for(remote).write("digits/model/config.json", [b"{}"])

    page = as_developer.get("/storage/cloud/?prefix=digits/model/").content.decode()

    assert "config.json" in page
    assert "2 B" in page


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"remote_name": "gone-away"}, 404, "Change how it is reached"),
        ({"endpoint": "http://127.0.0.1:9"}, 503, "Change how it is reached"),
        ({"credentials": "unreadable"}, 422, "Change how it is reached"),
    ],
)
def test_browse_says_why_the_storage_cannot_be_read(as_admin, remote, settings, change, status, words):
    settings.S3_ATTEMPTS = 1
    Bucket.objects.update(**change)

    answer = as_admin.get("/storage/cloud/")
    picked = as_admin.get("/storage/cloud/?pick=folder&field=id_path", **HTMX)

    assert answer.status_code == status
    assert words in answer.content.decode()
    assert (picked.status_code, 'class="notice error"' in picked.content.decode()) == (200, True)


def test_browse_leads_to_its_edit_page_and_back(as_admin, remote):
    Bucket.objects.update(remote_name="gone-away")

    page = as_admin.get("/storage/cloud/?prefix=a/").content.decode()

    assert f'href="{EDIT}?next=%2Fstorage%2Fcloud%2F%3Fprefix%3Da%2F"' in page


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("get", "/storage/cloud/"),
        ("get", "/storage/cloud/delete/?key=a"),
        ("get", "/storage/cloud/rename/?key=a"),
        ("post", "/storage/cloud/folder/"),
        ("post", EDIT),
    ],
)
def test_storage_that_does_not_answer_is_logged_once_without_secrets(
    as_admin, remote, kept, settings, caplog, method, address
):
    settings.S3_ATTEMPTS = 1
    Bucket.objects.update(endpoint="http://127.0.0.1:9")
    sent = {"name": "new", **kept, "endpoint": "http://127.0.0.1:9"} if method == "post" else {}

    getattr(as_admin, method)(address, sent)

    (record,) = [record for record in caplog.records if record.name.startswith("stores.")]
    assert (record.levelname, record.getMessage()) == ("WARNING", "storage unavailable")
    assert (record.bucket, record.endpoint, record.code) == ("cloud", "127.0.0.1:9", "source.connection_refused")
    assert record.reason != ""
    assert [secret for secret in (ACCESS_KEY, SECRET_KEY) if secret in str(record.__dict__)] == []


def test_no_page_ever_shows_a_secret(as_admin, admin, remote, kept, place):
    admin.is_staff = True
    admin.save(update_fields=["is_staff"])
    edit_bucket(remote, services.driver_for(remote)._place, by=admin)
    answers = [as_admin.get(address, follow=True) for address in ("/storage/", "/storage/cloud/", EDIT, NEW)]
    answers += [as_admin.get("/storage/cloud/remove/"), as_admin.get("/admin/stores/bucket/")]
    answers += [as_admin.get(f"/admin/stores/bucket/{remote.pk}/change/")]
    answers += [
        as_admin.post(NEW, place | {"remote_name": "x!", "session_token": SECRET_KEY}, **more) for more in ({}, HTMX)
    ]
    answers += [as_admin.post(EDIT, kept | {"access_key": "A" * 20, "secret_key": SECRET_KEY, "test": "1"})]

    pages = [answer.content.decode() for answer in answers]

    assert [SECRET_KEY in page or remote.credentials in page for page in pages] == [False] * len(pages)
    assert ACCESS_KEY[-4:] in pages[6]


def test_desk_shows_the_place_and_no_credentials(as_admin, admin, remote):
    admin.is_staff = True
    admin.save(update_fields=["is_staff"])

    page = as_admin.get(f"/admin/stores/bucket/{remote.pk}/change/").content.decode()

    assert remote.endpoint in page
    assert "credentials" not in page

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.utils.timezone import now

from accounts.models import AuditEvent
from accounts.secrets import unseal
from stores import services
from stores.drivers.s3_place import S3Place
from stores.models import Bucket, Upload, UploadState
from stores.services_buckets import edit_bucket, probe_place
from tests.factories import make_workspace
from tests.seaweedfs import ACCESS_KEY, READER_KEY, READER_SECRET, SECRET_KEY

CHINESE = {"HTTP_ACCEPT_LANGUAGE": "zh-hans"}
HTMX = {"HTTP_HX_REQUEST": "true"}
NEW = "/storage/-/new/"
EDIT = "/storage/cloud/edit/"
FORM_CSS = "static/css/components/bucket-form.css"


@pytest.fixture
def place(s3):
    """What the form sends to connect a bucket that works."""
    return {
        "kind": "s3",
        "name": "cloud",
        "endpoint": s3.endpoint,
        "remote_name": s3.make_bucket(),
        "addressing": "path",
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
        "write": "on",
    }


@pytest.fixture
def kept(remote):
    """What the form of a connected bucket sends when nothing is changed."""
    return {"endpoint": remote.endpoint, "remote_name": remote.remote_name, "addressing": "path", "write": "on"}


def test_form_asks_for_the_kind_and_the_place(as_admin, workspace):
    page = as_admin.get(NEW).content.decode()

    assert re.findall(r'name="kind" value="(\w+)"( checked)?', page) == [("folder", " checked"), ("s3", "")]
    assert 'name="kind" value="s3" checked' in as_admin.get(f"{NEW}?kind=s3").content.decode()
    assert re.findall(r'type="password" name="(\w+)"', page) == ["secret_key", "session_token"]


def test_connecting_seals_the_credentials_and_records_no_secret(as_admin, workspace, place):
    answer = as_admin.post(NEW, place | {"name": "", "remote_prefix": "/team/models"})

    bucket = Bucket.objects.get()
    assert answer.headers["Location"] == f"/storage/{place['remote_name']}/"
    assert (bucket.name, bucket.driver, bucket.prefix) == (place["remote_name"], "s3", "team/models/")
    assert bucket.access_key_hint == ACCESS_KEY[-4:]
    assert SECRET_KEY not in bucket.credentials
    assert unseal(bucket.credentials) == {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "session_token": ""}
    event = AuditEvent.objects.get()
    assert event.code == "bucket.connected"
    assert SECRET_KEY not in str(event.params)
    assert ACCESS_KEY not in str(event.params)


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_test_says_what_may_be_done_and_saves_nothing(as_admin, workspace, s3, place, headers):
    s3.client().put_object(Bucket=place["remote_name"], Key="weights", Body=b"x")

    answer = as_admin.post(NEW, place | {"test": "1"}, **headers)

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Connection works." in page
    assert re.findall(r'class="status (\w+)">(Listing|Reading|Writing)', page) == [
        ("good", "Listing"),
        ("good", "Reading"),
        ("good", "Writing"),
    ]
    assert Bucket.objects.count() == 0
    assert [found["Key"] for found in s3.client().list_objects_v2(Bucket=place["remote_name"])["Contents"]] == [
        "weights"
    ]


def test_test_without_javascript_keeps_what_was_typed_and_asks_for_the_secret_again(as_admin, workspace, place):
    page = as_admin.post(NEW, place | {"test": "1", "region": "us-east-1"}).content.decode()

    assert f'value="{place["endpoint"]}"' in page
    assert f'value="{ACCESS_KEY}"' in page
    assert "are not sent back to the page: type them again" in page
    assert SECRET_KEY not in page


def test_test_with_htmx_leaves_the_secret_in_its_field(as_admin, workspace, place):
    part = as_admin.post(NEW, place | {"test": "1"}, **HTMX).content.decode()

    assert part.lstrip().startswith('<form class="bucket-form"')
    assert part.count('hx-preserve="true"') == 2
    assert "type them again" not in part
    assert SECRET_KEY not in part


def test_test_says_that_a_bucket_may_only_be_read(as_admin, workspace, place):
    reader = {"access_key": READER_KEY, "secret_key": READER_SECRET, "test": "1"}

    answer = as_admin.post(NEW, place | reader)

    page = answer.content.decode()
    assert "Connection works: may be read, not written." in page
    assert '<span class="status warn">Writing</span><span>The key may read but not write: packages' in page
    assert ".modelport-incoming" not in page
    assert answer.context["trial"].read_only


def test_test_never_names_the_object_that_was_tried(s3):
    place = S3Place(s3.endpoint, s3.make_bucket(), "cloud", "p" * 1000, access_key=ACCESS_KEY, secret_key=SECRET_KEY)

    seen = probe_place(place, write=True)

    assert (seen.write.code, seen.write.params["path"]) == ("source.name_too_long", "/cloud/")


@pytest.mark.parametrize(("typed", "sign"), [("", "idle"), ("cn-north-4", "good")])
def test_test_takes_no_region_for_nothing_bad(as_admin, workspace, place, typed, sign):
    answer = as_admin.post(NEW, place | {"test": "1", "region": typed})

    told = typed or "The endpoint tells none; it works without."
    assert f'<span class="status {sign}">Region</span><span>{told}</span>' in answer.content.decode()


def test_name_is_asked_of_a_folder_alone(as_admin, workspace):
    page = as_admin.get(f"{NEW}?kind=s3").content.decode()

    assert '<label class="field-label required required-of-folder" for="id_name">' in page
    assert ":checked) .required-of-folder::before {" in (settings.BASE_DIR / FORM_CSS).read_text()


def test_test_does_not_write_when_told_so(as_admin, workspace, place):
    answer = as_admin.post(NEW, {name: value for name, value in place.items() if name != "write"} | {"test": "1"})

    assert answer.context["trial"].seen.write is None


FAILURES = [
    ({"secret_key": "wrong-secret"}, "source.credentials"),
    ({"access_key": "unknown-key"}, "source.credentials"),
    ({"remote_name": "no-such-bucket"}, "source.bucket_unknown"),
    ({"endpoint": "http://nowhere.invalid"}, "source.endpoint_unknown"),
    ({"endpoint": "http://127.0.0.1:9"}, "source.connection_refused"),
    ({"endpoint": "http://169.254.169.254"}, "source.endpoint_refused"),
    ({"access_key": "", "secret_key": ""}, "source.forbidden"),
]


@pytest.mark.parametrize(("values", "code"), FAILURES)
@pytest.mark.parametrize("languages", [{}, CHINESE])
def test_connecting_refuses_with_the_reason_until_it_is_insisted_on(
    as_admin, workspace, place, monkeypatch, values, code, languages, settings
):
    settings.S3_CONNECT_SECONDS, settings.S3_ATTEMPTS = 2, 1
    codes = []
    told = "stores.views.connecting.message_of"
    monkeypatch.setattr(told, lambda error: codes.append(error.code) or f"because {error.code}")

    refused = as_admin.post(NEW, place | values, **languages)
    assert (refused.status_code, codes) == (422, [code])
    assert f"because {code}" in refused.content.decode()
    assert 'name="anyway"' in refused.content.decode()
    assert Bucket.objects.count() == 0
    as_admin.post(NEW, place | values | {"anyway": "on"}, **languages)

    assert Bucket.objects.get().name == "cloud"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("endpoint", ""),
        ("endpoint", "ftp://host"),
        ("endpoint", "https://user:secret@host"),
        ("endpoint", "https://host/path"),
        ("endpoint", "https://host?x=1"),
        ("endpoint", "https://host:99999"),
        ("endpoint", "https://[::"),
        ("endpoint", "https://a b"),
        ("endpoint", "https://\x00"),
        ("remote_name", ""),
        ("remote_name", "a/b"),
        ("remote_name", "../x"),
        ("remote_prefix", "../x"),
        ("remote_prefix", "a//b"),
        ("remote_prefix", "my models"),
        ("region", "cn north"),
        ("region", "cn_north"),
        ("region", "123"),
        ("region", "x" * 64),
        ("addressing", "sideways"),
        ("secret_key", ""),
        ("access_key", ""),
        ("session_token", "x" * 9000),
    ],
)
@pytest.mark.parametrize("languages", [{}, CHINESE])
def test_form_refuses_what_can_be_no_place(as_admin, workspace, place, field, value, languages):
    answer = as_admin.post(NEW, place | {field: value}, **languages)

    assert answer.status_code == 422
    assert field in answer.context["place"].errors
    assert Bucket.objects.count() == 0


def test_endpoint_is_written_without_the_bucket(as_admin, workspace, place):
    values = {"endpoint": "models.obs.cn-north-4.myhuaweicloud.com", "remote_name": "models"}

    errors = as_admin.post(NEW, place | values).context["place"].errors

    assert errors["endpoint"] == [
        "Leave the name of the bucket out of the endpoint, which is obs.cn-north-4.myhuaweicloud.com then."
    ]


def test_connecting_refuses_a_name_that_is_taken_and_keeps_what_was_typed(as_admin, bucket, place):
    answer = as_admin.post(NEW, place | {"name": "packages"})

    assert answer.context["form"].errors["name"] == ["The name “packages” is taken. Choose another one."]
    assert answer.context["place"]["endpoint"].value() == place["endpoint"]


def test_a_folder_needs_no_place_and_keeps_what_was_typed_of_one(as_admin, workspace):
    values = {"kind": "folder", "name": "No", "endpoint": "half a", "secret_key": "hidden-secret"}

    page = as_admin.post(NEW, values).content.decode()
    as_admin.post(NEW, values | {"name": "yes-models"})

    assert 'value="half a"' in page
    assert "hidden-secret" not in page
    assert Bucket.objects.get().driver == "folder"


@pytest.mark.parametrize(
    ("wanted", "back"),
    [("/storage/cloud/?prefix=a/", "/storage/cloud/?prefix=a/"), ("https://elsewhere.example/", "/storage/")],
)
def test_edit_leads_back_to_the_page_it_was_opened_from(as_admin, remote, kept, wanted, back):
    page = as_admin.get(EDIT, {"next": wanted}).content.decode()
    answer = as_admin.post(EDIT, kept | {"next": wanted})

    assert f'<input type="hidden" name="next" value="{back}">' in page
    assert f'<a class="button" href="{back}">Cancel</a>' in page
    assert answer.headers["Location"] == back


def test_edit_shows_the_place_and_the_end_of_the_key_alone(as_admin, remote):
    page = as_admin.get(EDIT).content.decode()

    assert f'value="{remote.endpoint}"' in page
    assert f"The saved access key ends in …{ACCESS_KEY[-4:]}." in page
    assert ACCESS_KEY not in page
    assert SECRET_KEY not in page


def test_edit_without_typing_keeps_the_credentials(as_admin, remote, kept):
    answer = as_admin.post(EDIT, kept | {"remote_prefix": "models"})

    remote.refresh_from_db()
    assert answer.headers["Location"] == "/storage/"
    assert remote.prefix == "models/"
    assert unseal(remote.credentials)["secret_key"] == SECRET_KEY
    assert remote.access_key_hint == ACCESS_KEY[-4:]
    event = AuditEvent.objects.first()
    assert event.code == "bucket.edited"
    assert "prefix" in event.params["changed"]


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize("button", [{}, {"test": "1"}, {"anyway": "on"}])
@pytest.mark.parametrize("change", [{"endpoint": "http://127.0.0.1:9"}, {"remote_name": "another-bucket"}])
def test_edit_never_sends_saved_credentials_elsewhere(as_admin, remote, kept, monkeypatch, change, button, headers):
    asked = []
    monkeypatch.setattr("stores.views.connecting.probe_place", lambda place, **options: asked.append(place))

    answer = as_admin.post(EDIT, kept | change | button, **headers)

    assert answer.status_code == 422
    assert "Type the keys again" in answer.context["place"].errors["access_key"][0]
    assert asked == []
    remote.refresh_from_db()
    assert remote.endpoint == kept["endpoint"]


def test_edit_goes_elsewhere_with_keys_typed_again(as_admin, remote, kept, s3):
    other = {"remote_name": s3.make_bucket(), "access_key": READER_KEY, "secret_key": READER_SECRET}

    as_admin.post(EDIT, kept | other)

    remote.refresh_from_db()
    assert remote.remote_name == other["remote_name"]
    assert unseal(remote.credentials)["secret_key"] == READER_SECRET


def test_edit_can_do_without_credentials(as_admin, remote, kept):
    as_admin.post(EDIT, kept | {"forget": "on", "anyway": "on"})

    remote.refresh_from_db()
    assert (remote.credentials, remote.access_key_hint) == ("", "")


def test_edit_says_when_the_saved_credentials_cannot_be_opened(as_admin, remote, kept):
    Bucket.objects.update(credentials="written under another key")

    answer = as_admin.post(EDIT, kept)

    assert answer.status_code == 422
    assert list(answer.context["place"].errors) == ["access_key"]


def test_edit_is_for_object_storage(as_admin, bucket):
    assert as_admin.get("/storage/packages/edit/").status_code == 404


@pytest.mark.parametrize("who", ["developer", "viewer"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_edit_is_for_administrators(client, request, remote, who, method):
    client.force_login(request.getfixturevalue(who))

    assert getattr(client, method)(EDIT, {"endpoint": "http://x"}).status_code == 403


def test_edit_of_another_workspace_does_not_exist(as_admin, remote):
    Bucket.objects.update(workspace=make_workspace("other"))

    assert as_admin.get(EDIT).status_code == 404


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

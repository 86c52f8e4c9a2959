import re

import pytest
from django.conf import settings

from accounts.models import AuditEvent
from accounts.secrets import unseal
from stores.drivers.s3_place import S3Place
from stores.models import Bucket
from stores.services_buckets import probe_place
from tests.factories import make_workspace
from tests.seaweedfs import ACCESS_KEY, READER_KEY, READER_SECRET, SECRET_KEY

CHINESE = {"HTTP_ACCEPT_LANGUAGE": "zh-hans"}
HTMX = {"HTTP_HX_REQUEST": "true"}
NEW = "/storage/-/new/"
EDIT = "/storage/cloud/edit/"
FORM_CSS = "static/css/components/bucket-form.css"


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

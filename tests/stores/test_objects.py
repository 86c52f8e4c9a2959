import pytest
from django.conf import settings

from accounts.models import AuditEvent
from stores.drivers.folder import FolderDriver
from stores.errors import SourceRefused

CHINESE = {"HTTP_ACCEPT_LANGUAGE": "zh-hans"}
HOSTILE = ["../x", "/etc/passwd", "a//b", "a%5Cb", "a%00b", "%FF", "..", "", "k" * 5000, ".modelport-incoming/x"]


def test_download_streams_an_attachment_never_a_page(as_viewer, put):
    put("digits/页面.html", b"<script>alert(1)</script>")

    answer = as_viewer.get("/storage/packages/download/", {"key": "digits/页面.html"})

    assert b"".join(answer.streaming_content) == b"<script>alert(1)</script>"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment; filename*=utf-8''%E9%A1%B5%E9%9D%A2.html"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Length"] == "25"


def test_download_names_cannot_break_the_header(as_viewer, put):
    put('a";filename=b.exe')

    answer = as_viewer.get("/storage/packages/download/", {"key": 'a";filename=b.exe'})

    assert answer.headers["Content-Disposition"] == 'attachment; filename="a\\";filename=b.exe"'


@pytest.mark.parametrize("key", [*HOSTILE, "missing", "folder"])
@pytest.mark.parametrize("languages", [{}, CHINESE])
def test_download_refuses_with_words(as_viewer, put, key, languages):
    put("folder/x")

    answer = as_viewer.get(f"/storage/packages/download/?key={key}", **languages)

    assert answer.status_code in (404, 422)
    assert answer.context["error"]


def test_download_refuses_a_link(as_viewer, bucket):
    (settings.BUCKETS_ROOT / "packages" / "link").symlink_to("/etc/passwd")

    answer = as_viewer.get("/storage/packages/download/?key=link")

    assert answer.status_code == 422
    assert "is a symbolic link" in answer.context["error"]


def test_delete_asks_with_the_count_also_in_a_dialog(as_admin, put, keys):
    put("digits/a", b"x" * 1024)
    put("digits/b/c", b"x" * 1024)

    page = as_admin.get("/storage/packages/delete/?prefix=digits/").content.decode()
    part = as_admin.get("/storage/packages/delete/?prefix=digits/", headers={"HX-Request": "true"}).content.decode()

    assert "2 files (2.00 KB) will be gone for good." in page
    assert part.lstrip().startswith("<dialog")
    assert "2 files (2.00 KB) will be gone for good." in part
    assert keys() == ["digits/a", "digits/b/c"]


def test_delete_removes_one_object_and_records_it(as_admin, put, keys):
    put("digits/a")
    put("digits/b")

    answer = as_admin.post("/storage/packages/delete/?key=digits/a")

    assert answer.headers["Location"] == "/storage/packages/?prefix=digits%2F"
    assert keys() == ["digits/b"]
    assert AuditEvent.objects.first().code == "storage.deleted"
    assert AuditEvent.objects.first().params == {"path": "/packages/digits/a", "files": 1}


def test_delete_removes_a_folder_and_records_it(as_admin, put, keys):
    for key in ("digits/a", "digits/b/c", "other"):
        put(key)

    answer = as_admin.post("/storage/packages/delete/?prefix=digits/")

    assert answer.headers["Location"] == "/storage/packages/"
    assert keys() == ["other"]
    assert AuditEvent.objects.first().params == {"path": "/packages/digits/", "files": 2}


def test_delete_removes_a_link_but_not_what_it_points_to(as_admin, put, keys, tmp_path):
    outside = tmp_path / "secret"
    outside.touch()
    (settings.BUCKETS_ROOT / "packages" / "link").symlink_to(outside)

    assert as_admin.get("/storage/packages/delete/?key=link").status_code == 200
    as_admin.post("/storage/packages/delete/?key=link")

    assert keys() == []
    assert outside.exists()


@pytest.mark.parametrize("key", HOSTILE)
@pytest.mark.parametrize("method", ["get", "post"])
def test_delete_refuses_hostile_keys(as_admin, put, keys, key, method):
    put("a")

    answer = getattr(as_admin, method)(f"/storage/packages/delete/?key={key}")

    assert answer.status_code in (404, 422)
    assert keys() == ["a"]


@pytest.mark.parametrize("query", ["", "prefix=", "prefix=../", "prefix=missing/", "prefix=a"])
def test_delete_refuses_what_is_no_folder(as_admin, put, keys, query):
    put("a")

    answer = as_admin.post(f"/storage/packages/delete/?{query}")

    assert answer.status_code in (404, 422)
    assert keys() == ["a"]


def test_delete_that_fails_at_once_tells_of_no_success(as_admin, put, keys, monkeypatch):
    put("a")

    def forbidden(self, key):
        raise SourceRefused("source.forbidden", path=key)

    monkeypatch.setattr(FolderDriver, "delete", forbidden)
    page = as_admin.post("/storage/packages/delete/", {"many": "", "confirmed": "1", "key": ["a"]}, follow=True)

    assert [message.level_tag for message in page.context["messages"]] == ["error"]
    assert keys() == ["a"]


@pytest.mark.parametrize("method", ["get", "post"])
def test_delete_is_not_for_developers(as_developer, put, keys, method):
    put("a")

    assert getattr(as_developer, method)("/storage/packages/delete/?key=a").status_code == 403
    assert keys() == ["a"]

import re

import pytest
from django.conf import settings

from stores import services
from tests.factories import make_workspace

CHINESE = {"HTTP_ACCEPT_LANGUAGE": "zh-hans"}


def rows(page):
    return [(row.name, row.folder, row.refusal) for row in page.context["listing"].rows]


def test_browse_shows_folders_and_files_with_size_and_time(as_viewer, put):
    put("digits/model/config.json", b"{}")
    put("digits/notes.txt", b"x" * 1536)

    page = as_viewer.get("/storage/packages/?prefix=digits/")
    text = page.content.decode()

    assert rows(page) == [("model", True, ""), ("notes.txt", False, "")]
    assert page.context["listing"].crumbs == [("", "packages"), ("digits/", "digits")]
    assert re.findall(r'<td class="numeric browser-fact">(?:<[^>]+>)?([^<]+)<', text) == ["--", "1.50 KB"]
    assert len(re.findall("<time", text)) == 1


@pytest.mark.parametrize("count", [1, 3])
def test_browse_asks_the_same_queries_for_any_number_of_objects(as_viewer, put, count, django_assert_num_queries):
    for number in range(count):
        put(f"{number}")

    with django_assert_num_queries(5):
        page = as_viewer.get("/storage/packages/")

    assert len(rows(page)) == count


def test_browse_pages_by_key(as_viewer, put):
    for number in range(102):
        put(f"{number:03}")

    first = as_viewer.get("/storage/packages/")
    following = re.search(r'rel="next" href="([^"]+)"', first.content.decode())[1]
    second = as_viewer.get(following)

    assert following == "/storage/packages/?after=099"
    assert [name for name, _, _ in rows(second)] == ["100", "101"]
    assert "First page" in second.content.decode()


def test_browse_searches_the_folder(as_viewer, put):
    for key in ("weights.bin", "config.json"):
        put(key)

    assert rows(as_viewer.get("/storage/packages/?q=WEIGHT")) == [("weights.bin", False, "")]
    assert "Nothing found" in as_viewer.get("/storage/packages/?q=nothing").content.decode()


def test_browse_escapes_names_and_shows_what_could_deceive(as_viewer, put):
    put("<script>alert(1)</script>")
    put("evil\u202egpj.exe")
    put("a&b=c?d#e %2e.txt")

    text = as_viewer.get("/storage/packages/").content.decode()

    assert "<script>alert" not in text
    assert "\u202e" not in re.sub(r'(href|data-copy)="[^"]*"', "", text)
    assert "evil\\u202egpj.exe" in text
    assert "?key=a%26b%3Dc%3Fd%23e%20%252e.txt" in text


def test_browse_names_what_cannot_be_opened_and_offers_no_way_to(as_admin, bucket):
    folder = settings.BUCKETS_ROOT / "packages"
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "a\\b").touch()

    page = as_admin.get("/storage/packages/")

    assert [(name, refusal[:30]) for name, _, refusal in rows(page)] == [
        ("a\\b", "“a\\b” cannot be used as a path"),
        ("link", "“link” is a symbolic link, and"),
    ]
    assert "download/" not in page.content.decode()
    assert [row.deletable for row in page.context["listing"].rows] == [False, True]


def test_browse_offers_to_import_a_folder_with_a_model(as_developer, put):
    put("digits/model/config.json")

    page = as_developer.get("/storage/packages/?prefix=digits/").content.decode()

    assert 'href="/imports/new/?source=obs&amp;path=%2Fpackages%2Fdigits%2F"' in page


def test_browse_says_that_a_path_with_a_space_cannot_be_imported(as_developer, put):
    put("my digits/model/config.json")

    page = as_developer.get("/storage/packages/?prefix=my digits/").content.decode()

    assert "its path contains a space" in page
    assert "/imports/new/" not in page


def test_browse_offers_viewers_only_what_they_may(as_viewer, put):
    put("digits/model/config.json")

    page = as_viewer.get("/storage/packages/?prefix=digits/").content.decode()

    assert [word for word in ("/imports/new/", "/upload/", "/delete/", "/remove/") if word in page] == []


@pytest.mark.parametrize(
    "query",
    [
        "prefix=nothing/",
        "prefix=../",
        "prefix=../../etc/",
        "prefix=/etc/",
        "prefix=a%00b/",
        "prefix=a%5Cb/",
        "prefix=noslash",
        "prefix=%FF%FE/",
        "prefix=" + "k" * 5000 + "/",
        "prefix=.modelport-incoming/",
    ],
)
@pytest.mark.parametrize("languages", [{}, CHINESE])
def test_browse_refuses_a_folder_that_is_none_with_words(as_viewer, bucket, query, languages):
    page = as_viewer.get(f"/storage/packages/?{query}", **languages)

    assert page.status_code in (404, 422)
    assert page.context["listing"].error
    assert rows(page) == []


@pytest.mark.parametrize(
    "query", ["after=%00", "after=%FF", "q=%00", "q=%F0%9F", "pick=other", "pick=folder&field=%00"]
)
def test_browse_survives_odd_queries(as_viewer, put, query):
    put("a")

    assert as_viewer.get(f"/storage/packages/?{query}").status_code == 200


def test_browse_says_when_the_folder_of_a_bucket_is_gone(as_viewer, bucket):
    (settings.BUCKETS_ROOT / "packages").rmdir()

    page = as_viewer.get("/storage/packages/")

    assert page.status_code == 404
    assert "is not on this machine any more" in page.content.decode()


@pytest.mark.parametrize(
    "path", ["", "download/?key=a", "upload/", "delete/?key=a", "remove/", "?pick=folder&field=id_path"]
)
def test_a_bucket_of_another_workspace_does_not_exist(as_admin, admin, path):
    services.create_bucket(make_workspace("other"), "theirs", by=admin)

    assert as_admin.get(f"/storage/theirs/{path}").status_code == 404
    assert as_admin.get(f"/storage/nobody/{path}").status_code == 404


@pytest.mark.parametrize("path", ["/storage/", "/storage/packages/", "/storage/packages/download/?key=a"])
def test_storage_is_for_people_who_signed_in(client, bucket, path):
    answer = client.get(path)

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/login/")


def test_a_person_without_a_workspace_sees_nothing(client, bucket, django_user_model):
    client.force_login(django_user_model.objects.create_user("nobody"))

    assert client.get("/storage/").status_code == 200
    assert client.get("/storage/packages/").status_code == 404
    assert client.get("/storage/-/new/").status_code == 403

import re

import pytest

HTMX = {"HX-Request": "true"}
PICK = "pick=folder&field=id_path"


def test_picker_is_a_dialog_for_htmx_and_its_inside_when_it_moves(as_developer, put):
    put("digits/model/config.json")

    dialog = as_developer.get(f"/storage/?{PICK}", headers=HTMX).content.decode()
    inside = as_developer.get(f"/storage/packages/?{PICK}", headers=HTMX | {"HX-Target": "picker"}).content.decode()

    assert dialog.lstrip().startswith("<dialog")
    assert inside.lstrip().startswith('<div class="picker"')
    assert re.findall(r'data-pick="([^"]+)"', inside) == ["/packages/digits/", "/packages/"]
    assert 'data-picker-field="id_path"' in inside


def test_picker_stays_a_picker_in_its_links(as_developer, put):
    put("digits/model/config.json")

    page = as_developer.get(f"/storage/packages/?{PICK}&q=dig&next=/imports/new/").content.decode()

    link = re.search(r'href="(/storage/packages/\?[^"]*digits[^"]*)"', page)[1]
    assert link == "/storage/packages/?pick=folder&amp;field=id_path&amp;next=%2Fimports%2Fnew%2F&amp;prefix=digits%2F"


def test_picker_of_files_offers_files_alone(as_developer, put):
    put("digits/config.json")
    put("digits/model/weights")

    page = as_developer.get(
        "/storage/packages/?prefix=digits/&pick=file&field=config_path", headers=HTMX
    ).content.decode()

    assert re.findall(r'data-pick="([^"]+)"', page) == ["/packages/digits/config.json"]


def test_picker_without_javascript_goes_back_with_the_path(as_developer, put):
    put("digits/model/config.json")

    page = as_developer.get(f"/storage/packages/?{PICK}&next=/imports/new/%3Fdraft%3Dx")

    assert page.context["listing"].rows[0].answer == "/imports/new/?draft=x&path=%2Fpackages%2Fdigits%2F"
    assert 'href="/imports/new/?draft=x&amp;path=%2Fpackages%2Fdigits%2F"' in page.content.decode()


@pytest.mark.parametrize(
    "following", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil.example", "http:///x"]
)
def test_picker_never_goes_back_to_another_place(as_developer, put, following):
    put("digits/model/config.json")

    page = as_developer.get("/storage/packages/", {"pick": "folder", "field": "id_path", "next": following})

    assert page.context["picker"].next == ""
    assert page.context["listing"].rows[0].answer == ""


@pytest.mark.parametrize(
    ("path", "opened"),
    [
        ("/packages/digits/", "/storage/packages/?prefix=&"),
        ("obs://packages/digits/model/", "/storage/packages/?prefix=digits%2F&"),
        ("/packages/", "/storage/packages/?prefix=&"),
    ],
)
def test_picker_opens_where_the_field_points(as_developer, bucket, path, opened):
    answer = as_developer.get("/storage/", {"pick": "folder", "field": "id_path", "path": path})

    assert answer.headers["Location"].startswith(opened)


@pytest.mark.parametrize("path", ["", "nonsense", "/nobucket/x/", "/packages/../x", "/packages/\x00"])
def test_picker_opens_at_the_buckets_when_the_field_points_nowhere(as_developer, bucket, path):
    answer = as_developer.get("/storage/", {"pick": "folder", "field": "id_path", "path": path}, headers=HTMX)

    assert answer.status_code == 200
    assert [bucket.name for bucket in answer.context["buckets"]] == ["packages"]


def test_picker_says_what_is_wrong_inside_its_dialog(as_developer, bucket):
    answer = as_developer.get(f"/storage/packages/?{PICK}&prefix=nothing/", headers=HTMX)

    assert answer.status_code == 200
    assert "“/packages/nothing/” does not exist." in answer.content.decode()


def test_picker_refuses_a_field_that_is_no_name(as_developer, bucket):
    answer = as_developer.get("/storage/", {"pick": "folder", "field": 'x"><script>'}, headers=HTMX)

    assert answer.context["picker"].field == ""


def test_picker_is_chinese_for_who_reads_chinese(as_developer, put):
    put("digits/x")

    page = as_developer.get(f"/storage/packages/?{PICK}", HTTP_ACCEPT_LANGUAGE="zh-hans").content.decode()

    assert '<html lang="zh-hans">' in page

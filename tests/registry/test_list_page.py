import re
from importlib import import_module

import pytest
from django.apps import apps

from registry.models import Label, RegisteredModel, Status
from tests.factories import make_version, make_workspace

CHINESE = {"Accept-Language": "zh-hans"}
PART = {"HX-Request": "true", "HX-Target": "models"}


def names(page):
    return re.findall(r'class="model-name"[^>]*><bdi>([^<]*)</bdi>', page.content.decode())


def test_list_is_empty_and_leads_to_the_import(as_developer):
    text = as_developer.get("/models/").content.decode()

    assert re.findall(r'empty-title">([^<]+)<', text) == ["No models yet"]
    assert text.count('href="/imports/new/"') == 2
    assert "neither counts against your quota" in text


def test_list_shows_a_model_with_its_latest_version(as_developer):
    make_version("digits", (0, 0, 1))
    latest = make_version("digits", (0, 1, 0))

    page = as_developer.get("/models/")
    text = page.content.decode()

    assert names(page) == ["digits"]
    assert f'class="model-name" href="/versions/{latest.uuid}/"' in text
    assert re.findall(r'data-label="Latest version">([^<]+)<', text) == ["0.1.0"]
    assert re.findall(r'data-label="Versions">([^<]+)<', text) == ["2"]
    assert re.findall(r'pager-total">([^<]+)<', text) == ["Total: 1"]


def test_list_speaks_chinese(as_developer):
    make_version("digits")

    text = as_developer.get("/models/", headers=CHINESE).content.decode()

    assert re.findall(r"<h1>([^<]+)</h1>", text) == ["模型列表"]
    types = re.search(r'data-label="部署类型">(.*)\s*</td>', text)[1]
    assert re.sub(r"<[^>]+>", "", types) == "在线服务/批量服务/边缘服务"
    assert "总条数：1" in text


def test_list_shows_only_the_workspace_of_the_member(as_developer):
    make_version("ours")
    make_version("theirs", workspace=make_workspace("elsewhere"))

    assert names(as_developer.get("/models/")) == ["ours"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=IG", ["digits"]),
        ("status=failed", ["broken"]),
        ("engine=XGBoost", ["broken"]),
        ("source=auto", ["exeml"]),
        ("source_kind=training", ["exeml"]),
        ("source_kind=obs&q=digits", ["digits"]),
        ("source_kind=image", []),
        ("type=edge", ["exeml"]),
        ("label=vision", ["digits"]),
        ("q=digits&status=failed", []),
        ("status=nonsense&sort=evil", ["exeml", "broken", "digits"]),
        ("q=%00&after=%FF&before=x&open=y", ["exeml", "broken", "digits"]),
    ],
)
def test_list_filters_by_what_the_address_says(as_developer, query, found):
    version = make_version("digits", deployment_types="real-time")
    Label.objects.create(version=version, name="vision")
    make_version("broken", status=Status.FAILED, engine="XGBoost", deployment_types="batch")
    make_version("exeml", model_source="auto", source_kind="training", deployment_types="edge")

    assert names(as_developer.get(f"/models/?{query}")) == found


@pytest.mark.parametrize(
    ("language", "every", "chosen"),
    [("en", "All meta model sources", "Container image"), ("zh-hans", "全部元模型来源", "容器镜像")],
)
def test_list_offers_each_meta_model_source_and_shows_the_chosen_one(as_developer, language, every, chosen):
    text = as_developer.get("/models/?source_kind=image", headers={"Accept-Language": language}).content.decode()

    choices = re.search(r'<select name="source_kind"(.*?)</select>', text, re.DOTALL)[1]
    assert re.findall(r'<option value="([^"]*)"', choices) == ["", "training", "template", "image", "obs"]
    assert f'<option value="">{every}</option>' in choices
    assert f'<option value="image" selected>{chosen}</option>' in choices


def test_pages_of_a_filtered_list_keep_the_meta_model_source(as_developer):
    for count in range(26):
        make_version(f"of-template-{count}", source_kind="template")
    make_version("of-obs")

    text = as_developer.get("/models/?source_kind=template").content.decode()
    following = re.search(r'rel="next" href="([^"]+)"', text)[1].replace("&amp;", "&")

    assert following.endswith("&source_kind=template")
    assert names(as_developer.get(following)) == ["of-template-0"]


def test_the_migration_reads_what_the_latest_versions_say(db):
    make_version("of-template", source_kind="template")
    make_version("of-template", (0, 0, 0), source_kind="obs")
    RegisteredModel.objects.update(latest_source_kind="")

    import_module("registry.migrations.0006_filter_by_meta_model_source").read_latest(apps, None)

    assert RegisteredModel.objects.get().latest_source_kind == "template"


def test_list_without_a_match_offers_to_clear_the_filters(as_developer):
    make_version()

    text = as_developer.get("/models/?q=nothing").content.decode()

    assert re.findall(r'empty-title">([^<]+)<', text) == ["No model matches"]
    assert re.findall(r'href="([^"]+)">Clear filters<', text) == ["/models/"]


def test_list_sorts_by_a_click_on_a_heading_and_back(as_developer):
    for name in ("beta", "alpha"):
        make_version(name)

    newest = as_developer.get("/models/").content.decode()
    by_name = as_developer.get("/models/?sort=name")

    assert re.findall(r'aria-sort="(\w+)"', newest) == ["none", "none", "descending"]
    assert re.findall(r'aria-sort="(\w+)"', by_name.content.decode()) == ["ascending", "none", "none"]
    assert names(by_name) == ["alpha", "beta"]
    assert '<a href="?sort=-name"' in by_name.content.decode()


def test_list_pages_keep_the_search_and_come_back(as_developer):
    for number in range(27):
        make_version(f"m{number:02}")

    first = as_developer.get("/models/?q=m&sort=name")
    following = re.search(r'rel="next" href="([^"]+)"', first.content.decode())[1].replace("&amp;", "&")
    second = as_developer.get(following)
    back = re.search(r'rel="prev" href="([^"]+)"', second.content.decode())[1].replace("&amp;", "&")

    assert names(second) == ["m25", "m26"]
    assert names(as_developer.get(back)) == names(first)
    assert "q=m" in following


def test_list_answers_htmx_with_the_table_alone_and_a_clean_address(as_developer):
    make_version("digits")

    page = as_developer.get("/models/?q=digits&status=&engine=&sort=-created_at", headers=PART)

    assert page.content.decode().lstrip().startswith('<div class="models" id="models">')
    assert page.headers["HX-Push-Url"] == "/models/?q=digits"


def test_list_opens_the_row_the_address_names(as_developer):
    version = make_version("digits")
    make_version("other")

    text = as_developer.get(f"/models/?open={version.model.uuid}").content.decode()

    assert re.findall(r'aria-expanded="true" aria-controls="versions-row-([^"]+)"', text) == [str(version.model.uuid)]
    assert text.count('class="version-row"') == 1
    assert len(re.findall(r'class="detail-row"[^>]* hidden', text)) == 1


@pytest.mark.parametrize("count", [1, 3])
def test_list_asks_the_same_queries_for_any_number_of_models(as_developer, count, django_assert_num_queries):
    for number in range(count):
        make_version(f"m{number}")

    with django_assert_num_queries(7):
        page = as_developer.get("/models/")

    assert len(names(page)) == count


@pytest.mark.parametrize("count", [1, 3])
def test_drill_down_asks_the_same_queries_for_any_number_of_versions(as_developer, count, django_assert_num_queries):
    versions = [make_version("digits", (0, 0, number)) for number in range(count)]

    with django_assert_num_queries(7):
        page = as_developer.get(f"/models/{versions[0].model.uuid}/versions/", headers={"HX-Request": "true"})

    assert page.content.decode().count('class="version-row"') == count


def test_drill_down_is_a_page_of_its_own_without_javascript(as_developer):
    version = make_version("digits", size=1536, file_count=2)

    text = as_developer.get(f"/models/{version.model.uuid}/versions/").content.decode()

    assert re.findall(r"<h1>(.+)</h1>", text) == ["<bdi>digits</bdi>"]
    assert re.findall(r'data-label="Model size">([^<]+)<', text) == ["1.50 KB"]
    assert re.findall(r'data-label="Model source">([^<]+)<', text) == ["Custom algorithm"]


def test_drill_down_searches_and_sorts_versions(as_developer):
    for number, size in (((0, 0, 1), 30), ((0, 1, 0), 10), ((0, 1, 1), 20)):
        version = make_version("digits", number, size=size)
    address = f"/models/{version.model.uuid}/versions/"

    def numbers(query):
        text = as_developer.get(address + query).content.decode()
        return re.findall(r'<td class="primary-cell nowrap"><a [^>]+>([^<]+)<', text)

    assert numbers("") == ["0.1.1", "0.1.0", "0.0.1"]
    assert numbers("?q=0.1") == ["0.1.1", "0.1.0"]
    assert numbers("?sort=size") == ["0.1.0", "0.1.1", "0.0.1"]
    assert "No version begins with “9”." in as_developer.get(address + "?q=9").content.decode()


def test_drill_down_loads_the_progress_of_a_version_that_is_imported(as_developer):
    version = make_version("digits", status=Status.IMPORTING)

    text = as_developer.get(f"/models/{version.model.uuid}/versions/").content.decode()

    assert f'hx-get="/imports/of/{version.uuid}/" hx-trigger="load"' in text


def test_status_polls_until_the_version_is_at_rest(as_developer):
    busy = make_version("busy", status=Status.BUILDING)
    done = make_version("done")

    polling = as_developer.get(f"/versions/{busy.uuid}/status/").content.decode()
    resting = as_developer.get(f"/versions/{done.uuid}/status/").content.decode()

    assert f'hx-get="/versions/{busy.uuid}/status/"' in polling
    assert "hx-get" not in resting


def test_viewer_sees_no_controls(client, viewer):
    version = make_version("digits")
    client.force_login(viewer)

    text = client.get(f"/models/?open={version.model.uuid}").content.decode()

    assert "/imports/new/" not in text
    assert "/edit/" not in text
    assert "/delete/" not in text


def test_drill_down_of_another_workspace_does_not_exist(as_developer):
    version = make_version("theirs", workspace=make_workspace("elsewhere"))

    assert as_developer.get(f"/models/{version.model.uuid}/versions/").status_code == 404
    assert as_developer.get(f"/versions/{version.uuid}/status/").status_code == 404


def test_list_asks_people_without_a_workspace_to_be_added(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("nobody"))

    assert "You are not a member of any workspace." in client.get("/models/").content.decode()


def test_list_escapes_and_isolates_what_people_wrote(client, admin):
    client.force_login(admin)
    version = make_version("<b>x\u202e", description="<script>1</script>\u202e", engine="<i>")
    RegisteredModel.objects.update(description="<img src=x>\u202e")

    text = client.get(f"/models/?open={version.model.uuid}").content.decode()

    for raw in ("<b>x", "<script>1", "<img src=x", "<i>"):
        assert raw not in text
    assert "<bdi>&lt;b&gt;x\u202e</bdi>" in text
    assert "&lt;img src=x&gt;\u202e</bdi>" in text


def test_list_brings_the_opened_model_to_the_top_when_its_row_is_on_another_page(as_developer):
    old = make_version("old")
    for number in range(26):
        make_version(f"newer-{number}")

    page = as_developer.get(f"/models/?open={old.model.uuid}")

    assert names(page)[0] == "old"
    assert len(names(page)) == 26
    assert f'href="/versions/{old.uuid}/"' in page.content.decode()

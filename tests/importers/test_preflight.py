"""The pre-flight: what it shows of a package, in parts for htmx and as the whole page without JavaScript."""

import json
import re

import pytest
from django.urls import reverse

from importers.models import ImportJob
from tests.importers.pages import HTMX, put_file, put_package, typed
from tests.packages import API, make_config

PREFLIGHT = reverse("importers:preflight")
COMMENTED = "// mine\n" + json.dumps(make_config(), indent=1)


def check(client, path, **changes):
    """What htmx gets."""
    response = client.post(PREFLIGHT, typed(path, **changes), headers=HTMX)
    assert response.status_code == 200
    return response.content.decode()


def editor_of(html):
    return re.search(r'<textarea[^>]*name="config_text"[^>]*>\n?([^<]*)', html).group(1)


def fill_of(html):
    return re.search(r'data-editor-fill="([^"]*)">\n([^<]*)', html).groups()


def test_preflight_shows_what_the_package_is(as_developer):
    dependencies = [
        {"installer": "pip", "packages": [{"package_name": "numpy", "restraint": "ATLEAST", "package_version": "1.15"}]}
    ]

    html = check(as_developer, put_package(config=make_config(dependencies=dependencies)))

    assert "Importable" in html
    assert "3 files, " in html
    assert "<bdi>Scikit_Learn</bdi> · <bdi>python3.6</bdi>" in html
    assert 'id="id_engine" value="Scikit_Learn" readonly' in html
    assert "obs://packages/digits/model/customize_service.py" in html
    assert "current version or later" in html
    assert "<html" not in html


def test_preflight_without_a_path_says_what_to_do(as_developer):
    html = check(as_developer, "")

    assert "Choose a folder: its package is checked at once" in html
    assert "No data" in html


def test_preflight_lists_every_finding_with_its_place(as_developer):
    path = put_package(config=make_config(apis="none", swr_location="x"), code="class A(:\n")

    html = check(as_developer, path)

    assert "Cannot be imported yet: 3 errors" in html
    assert html.count('class="finding error"') == 3
    assert re.findall(r'data-jump-line="(\d+)"', html) != []
    assert "model/customize_service.py:1:" in html


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("packages/digits", "is not a storage path"),
        ("/packages/two words/", "contains a space"),
        ("/nowhere/digits/", "There is no bucket “nowhere”"),
        ("/packages/../etc/", "cannot be used as a path"),
        ("/packages/missing/", "does not exist"),
        ("/packages/<script>/", "does not exist"),
    ],
)
def test_preflight_of_a_bad_path_is_a_finding(as_developer, path, message):
    put_package()

    html = check(as_developer, path)

    assert "Cannot be imported yet: 1 error" in html
    assert message in html
    assert "<script>" not in html


@pytest.mark.parametrize("path", ["/packages/digits", "obs://packages/digits/", "s3://packages/digits/"])
def test_preflight_takes_every_way_to_write_a_path(as_developer, path):
    put_package()

    html = check(as_developer, path)

    assert "Importable" in html
    assert "obs://packages/digits/model/customize_service.py" in html


def test_preflight_of_the_model_folder_itself_finds_the_code(as_developer):
    path = put_package()

    html = check(as_developer, f"{path}model/")

    assert "obs://packages/digits/model/customize_service.py" in html
    assert '<details class="notes" open>' in html


def test_preflight_offers_an_engine_when_nothing_says_which(as_developer):
    config = make_config()
    del config["model_type"]
    path = put_package(config=config, files={"model.m": b"x"}, code=None)

    html = check(as_developer, path, engine="XGBoost")

    assert '<select name="engine"' in html
    assert '<option value="XGBoost" selected>' in html


def test_preflight_offers_a_repair_and_puts_it_into_the_editor(as_developer):
    path = put_package(config=COMMENTED)

    offered = check(as_developer, path)
    repaired = check(as_developer, path, repair="1")

    mark, text = fill_of(repaired)
    assert 'name="repair"' in offered
    assert "Importable" in repaired
    assert "The editor holds the repaired configuration." in repaired
    assert mark.startswith("repaired:")
    assert text.startswith("\n{")


def test_preflight_fills_an_untouched_editor_and_leaves_a_changed_one(as_developer):
    path = put_package()

    opened = check(as_developer, path, config_edit="on")
    mark, text = fill_of(opened)
    changed = check(as_developer, path, config_edit="on", config_text="{}", config_mark=mark)

    assert mark.startswith("found:")
    assert "Scikit_Learn" in text
    assert "data-editor-fill" not in changed
    assert "The configuration in the editor is imported in the place of" in changed


def test_preflight_of_another_package_brings_its_own_configuration(as_developer):
    first, second = put_package(), put_package("eyes", engine="TensorFlow")
    mark, text = fill_of(check(as_developer, first, config_edit="on"))

    html = check(as_developer, second, config_edit="on", config_text=text.replace("&quot;", '"'), config_mark=mark)

    assert "TensorFlow" in fill_of(html)[1]


def test_preflight_resets_the_editor_to_the_file_as_found(as_developer):
    html = check(as_developer, put_package(), config_edit="on", config_text="{}", reset="1")

    assert fill_of(html)[0].startswith("found:")


def test_preflight_takes_another_configuration_from_a_bucket(as_developer):
    path = put_package()
    put_file("/packages/other.json", json.dumps(make_config(apis=[API | {"url": "/other"}])).encode())

    html = check(as_developer, path, load="1", config_path="/packages/other.json")

    assert fill_of(html)[0].startswith("obs:")
    assert "/other" in fill_of(html)[1]


@pytest.mark.parametrize(
    ("config_path", "message"),
    [
        ("", "is not a storage path"),
        ("/packages/", "Choose a file: this is a folder."),
        ("/packages/none.json", "does not exist"),
        ("/packages/large.json", "This file is larger than 1 MB"),
        ("/packages/binary.json", "This file is not text."),
    ],
)
def test_preflight_says_why_another_configuration_cannot_be_taken(as_developer, config_path, message):
    path = put_package()
    put_file("/packages/large.json", b" " * (1024 * 1024 + 1))
    put_file("/packages/binary.json", b"\xff\xff\xff{")

    html = check(as_developer, path, load="1", config_path=config_path, config_edit="on", config_text="{mine")

    notes = html[html.index('id="config-path-notes"') :]
    assert message in notes
    assert "data-editor-fill" not in html


def test_preflight_without_javascript_is_the_whole_page_with_everything_kept(as_developer):
    path = put_package(config=COMMENTED)

    response = as_developer.post(PREFLIGHT, typed(path, name="mine", labels="a", description="a & b", repair="1"))

    html = response.content.decode()
    assert 'value="mine"' in html
    assert "a &amp; b" in html
    assert "At most 100 characters, and none of these" in html
    assert "Importable" in html
    assert "Scikit_Learn" in editor_of(html)
    assert 'id="problems"' not in html


def test_preflight_uses_the_proposed_number(as_developer):
    html = as_developer.post(PREFLIGHT, typed(put_package(), use_version="0.0.7")).content.decode()

    assert 'name="version" value="0.0.7"' in html


def test_preflight_asked_by_address_leads_to_the_page(as_developer):
    response = as_developer.get(PREFLIGHT, {"path": "/packages/digits/"})

    assert response.url == f"{reverse('importers:new')}?path=%2Fpackages%2Fdigits%2F"


def test_preflight_of_a_form_of_more_than_4_mb_says_so(as_developer):
    response = as_developer.post(PREFLIGHT, typed("/x/", config_text="x" * 5 * 1024 * 1024), headers=HTMX)

    assert response.status_code == 422
    assert "The form is larger than 4 MB" in response.content.decode()


def test_preflight_keeps_an_opened_fold_of_bidi_text_harmless(as_developer):
    config = make_config(apis=[API | {"url": "/\u202egnp.exe"}])

    html = check(as_developer, put_package(config=config))

    assert "<bdi>/" in html


def test_preflight_is_forbidden_to_viewers(client, viewer):
    client.force_login(viewer)

    assert client.post(PREFLIGHT, typed("/packages/digits/"), headers=HTMX).status_code == 403


@pytest.mark.parametrize(
    "junk", [{}, {"documents-TOTAL_FORMS": "many"}, {"source": "nothing", "deployment_types": "x"}]
)
def test_preflight_survives_junk(as_developer, junk):
    response = as_developer.post(PREFLIGHT, {"path": "/packages/x/", **junk})

    assert response.status_code == 200


def parts_of(html):
    """Status, marked as broken, and line with severity of all that is said of the text in the editor."""
    status = re.search(r'id="config-status"[^>]*>(.*?)</p>', html, re.DOTALL).group(1)
    lines = re.findall(r'data-jump-line="(\d+)" data-jump-column="\d+" data-jump-severity="(\w+)"', html)
    return re.sub(r"<[^>]+>", "", status).strip(), " data-broken" in html, lines


def test_check_of_the_editor_says_what_is_wrong_in_which_line(as_developer):
    text = '{\n "model_type": "Scikit_Learn",\n "model_algorithm": "x",\n "swr_location": "x"\n}'

    html = check(as_developer, put_package(), config_edit="on", config_text=text)

    status, broken, lines = parts_of(html)
    assert (status, broken) == ("1 error in the configuration", True)
    assert lines[0] == ("4", "error")
    assert 'id="config-status" role="status" aria-atomic="true" hx-swap-oob="innerHTML"' in html
    assert 'id="config-findings" data-broken hx-swap-oob="true"' in html


def test_check_of_the_editor_places_what_a_batch_service_misses(as_developer):
    text = json.dumps(make_config(apis=[API | {"request": {"Content-type": "application/json"}}]), indent=1)

    html = check(as_developer, put_package(), config_edit="on", config_text=text)

    status, broken, lines = parts_of(html)
    line = text[: text.index('"apis"')].count("\n") + 1
    assert (status, broken) == ("No errors in the configuration; see the remarks below", False)
    assert (str(line), "warning") in lines


@pytest.mark.parametrize(
    ("language", "status"), [("en", "No errors in the configuration"), ("zh-hans", "配置文件无错误")]
)
def test_check_of_a_good_text_says_so_in_both_languages(as_developer, language, status):
    as_developer.cookies["django_language"] = language

    html = check(as_developer, put_package(), config_edit="on", config_text=json.dumps(make_config()))

    assert parts_of(html)[:2] == (status, False)


def test_page_names_what_describes_the_text_and_says_that_it_is_wrong(as_developer):
    html = as_developer.post(PREFLIGHT, typed(put_package(), config_edit="on", config_text="{")).content.decode()

    area = re.search(r'<textarea[^>]*name="config_text"[^>]*>', html).group()
    assert 'aria-describedby="config-status config-keys"' in area
    assert 'aria-invalid="true"' in area
    assert html.count('id="config-status"') == html.count('id="config-keys"') == html.count('id="config-findings"') == 1


def test_save_without_javascript_keeps_the_form_and_imports_nothing(as_developer):
    sent = as_developer.post(
        PREFLIGHT, typed(put_package(), name="kept", config_edit="on", config_text="{mine", save="1")
    )

    html = as_developer.get(sent.url).content.decode()
    assert re.fullmatch(rf"{reverse('importers:new')}\?draft=[\w-]+&saved=1#configuration", sent.url)
    assert editor_of(html) == "{mine"
    assert 'value="kept"' in html
    assert "Saved. This page shows it again until you sign out." in html
    assert ImportJob.objects.count() == 0


def test_hostile_configurations_never_break_the_page(as_developer):
    deep = '{"a":' * 1000 + "1" + "}" * 1000
    scripted = json.dumps(make_config() | {"<script>alert(1)</script>": {"</textarea><script>": 1}})
    twice = '{"model_type": "Scikit_Learn", "model_type": "XGBoost", "model_algorithm": "x"}'
    path = put_package()

    for text in (deep, scripted, twice, "[" * 100_000, '{"a": "\\ud800\\u0000"}', '"' * 5000, "{}" * 5000):
        html = as_developer.post(PREFLIGHT, typed(path, config_edit="on", config_text=text)).content.decode()
        assert html.count("</html>") == 1, text[:20]
        assert "<script>alert" not in html


def test_viewer_of_a_megabyte_stays_small(as_developer):
    properties = {f"p{number}": {"type": "object", "properties": {"a": {}}} for number in range(10_000)}
    api = API | {"request": {"Content-type": "application/json", "data": {"properties": properties}}}
    path = put_package(config=make_config(apis=[api]))

    html = check(as_developer, path)

    assert "9700 more are not shown here" in html
    assert len(html) < 400_000

"""The catalogue's own pages, and what a version page says of the template it came from."""

import re

import pytest
from django.urls import reverse

from importers.catalogue import TEMPLATES
from tests.factories import make_user, make_version
from tests.importers.pages import HTMX

pytestmark = pytest.mark.django_db
LIST = reverse("importers:template-list")


def names_of(html):
    return re.findall(r'class="template-link" href="/model-templates/([^/]+)/"', html)


def test_list_shows_every_template_ours_apart(as_viewer):
    html = as_viewer.get(LIST).text

    assert names_of(html) == list(TEMPLATES)
    assert html.index("For today's Python") < html.index("own-pytorch") < html.index("As documented")
    assert html.index("As documented") < html.index("arm-ascend")
    assert "Total: 16" in html


def test_list_speaks_chinese(as_viewer):
    html = as_viewer.get(LIST, headers={"Accept-Language": "zh-CN"}).text

    assert "<h1>模型模板</h1>" in html
    assert "Caffe-GPU-py36通用模板" in html


def test_list_is_filtered_by_its_address(as_viewer):
    html = as_viewer.get(LIST, {"type": "common", "engine": "PyTorch", "environment": "python3.6", "q": "general"}).text

    assert names_of(html) == ["pytorch-py36"]
    assert '<option value="common" selected>' in html
    assert "For today's Python" not in html


def test_list_says_when_nothing_fits(as_viewer):
    html = as_viewer.get(LIST, {"q": "<nothing>"}).text

    assert "No template fits these filters." in html
    assert names_of(html) == []
    assert "<nothing>" not in html


def test_list_answers_htmx_with_its_part(as_viewer):
    html = as_viewer.get(LIST, {"q": "onnx"}, headers=HTMX | {"HX-Target": "model-templates"}).text

    assert names_of(html) == ["own-onnx"]
    assert "<html" not in html


def test_list_offers_the_import_only_to_those_who_may(as_viewer, client, developer):
    seen = as_viewer.get(LIST).text
    client.force_login(developer)
    offered = client.get(LIST).text

    assert "/imports/new/?source=template" not in seen
    assert offered.count("/imports/new/?source=template&amp;template=") == 16


def test_list_is_forbidden_without_a_workspace(client):
    client.force_login(make_user("nobody"))

    assert client.get(LIST).status_code == 403


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.id)
@pytest.mark.parametrize(("language", "rule"), [("en", "this name, and choose this folder"), ("zh-CN", "名称固定")])
def test_page_shows_rules_runtime_and_the_modes_apis(as_viewer, template, language, rule):
    html = as_viewer.get(reverse("importers:template", args=[template.id]), headers={"Accept-Language": language}).text

    name = template.name.zh if language == "zh-CN" else template.name.en
    assert f"<h1>{name}</h1>" in html
    assert rule in html
    assert all(file.shown in html for file in template.files)
    assert template.runtime in html
    assert html.count('class="disclosure template-mode"') == html.count('class="api-bar"') == len(template.modes)


def test_page_says_what_pytorch_needs_and_what_cannot_run(as_viewer):
    pytorch = as_viewer.get(reverse("importers:template", args=["own-pytorch"])).text
    ascend = as_viewer.get(reverse("importers:template", args=["arm-ascend"])).text

    assert re.search(r"customize_service\.py</td><td>required", pytorch)
    assert "cannot run here: This engine needs Ascend hardware." in ascend


def test_page_leads_to_the_import(client, developer):
    client.force_login(developer)

    html = client.get(reverse("importers:template", args=["tf-py36"])).text

    assert 'href="/imports/new/?source=template&amp;template=tf-py36"' in html


def test_page_of_no_template_is_not_found(as_viewer):
    assert as_viewer.get("/model-templates/nothing/").status_code == 404


def test_import_form_gets_the_rules_as_a_dialog(as_viewer):
    address = reverse("importers:template", args=["own-sklearn"])

    html = as_viewer.get(address, headers=HTMX | {"HX-Target": "picker-place"}).text

    assert html.lstrip().startswith('<dialog class="dialog wide" data-dialog-now')
    assert "*.joblib / *.pkl / *.m" in html


def test_version_page_names_template_and_mode(as_viewer):
    params = {"template": "own-sklearn", "mode": "predict-analysis", "config_origin": "generated"}
    version = make_version(source_kind="template", source_params=params, config_used="{}")

    overview = as_viewer.get(version.get_absolute_url()).text
    config = as_viewer.get(version.get_absolute_url(), {"tab": "config"}).text

    link = '<a href="/model-templates/own-sklearn/">scikit-learn template · Built-in predictive analytics mode</a>'
    assert link in overview
    assert "It was generated from the model template and the input and output mode." in config


def test_version_page_shows_the_id_of_a_template_that_is_gone(as_viewer):
    version = make_version(source_kind="template", source_params={"template": "<old>", "mode": "older"})

    html = as_viewer.get(version.get_absolute_url()).text

    assert "<dd>&lt;old&gt;</dd>" in html


@pytest.mark.parametrize("narrow", [{}, {"q": "py36"}])
def test_list_asks_the_database_as_often_for_any_number(as_viewer, narrow, django_assert_num_queries):
    with django_assert_num_queries(5):
        as_viewer.get(LIST, narrow)

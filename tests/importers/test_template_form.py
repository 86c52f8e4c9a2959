"""The import form with the source template: its cards, modes and deployment types, and what it submits and refuses."""

import re

import pytest
from django.urls import reverse
from django.utils import translation

from importers.catalogue import MODES, TEMPLATES
from importers.forms_template import TemplateSourceForm
from importers.models import ImportJob
from importers.request import ImportRequest
from tests.factories import make_version
from tests.importers.jobs import GOOD, put
from tests.importers.pages import HTMX, typed
from tests.packages import service_code

pytestmark = pytest.mark.django_db
NEW = reverse("importers:new")
FIELDS = reverse("importers:source-fields")
PREFLIGHT = reverse("importers:preflight")
CARDS = reverse("importers:template-cards")
WEIGHTS = {"model/model.pkl": GOOD["model/model.pkl"]}
REFUSED_BATCH = "Batch services are impossible with the undefined mode"


def form(template="own-sklearn", mode="predict-analysis", path="/packages/digits/model/", **changes):
    return typed(path, **{"source": "template", "template": template, "mode": mode} | changes)


def cards_of(html):
    return re.findall(r'type="radio" name="template" value="([^"]+)"', html)


def modes_of(html):
    return re.findall(r'type="radio" name="mode" value="([^"]+)"', html)


def checked(html, name):
    return re.findall(rf'name="{name}" value="([^"]+)"[^>]*? checked', html)


def test_form_opens_with_cards_and_waits_for_a_choice(as_developer):
    html = as_developer.get(NEW, {"source": "template"}).text

    assert cards_of(html) == ["own-sklearn", "own-xgboost", "own-onnx"]
    assert checked(html, "template") == []
    assert modes_of(html) == []
    assert "Total: 16" in html
    assert "Choose a template first: it says which modes there are." in html


def test_form_speaks_chinese(as_developer):
    address = {"source": "template", "template": "tf-image-classification-py27"}

    html = as_developer.get(NEW, address, headers={"Accept-Language": "zh-CN"}).text

    assert "TensorFlow图像分类模板" in html
    assert "预置图像处理模式" in html
    assert "该模板的模式不可更换。" in html


def test_address_chooses_a_template_on_its_page_with_its_mode_and_configuration(as_developer):
    put(WEIGHTS)

    html = as_developer.get(
        NEW, {"source": "template", "template": "mxnet-py27", "path": "/packages/digits/model/"}
    ).text

    assert checked(html, "template") == ["mxnet-py27"]
    assert modes_of(html) == list(MODES)
    assert checked(html, "mode") == ["undefined"]
    assert '<input type="hidden" name="mode_for" value="mxnet-py27">' in html
    assert "&quot;model_type&quot;: &quot;MXNet&quot;" in html
    assert "The template is for MXNet, but no model file of it is there" in html


def test_fixed_template_shows_only_its_mode(as_developer):
    html = as_developer.get(NEW, {"source": "template", "template": "tf-image-classification-py27"}).text

    assert modes_of(html) == checked(html, "mode") == ["image-processing"]
    assert "The mode of this template is fixed." in html


def test_choosing_another_source_keeps_what_was_typed_for_the_first(as_developer):
    sent = typed("/packages/digits/", source="template", name="kept", config_text='{"a": 1}', config_edit="on")

    html = as_developer.post(FIELDS, sent, headers=HTMX).text
    back = as_developer.post(FIELDS, form(name="kept", source="obs"), headers=HTMX).text

    assert '<input type="hidden" name="config_text" value="{&quot;a&quot;: 1}">' in html
    assert '<input type="hidden" name="template" value="own-sklearn">' in back
    assert 'value="/packages/digits/"' in html
    assert "<html" not in html


def test_choosing_another_source_tells_its_address_and_refuses_nothing_yet(as_developer):
    version = make_version()

    response = as_developer.post(FIELDS, typed("", source="template", model=str(version.model.uuid)), headers=HTMX)

    assert response["HX-Replace-Url"] == f"{NEW}?source=template&model={version.model.uuid}"
    assert "field-error" not in response.text


def test_choosing_another_source_without_javascript_shows_the_whole_page(as_developer):
    html = as_developer.post(FIELDS, form(name="kept")).text

    assert "<html" in html
    assert 'name="name" value="kept"' in html
    assert checked(html, "template") == ["own-sklearn"]


def test_choosing_another_source_is_forbidden_to_viewers(client, viewer):
    client.force_login(viewer)

    assert client.post(FIELDS, form()).status_code == 403
    assert client.get(CARDS, headers=HTMX).status_code == 403


def test_another_template_begins_with_its_own_mode(as_developer):
    html = as_developer.post(
        FIELDS, form("tf-py36", mode="predict-analysis", mode_for="own-sklearn"), headers=HTMX
    ).text

    assert checked(html, "mode") == ["undefined"]
    assert "field-error" not in html


def test_undefined_mode_switches_batch_off_and_says_why(as_developer):
    html = as_developer.post(FIELDS, form(mode="undefined", mode_for="own-sklearn"), headers=HTMX).text

    assert REFUSED_BATCH in html
    assert re.search(r'value="batch" id="id_deployment_types_1" data-recheck disabled', html)
    assert checked(html, "deployment_types") == ["real-time", "edge"]
    assert '<input type="hidden" name="held_types" value="batch">' in html


def test_defined_mode_brings_batch_back(as_developer):
    sent = form(mode_for="own-sklearn", deployment_types=["real-time"], held_types="batch")

    html = as_developer.post(FIELDS, sent, headers=HTMX).text

    assert checked(html, "deployment_types") == ["real-time", "batch"]
    assert "held_types" not in html


def test_create_now_starts_the_import(as_developer):
    put(WEIGHTS)

    response = as_developer.post(NEW, form(mode_for="own-sklearn", labels="a"))

    request = ImportRequest.from_dict(ImportJob.objects.get().request)
    assert response.status_code == 302
    assert (request.source_kind, request.source) == (
        "template",
        {"template": "own-sklearn", "mode": "predict-analysis", "path": "/packages/digits/model/"},
    )
    assert (request.config_text, request.config_origin) == (None, "generated")


@pytest.mark.parametrize(
    ("changes", "target", "message"),
    [
        ({"template": None}, "id_template", "Choose a model template."),
        ({"template": "nothing"}, "id_template", "There is no model template “nothing”."),
        ({"path": ""}, "id_path", "This field is required."),
        ({"mode": "image-processing"}, "id_mode", "This template takes only: Built-in predictive analytics mode"),
        ({"mode": "telepathy"}, "id_mode", "This template takes only: Built-in predictive analytics mode"),
        ({"mode": "undefined"}, "id_deployment_types_0", REFUSED_BATCH),
        ({"mode_for": "tf-py36"}, "id_mode", "The modes of the template you have chosen are shown now."),
        ({"path": "/packages/nothing/model/"}, "check", "The check found errors: see what it says."),
        ({"template": "own-onnx", "mode": ""}, "check", "The check found errors: see what it says."),
    ],
)
def test_create_now_refuses_and_keeps_everything(as_developer, changes, target, message):
    put(WEIGHTS)

    response = as_developer.post(NEW, form(**changes | {"name": "kept"}))

    html = response.text
    assert (response.status_code, ImportJob.objects.count()) == (422, 0)
    assert re.findall(r'<li><a href="#([^"]+)"', html) == [target]
    assert message in html
    assert f'id="{target}"' in html
    assert 'name="name" value="kept"' in html


def test_refusal_of_the_folder_says_which_one_is_wanted(as_developer):
    put({"other/model.pkl": b"x"})

    html = as_developer.post(PREFLIGHT, form(path="/packages/digits/other/"), headers=HTMX).text

    assert "A template import needs the folder named “model” itself; “other” was chosen." in html


def test_preflight_brings_what_follows_from_the_files(as_developer):
    put(WEIGHTS | {"model/customize_service.py": service_code().encode()})

    html = as_developer.post(PREFLIGHT, form(mode_for="own-sklearn"), headers=HTMX).text

    assert "Importable" in html
    assert 'value="obs://packages/digits/model/customize_service.py"' in html
    assert html.count('id="derived" hx-swap-oob="true"') == 1
    assert "engine-part" not in html


def test_new_version_begins_with_template_mode_and_path(as_developer):
    version = make_version(
        source_kind="template",
        source_path="/packages/digits/model/",
        source_params={"template": "tf-py36", "mode": "image-processing"},
    )

    html = as_developer.get(NEW, {"model": version.model.uuid}).text

    assert checked(html, "source") == ["template"]
    assert (checked(html, "template"), checked(html, "mode")) == (["tf-py36"], ["image-processing"])
    assert 'name="path" value="/packages/digits/model/"' in html


def test_cards_are_filtered_searched_and_paged(as_developer):
    def shown(**asked):
        return cards_of(as_developer.get(CARDS, asked, headers=HTMX).text)

    assert shown(template_type="classification") == ["tf-image-classification-py27"]
    assert shown(template_engine="Caffe", template_environment="python2.7") == ["caffe-gpu-py27", "caffe-cpu-py27"]
    assert shown(template_q="ascend") == ["arm-ascend"]
    assert shown(template_q="通用 py36 tensorflow") == ["tf-py36"]
    assert shown(template_page="2") == ["own-pytorch", "arm-ascend", "caffe-gpu-py36"]
    assert shown(template_page="6") == shown(template_page="99") == ["tf-image-classification-py27"]
    assert shown(template_page="-1") == shown(template_page="x") == shown() == list(TEMPLATES)[:3]
    assert shown(template_type="nonsense") == list(TEMPLATES)[:3]
    assert shown(template_q="nothing like it") == []


def test_chosen_card_stays_chosen_on_another_page(as_developer):
    html = as_developer.get(CARDS, {"template": "own-sklearn", "template_page": "2"}, headers=HTMX).text

    assert '<input type="hidden" name="template" value="own-sklearn">' in html
    assert "Chosen: scikit-learn template" in html
    assert "<html" not in html


def test_cards_show_the_page_with_the_chosen_one(as_developer):
    html = as_developer.get(CARDS, {"template": "tf-py36"}, headers=HTMX).text

    assert checked(html, "template") == ["tf-py36"]
    assert 'aria-current="page" aria-label="Page 5"' in html


def test_cards_say_when_none_fits(as_developer):
    html = as_developer.get(CARDS, {"template_q": "<b>\0"}, headers=HTMX).text

    assert "No template fits these filters." in html
    assert "Total: 0" in html
    assert "<b>" not in html


def test_cards_without_htmx_lead_to_the_form(as_developer):
    assert as_developer.get(CARDS).url == f"{NEW}?source=template"


def test_paging_without_javascript_keeps_the_choice(as_developer):
    html = as_developer.post(FIELDS, form(template_page="2", mode_for="own-sklearn")).text

    assert cards_of(html) == ["own-pytorch", "arm-ascend", "caffe-gpu-py36"]
    assert '<input type="hidden" name="template" value="own-sklearn">' in html
    assert checked(html, "mode") == ["predict-analysis"]


@pytest.mark.parametrize("value", ["\0", "<script>", "x" * 5000, "\u202e", "９", "²"])
def test_form_survives_anything(as_developer, value):
    sent = {name: value for name in ("template", "mode", "mode_for", "path", "held_types", "deployment_types")}
    sent |= {f"template_{name}": value for name in ("type", "engine", "environment", "q", "page")}

    sent |= {button: "1" for button in ("load", "reset", "repair")}

    answers = [
        as_developer.post(address, typed(**sent | {"source": "template"})) for address in (FIELDS, PREFLIGHT, NEW)
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 422]
    assert all('<script>"' not in answer.text for answer in answers)
    assert as_developer.get(CARDS, sent, headers=HTMX).status_code == 200


def test_form_gives_no_source_until_template_and_path_are_there():
    assert TemplateSourceForm(initial={"template": "own-sklearn"}).source == {}
    assert TemplateSourceForm(initial={"path": "/a/model/"}).source == {}
    assert TemplateSourceForm(initial={"path": "/a/model/", "template": "own-onnx"}).source == {
        "template": "own-onnx",
        "mode": "predict-analysis",
        "path": "/a/model/",
    }


def test_form_refuses_batch_in_both_languages():
    undefined = TemplateSourceForm(initial={"template": "own-sklearn", "mode": "undefined"})

    assert list(undefined.refused_types) == ["batch"]
    with translation.override("zh-hans"):
        assert undefined.refused_types["batch"].startswith("使用未定义模式时无法部署批量服务")
    assert TemplateSourceForm(initial={"template": "own-sklearn"}).refused_types == {}


def test_browsing_without_javascript_keeps_the_template_and_takes_the_chosen_path(as_developer):
    put(WEIGHTS)
    sent = as_developer.post(PREFLIGHT, form(path="", browse="path", mode_for="own-sklearn"))

    draft = re.search(r"draft%3D(.+)", sent.url).group(1)
    html = as_developer.get(NEW, {"draft": draft, "path": "/packages/digits/model/"}).text

    assert checked(html, "template") == ["own-sklearn"]
    assert 'name="path" value="/packages/digits/model/"' in html
    assert "Importable" in html


def test_form_that_is_too_large_says_so_in_the_place_of_the_check(as_developer):
    response = as_developer.post(FIELDS, form(description="x" * 5 * 1024 * 1024), headers=HTMX)

    assert (response.status_code, response["HX-Retarget"]) == (422, "#check-findings")
    assert "The form is larger than 4 MB" in response.text


def test_taken_folder_below_is_shown_at_once(as_developer):
    put(WEIGHTS)

    html = as_developer.post(PREFLIGHT, form(path="/packages/digits/", mode_for="own-sklearn"), headers=HTMX).text

    assert '<details class="notes" open>' in html
    assert "so that one is taken" in html


@pytest.mark.parametrize("files", [1, 3])
def test_form_asks_the_database_as_often_for_any_package(as_developer, files, django_assert_num_queries):
    put(WEIGHTS | {f"model/part-{number}.txt": b"x" for number in range(files)})

    with django_assert_num_queries(7):
        as_developer.get(NEW, {"source": "template", "template": "own-sklearn", "path": "/packages/digits/model/"})

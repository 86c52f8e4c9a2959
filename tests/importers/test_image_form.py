"""The import form with the source container image: what it shows, submits and refuses."""

import json

import pytest
from django.conf import settings
from django.urls import reverse

from importers.forms_image import EXAMPLE
from importers.models import ImportJob
from importers.package.health import with_health
from importers.request import ImportRequest
from importers.sources.image import WORDS
from registry.models import ModelVersion
from tests.factories import make_bucket, make_version
from tests.importers.images import CONFIG, TEXT, connect, image_at, submit
from tests.importers.jobs import run
from tests.importers.pages import HTMX, put_file, typed

pytestmark = pytest.mark.django_db
NEW = reverse("importers:new")
PREFLIGHT = reverse("importers:preflight")
HEALTH = {
    "health": "on",
    "health_method": "HTTP",
    "health_url": "/healthy",
    "health_period": "5",
    "health_delay": "30",
    "health_failures": "3",
}


@pytest.fixture
def registry(passwords, workspace):
    connect(passwords)
    passwords.push("team/greeter", "1.0")
    return passwords


def form(image, config_text=TEXT, **changes):
    fields = {"source": "image", "name": "greeter", "image": image, "agreed": WORDS, "config_from": "online"}
    return typed(**fields | {"config_text": config_text} | changes)


def test_form_opens_with_the_notice_and_waits_for_an_image(as_developer, registry):
    html = as_developer.get(NEW, {"source": "image"}).text

    assert "Choose an image: it is looked up at once." in html
    assert "This image will be readable by the administrator of the platform" in html
    assert "There is no configuration yet" in html
    assert 'name="engine"' not in html
    assert "Runtime dependency" not in html


def test_form_speaks_chinese(as_developer, registry):
    html = as_developer.get(NEW, {"source": "image"}, headers={"Accept-Language": "zh-CN"}).text

    assert "容器镜像所在的路径" in html
    assert "该镜像将可被平台管理员读取" in html
    assert "在线编辑" in html


def test_address_fills_in_the_image(as_developer, registry):
    html = as_developer.get(NEW, {"source": "image", "image": image_at(registry)}).text

    assert f'value="{image_at(registry)}"' in html
    assert "linux/amd64" in html
    assert "image does not say by itself what it answers" in html


def test_choosing_the_source_begins_it_as_a_new_page_does(as_developer, registry):
    page = as_developer.post(reverse("importers:source-fields"), typed(source="image"), headers=HTMX).context["page"]

    names = ("config_from", "health_method", "health_url", "health_period", "health_delay", "health_failures")
    assert [page.source[name].value() for name in names] == ["obs", "HTTP", "/health", "5", "12", "12"]
    assert page.source["health"].value() is False


def test_check_shows_what_the_image_is_and_what_its_configuration_declares(as_developer, registry):
    digest, _ = registry.push("team/greeter", "1.0")

    html = as_developer.post(PREFLIGHT, form(image_at(registry)), headers=HTMX).text

    assert "Importable" in html
    assert digest in html
    assert '<div class="image-found" id="image-facts" hx-swap-oob="true">' in html
    assert "1000:1000" in html
    assert "8080/tcp, 9090/tcp" in html
    assert "org.opencontainers.image.version=1.0" in html
    assert "/greet" in html
    assert "hidden-value" not in html


def test_check_says_every_refusal_in_words(as_developer, registry):
    html = as_developer.post(PREFLIGHT, form(image_at(registry, tag="none")), headers=HTMX).text

    assert "Repository “team/greeter” has no tag “none”." in html


def test_image_is_submitted_with_its_digest_and_the_consent(as_developer, registry):
    digest, _ = registry.push("team/greeter", "1.0")

    answer = as_developer.post(NEW, form(image_at(registry)))

    version = ModelVersion.objects.get()
    asked = ImportRequest.from_dict(ImportJob.objects.get().request)
    assert (answer.status_code, version.source_kind, version.source_path) == (302, "image", image_at(registry))
    assert asked.source == {"image": f"{image_at(registry)}@{digest}"}
    assert (asked.consent, asked.config_text, asked.config_origin) == (WORDS, TEXT, "edited")
    assert version.source_params["consent"]["by"] == "dev"


def test_second_press_is_the_same_import(as_developer, registry):
    wanted = form(image_at(registry), submission="one")

    answers = [as_developer.post(NEW, wanted).status_code for _ in range(2)]

    assert answers == [302, 302]
    assert ImportJob.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"agreed": None}, "Tick that you agree"),
        ({"agreed": "0"}, "has changed since this page was opened"),
        ({"image": ""}, "Choose a container image."),
        ({"config_text": ""}, "an image does not say by itself what it answers"),
        ({"config_text": "", "config_from": "obs"}, "Choose the configuration file of the image"),
        (HEALTH | {"health_url": "health"}, "beginning with /, such as /health."),
        (HEALTH | {"health_method": "EXEC"}, "Write the command that ends with 0"),
        (HEALTH | {"health_period": "0"}, "Ensure this value is greater than or equal to 1."),
    ],
)
def test_what_is_missing_is_said_and_nothing_typed_is_lost(as_developer, registry, changes, said):
    wanted = form(image_at(registry), description="Says hello") | changes

    answer = as_developer.post(NEW, {name: value for name, value in wanted.items() if value is not None})

    assert (answer.status_code, ImportJob.objects.count()) == (422, 0)
    assert said in answer.text
    assert "Says hello" in answer.text


def test_version_that_is_taken_is_refused_at_its_field(as_developer, registry):
    wanted = form(image_at(registry))
    make_version(wanted["name"])

    answer = as_developer.post(NEW, {name: value for name, value in wanted.items() if value is not None})

    assert (answer.status_code, answer.text.count("of this model exists. Choose another number")) == (422, 2)
    assert '<a href="#id_version">' in answer.text


def test_consent_stays_ticked_while_something_else_is_corrected(as_developer, registry):
    html = as_developer.post(NEW, form(image_at(registry, tag="none"))).text

    assert f'value="{WORDS}" aria-describedby="consent-words" required checked' in html


def test_health_settings_become_part_of_the_configuration(as_developer, registry):
    as_developer.post(NEW, form(image_at(registry)) | HEALTH)

    run(ImportJob.objects.get())
    version = ModelVersion.objects.get()
    health = {
        "check_method": "HTTP",
        "url": "/healthy",
        "protocol": "http",
        "initial_delay_seconds": "30",
        "period_seconds": "5",
        "failure_threshold": "3",
    }
    assert json.loads(version.config_used) == CONFIG | {"health": health}
    assert version.config_used.startswith(TEXT.rstrip().removesuffix("}").rstrip())
    assert version.config["health"] == health


@pytest.mark.parametrize("own", ['"x"', '{\n  "url": "/old",\n  "check_method": "HTTP"\n }', "null"])
def test_health_settings_take_the_place_of_those_of_the_text_and_move_no_line(own):
    text = '{\n "model_type": "Image",\n "health": ' + own + ',\n "model_algorithm":   "x"\n}'

    written = with_health(text, {"url": "/new"})

    assert json.loads(written)["health"] == {"url": "/new"}
    assert written.endswith(',\n "model_algorithm":   "x"\n}')
    assert written.count("\n") == text.count("\n")


def test_health_settings_leave_a_text_alone_that_no_check_can_read():
    text = '{"health": 1, "a": ' + "[" * 100 + "]" * 100 + "}"

    assert with_health(text, {"url": "/new"}) == text


def test_health_that_is_off_leaves_the_configuration_alone(as_developer, registry):
    as_developer.post(NEW, form(image_at(registry)) | HEALTH | {"health": "", "health_url": "nonsense"})

    assert ImportRequest.from_dict(ImportJob.objects.get().request).config_text == TEXT


def test_configuration_is_taken_from_obs_as_soon_as_its_path_is_there(as_developer, registry):
    make_bucket("packages")
    put_file("/packages/greeter/config.json", TEXT.encode())
    path = {"config_from": "obs", "config_path": "/packages/greeter/config.json"}

    html = as_developer.post(PREFLIGHT, form(image_at(registry), config_text="", **path), headers=HTMX).text
    as_developer.post(NEW, form(image_at(registry), config_text="", **path))

    asked = ImportRequest.from_dict(ImportJob.objects.get().request)
    assert "Importable" in html
    assert "data-editor-fill" in html
    assert (asked.config_text, asked.config_origin) == (TEXT, "obs")


def test_text_that_was_edited_is_not_replaced_by_the_file(as_developer, registry):
    make_bucket("packages")
    put_file("/packages/greeter/config.json", b"{}")

    as_developer.post(NEW, form(image_at(registry), config_from="obs", config_path="/packages/greeter/config.json"))

    assert ImportRequest.from_dict(ImportJob.objects.get().request).config_text == TEXT


def test_file_that_is_not_there_is_said_at_its_field(as_developer, registry):
    make_bucket("packages")
    (settings.BUCKETS_ROOT / "packages").mkdir(parents=True, exist_ok=True)
    path = {"config_from": "obs", "config_path": "/packages/none.json"}

    answer = as_developer.post(NEW, form(image_at(registry), config_text="", **path))

    assert (answer.status_code, ImportJob.objects.count()) == (422, 0)
    assert 'id="id_config_path_error"' in answer.text


def test_repaired_configuration_stays_repaired(as_developer, registry):
    make_bucket("packages")
    put_file("/packages/greeter/config.json", b"// says hello\n" + TEXT.encode())
    path = {"config_from": "obs", "config_path": "/packages/greeter/config.json"}
    first = as_developer.post(PREFLIGHT, form(image_at(registry), config_text="", repair="1", **path))
    text, mark = first.context["page"].fill

    answer = as_developer.post(NEW, form(image_at(registry), config_text=text, config_mark=mark, **path))

    assert answer.status_code == 302
    assert ImportRequest.from_dict(ImportJob.objects.get().request).config_origin == "repaired"


def test_example_fills_an_empty_editor_and_no_other(as_developer, registry):
    empty = as_developer.post(PREFLIGHT, form(image_at(registry), config_text="", example="1")).context["page"]
    written = as_developer.post(PREFLIGHT, form(image_at(registry), example="1")).context["page"]

    assert (empty.source["config_text"].value(), empty.report.importable) == (EXAMPLE, True)
    assert written.source["config_text"].value() == TEXT


def test_picker_without_javascript_keeps_the_form_and_brings_the_image(as_developer, registry):
    answer = as_developer.post(PREFLIGHT, form("", description="Says hello", browse="image"))
    address = answer.url
    following = as_developer.get(address).context["picker"].next
    html = as_developer.get(f"{following}&image={image_at(registry)}").text

    assert address.startswith("/registries/?pick=image&field=id_image")
    assert "Says hello" in html
    assert f'value="{image_at(registry)}"' in html


def test_new_version_begins_with_the_last_image_by_its_tag(as_developer, registry):
    run(submit(image_at(registry)))
    model = ModelVersion.objects.get().model

    page = as_developer.get(NEW, {"model": model.uuid}).context["page"]

    assert page.kind == "image"
    assert page.source["image"].value() == image_at(registry)
    assert page.source["config_text"].value() == TEXT
    assert page.source["agreed"].value() is None

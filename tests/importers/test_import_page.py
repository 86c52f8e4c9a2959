"""The import page: what it opens with, what it submits, and that nothing typed is lost when it refuses."""

import re
from decimal import Decimal
from html import escape

import pytest
from django.test import Client
from django.urls import reverse

from importers.models import ImportJob
from importers.request import ImportRequest
from registry.models import ModelVersion, Status
from tests.factories import make_member, make_user, make_version, make_workspace
from tests.importers.pages import put_file, put_package, typed, values_of
from tests.packages import make_config

NEW = reverse("importers:new")


def test_import_page_opens_with_defaults(as_developer):
    html = as_developer.get(NEW).content.decode()

    assert re.fullmatch(r"model-[0-9a-f]{4}", values_of(html, "name")[0])
    assert values_of(html, "version") == ["0.0.1"]
    assert len(re.findall(r'name="deployment_types"[^>]* checked', html)) == 3
    assert "Choose a folder: its package is checked at once" in html


def test_import_page_speaks_chinese(as_developer):
    html = as_developer.get(NEW, headers={"Accept-Language": "zh-CN"}).content.decode()

    assert '<html lang="zh-hans">' in html


def test_import_page_checks_the_path_of_its_address(as_developer):
    path = put_package()

    html = as_developer.get(NEW, {"path": path, "name": "eyes"}).content.decode()

    assert values_of(html, "path") == [path]
    assert values_of(html, "name") == ["eyes"]
    assert "Importable" in html
    assert "obs://packages/digits/model/customize_service.py" in html


def test_import_page_for_a_new_version_proposes_the_next_number(as_developer):
    version = make_version("digits", (0, 0, 99))

    html = as_developer.get(NEW, {"model": version.model.uuid}).content.decode()

    assert (values_of(html, "name"), values_of(html, "version")) == (["digits"], ["0.1.0"])
    assert "The highest version so far is 0.0.99." in html


@pytest.mark.parametrize("model", ["nonsense", "0f7ab58e-7cf5-4d1a-9d4f-3fd5a0f5a9f1"])
def test_import_page_takes_no_notice_of_an_unknown_model(as_developer, model):
    html = as_developer.get(NEW, {"model": model}).content.decode()

    assert values_of(html, "name")[0].startswith("model-")


def test_import_page_is_forbidden_to_viewers(client, viewer):
    client.force_login(viewer)

    assert client.get(NEW).status_code == 403
    assert client.post(NEW, typed("/packages/digits/")).status_code == 403


def test_import_page_is_forbidden_without_a_workspace(client, db):
    client.force_login(make_user("nobody"))

    assert client.get(NEW).status_code == 403


def test_create_now_starts_the_import_and_opens_the_new_row(as_developer, developer):
    path = put_package()

    response = as_developer.post(
        NEW,
        typed(
            path,
            labels="vision, 数字",
            description="from the bucket",
            deployment_types=["real-time"],
            spec="on",
            gpu="1",
            **{"documents-1-name": "readme", "documents-1-url": "https://example.com/readme"},
        ),
    )

    version = ModelVersion.objects.get()
    job = ImportJob.objects.get()
    details = ImportRequest.from_dict(job.request).details
    assert response.url == f"{reverse('registry:model-list')}?open={version.model.uuid}"
    assert (version.status, version.source_path, version.created_by) == (Status.IMPORTING, path, developer)
    assert [label.name for label in version.labels.all()] == ["vision", "数字"]
    assert [(doc.name, doc.url) for doc in version.documents.all()] == [("readme", "https://example.com/readme")]
    assert (details.description, details.deployment_types) == ("from the bucket", ("real-time",))
    assert (details.spec.cpu, details.spec.memory, details.spec.gpu) == (Decimal("0.25"), 512, Decimal(1))
    assert job.version == version


def test_create_now_twice_makes_one_import(as_developer):
    form = typed(put_package(), submission=values_of(as_developer.get(NEW).content.decode(), "submission")[0])

    first, second = as_developer.post(NEW, form), as_developer.post(NEW, form)

    assert first.url == second.url
    assert ImportJob.objects.count() == 1


@pytest.mark.parametrize("submission", [None, "", "another"])
def test_create_now_from_another_form_is_refused_although_it_asks_for_the_same(as_developer, submission):
    path = put_package()
    as_developer.post(NEW, typed(path, submission="one"))

    response = as_developer.post(NEW, typed(path, submission=submission))

    assert response.status_code == 422
    assert "0.0.1 of this model exists. Choose another number" in response.content.decode()


def test_create_now_survives_any_submission(as_developer):
    response = as_developer.post(NEW, typed(put_package(), submission="\0<b>" * 5000))

    assert response.status_code == 302


def test_create_now_refuses_a_broken_package_and_keeps_everything(as_developer):
    path = put_package(config=make_config(apis="none"))
    form = typed(path, name="mine", version="2.0.0", labels="a, b", description="text", memory="640", spec="on")

    response = as_developer.post(NEW, form)

    html = response.content.decode()
    assert (response.status_code, ImportJob.objects.count()) == (422, 0)
    assert "Nothing was imported yet. This needs your attention:" in html
    assert 'href="#check"' in html
    kept = [values_of(html, name)[0] for name in ("name", "version", "labels", "path", "memory")]
    assert kept == ["mine", "2.0.0", "a, b", path, "640"]


def test_create_now_names_every_field_it_refuses(as_developer):
    changes = {"documents-0-name": "x", "documents-0-url": "javascript:alert(1)"}
    form = typed("", name="1", version="1", labels="?", description="&", deployment_types=[], spec="on", cpu="0")

    html = as_developer.post(NEW, form | changes).content.decode()

    summary = html[html.index('id="problems"') : html.index("<form", html.index('id="problems"'))]
    assert re.findall(r'href="#([^"]+)"', summary) == [
        "id_name",
        "id_version",
        "id_labels",
        "id_description",
        "id_deployment_types_0",
        "id_path",
        "id_cpu",
        "id_documents-0-url",
    ]


def test_create_now_shows_hostile_text_as_text(as_developer):
    hostile = "<script>alert(1)</script>\u202e\"'"
    form = typed(hostile, name=hostile, version=hostile, labels=hostile, description=hostile, config_text=hostile)

    html = as_developer.post(
        NEW, form | {"config_edit": "on", "config_path": hostile, "engine": hostile}
    ).content.decode()

    assert "<script>alert" not in html
    assert escape("<script>alert(1)</script>") in html


def test_create_now_asks_for_the_engine_nothing_says(as_developer):
    config = make_config()
    del config["model_type"]
    path = put_package(config=config, files={"model.m": b"x"}, code=None)

    refused = as_developer.post(NEW, typed(path)).content.decode()
    accepted = as_developer.post(NEW, typed(path, engine="XGBoost"))

    assert "Choose the AI engine: nothing in the package says which one it is." in refused
    assert accepted.status_code == 302
    assert ImportJob.objects.get().request["engine"] == "XGBoost"


@pytest.mark.parametrize("path", ["/nowhere/digits/", "/packages/two words/", "/packages/digits/model/deeper/"])
def test_create_now_with_a_wrong_path_does_not_ask_for_an_engine(as_developer, path):
    put_package(files={"model.m": b"x", "deeper/model.m": b"x"})

    html = as_developer.post(NEW, typed(path)).content.decode()

    assert html.count('<li><a href="#') == 1
    assert "Choose the AI engine" not in html


def test_create_now_refuses_a_number_that_is_taken(as_developer):
    make_version("digits", (0, 0, 1))

    response = as_developer.post(NEW, typed(put_package()))

    html = response.content.decode()
    assert response.status_code == 422
    assert "0.0.1 of this model exists. Choose another number" in html
    assert html.count("0.0.1 of this model exists.") == 2
    assert "has a version 0.0.1 already" not in html
    assert 'name="use_version" value="0.0.2"' in html
    assert 'name="replace"' not in html


def test_create_now_replaces_a_failed_version_after_one_confirmation(as_developer):
    failed = make_version("digits", (0, 0, 1), status=Status.FAILED)
    path = put_package()

    asked = as_developer.post(NEW, typed(path))
    html = asked.content.decode()
    done = as_developer.post(NEW, typed(path, replace="on"))

    assert (asked.status_code, done.status_code) == (422, 302)
    assert 'name="replace"' in html
    assert ModelVersion.objects.get().uuid != failed.uuid


def test_create_now_imports_the_edited_configuration(as_developer):
    path = put_package(config=make_config(swr_location="somewhere"))
    text = '{"model_type": "Scikit_Learn", "model_algorithm": "edited"}'

    as_developer.post(NEW, typed(path, config_edit="on", config_text=text))

    request = ImportJob.objects.get().request
    assert (request["config_text"], request["config_origin"]) == (text, "edited")


def test_create_now_with_a_form_of_more_than_4_mb_says_so(as_developer):
    response = as_developer.post(NEW, typed("/packages/digits/", config_text="x" * 5 * 1024 * 1024))

    assert response.status_code == 422
    assert "The form is larger than 4 MB" in response.content.decode()


def test_create_now_needs_the_csrf_token(developer):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(developer)

    assert strict.post(NEW, typed("/packages/digits/")).status_code == 403


def test_name_hint_is_empty_for_a_free_name(as_developer):
    html = as_developer.get(reverse("importers:name-hint"), {"name": "free", "version": "0.0.1"}).content.decode()

    assert html.strip() == ""


def test_name_hint_knows_only_the_own_workspace(as_developer):
    make_version("digits", workspace=make_workspace("other"))

    html = as_developer.get(reverse("importers:name-hint"), {"name": "digits", "version": "0.0.1"}).content.decode()

    assert html.strip() == ""


@pytest.mark.parametrize("name", ["", "\0", "<b>", "x" * 5000])
def test_name_hint_survives_any_name(as_developer, name):
    response = as_developer.get(reverse("importers:name-hint"), {"name": name, "version": name})

    assert (response.status_code, response.content.decode().strip()) == (200, "")


def test_browsing_without_javascript_keeps_the_form_and_takes_the_chosen_path(as_developer):
    path = put_package()
    sent = as_developer.post(reverse("importers:preflight"), typed("", name="kept", labels="a, b", browse="path"))

    picker = as_developer.get(sent.url)
    assert picker.status_code == 200
    back = re.search(r"next=([^&\"]+)", sent.url).group(1)
    draft = re.search(r"draft%3D(.+)", back).group(1)
    html = as_developer.get(NEW, {"draft": draft, "path": path}).content.decode()

    assert (values_of(html, "name"), values_of(html, "labels"), values_of(html, "path")) == (["kept"], ["a, b"], [path])
    assert "Importable" in html


def test_browsing_from_a_path_of_endless_length_keeps_the_form(as_developer):
    sent = as_developer.post(reverse("importers:preflight"), typed("/packages/" + "数" * 20_000, browse="path"))

    assert as_developer.get(sent.url).status_code == 200


@pytest.mark.parametrize("packages", [1, 3])
def test_import_page_asks_the_database_as_often_for_any_package(as_developer, packages, django_assert_num_queries):
    for number in range(packages):
        make_version(f"model-{number}")
        path = put_package(f"digits{number}", files={f"f{n}.txt": b"x" for n in range(packages)} | {"m.pkl": b"x"})
    put_file("/packages/other.json", b"{}")

    with django_assert_num_queries(7):
        as_developer.get(NEW, {"path": path})


def test_other_workspaces_bucket_does_not_exist(client, db):
    put_package()
    client.force_login(make_member("far", workspace=make_workspace("far")))

    html = client.get(NEW, {"path": "/packages/digits/"}).content.decode()

    assert "There is no bucket “packages” in this workspace." in html

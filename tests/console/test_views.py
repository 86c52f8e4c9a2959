import io
import re
import zipfile

import pytest
from django.core.files.storage import storages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.errors import NotAllowed
from accounts.roles import Role
from console import example, health, views
from console.help import TOPICS
from importers.models import ImportJob, State
from importers.package.check import CheckOptions, FileEntry, check_package
from registry.models import Proof, ReviewState, Status
from tests.factories import make_bucket, make_member, make_user, make_version, make_workspace

pytestmark = pytest.mark.django_db


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def make_job(version, state=State.SUCCEEDED):
    return ImportJob.objects.create(
        workspace=version.model.workspace,
        version=version,
        model_name=version.model.name,
        version_number=version.number,
        version_uuid=version.uuid,
        source_kind=version.source_kind,
        state=state,
        created_by_name="ann",
    )


def in_language(client, language):
    client.post(reverse("set_language"), {"language": language})
    return client


def test_overview_counts_models_by_the_status_of_their_latest_version(client):
    client.force_login(make_member())
    make_version("digits", size=1024)
    make_version("iris", status=Status.IMPORTING)
    make_version("broken", status=Status.FAILED)

    figures = client.get("/").context["figures"]

    assert (figures.models, figures.normal, figures.busy, figures.broken) == (3, 1, 1, 1)
    assert (figures.versions, figures.size) == (3, 1024)


@pytest.mark.parametrize(("role", "shown"), [("developer", []), ("reviewer", ["1"])])
def test_overview_leads_reviewers_to_what_awaits_them(client, role, shown):
    client.force_login(make_member(role=role))
    make_version("asked", review=ReviewState.REQUESTED)
    make_version("elsewhere", review=ReviewState.REQUESTED, workspace=make_workspace("other"))

    html = client.get("/").content.decode()

    assert (
        re.findall(r'href="/admin/registry/review/"><span[^>]*>Awaiting review</span><strong[^>]*>(\d)', html) == shown
    )


def test_overview_shows_only_the_workspace_one_is_in(client):
    client.force_login(make_member())
    hidden = make_version("hidden", workspace=make_workspace("other"))
    make_job(hidden)
    make_bucket("others-bucket", workspace=make_workspace("other"))

    figures = client.get("/").context["figures"]

    assert (figures.models, figures.jobs, figures.buckets) == (0, (), ())


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.NORMAL, "Normal answered"),
        (Status.BUILDING, "Building"),
        (Status.BUILD_FAILED, "Build failed"),
        (Status.FAILED, "Failed"),
    ],
)
def test_overview_tells_what_an_import_came_to_in_the_end(client, status, words):
    client.force_login(make_member())
    make_job(make_version("digits", status=status, proof=Proof.ANSWERED))

    html = client.get("/").content.decode()

    shown = re.findall(r'data-label="State">(.*?)</td>', html, re.DOTALL)
    assert [" ".join(re.sub(r"<[^>]+>", " ", each).split()) for each in shown] == [words]
    assert ("hx-trigger=" in shown[0]) == (status == Status.BUILDING)


@pytest.mark.parametrize(
    ("role", "links"), [(Role.DEVELOPER, 1), (Role.ADMIN, 1), (Role.VIEWER, 0), (Role.REVIEWER, 0)]
)
def test_overview_of_an_empty_workspace_leads_to_the_first_import(client, role, links):
    client.force_login(make_member(role=role))

    html = client.get("/").content.decode()

    assert html.count(f'href="{reverse("console:example-package")}"') == 1
    assert html.count(f'href="{reverse("importers:new")}"') == links


def test_overview_without_a_workspace_says_whom_to_ask(client):
    client.force_login(make_user("bob"))

    response = client.get("/")

    assert "Ask an administrator to add “bob” to one" in text_of(response)


def test_overview_needs_the_same_queries_with_one_and_with_many(client):
    client.force_login(make_member())
    counts = []

    for names in (["a"], ["b", "c"]):
        for name in names:
            make_job(make_version(name))
            make_bucket(f"bucket-{name}")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get("/")
        counts.append(len(queries))

    assert counts == [9, 9]


def test_overview_asks_for_sign_in(client):
    response = client.get("/")

    assert response["Location"] == f"{reverse('accounts:login')}?next=/"


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("topic", TOPICS)
def test_help_topic_is_shown_in_the_language_of_the_reader(client, topic, language):
    client.force_login(make_user())

    response = in_language(client, language).get(reverse("console:help", args=[topic]))

    assert response.status_code == 200
    assert response.templates[0].name == f"console/help/{language}/{topic}.html"


def test_help_topics_have_the_same_headings_in_both_languages(client):
    client.force_login(make_user())
    headings = {}

    for language in ("en", "zh-hans"):
        in_language(client, language)
        headings[language] = {
            topic: re.findall(r'<h2 id="([\w-]+)"', client.get(reverse("console:help", args=[topic])).content.decode())
            for topic in TOPICS
        }

    assert headings["en"] == headings["zh-hans"]


def test_help_index_leads_to_every_topic(client):
    client.force_login(make_user())

    html = client.get(reverse("console:help-index")).content.decode()

    assert re.findall(r'class="tile" href="([^"]*)"', html) == [f"/help/{topic}/" for topic in TOPICS]


def test_help_topic_that_does_not_exist_is_not_found(client):
    client.force_login(make_user())

    assert client.get("/help/nothing/").status_code == 404


def test_example_package_is_the_same_bytes_every_time(client):
    client.force_login(make_user())

    first, second = (b"".join(client.get(reverse("console:example-package")).streaming_content) for _ in range(2))

    assert first == second
    assert zipfile.ZipFile(io.BytesIO(first)).testzip() is None


def test_example_package_passes_the_checks_without_a_finding():
    archive = zipfile.ZipFile(example.package())
    root = "iris-example/"
    files = [FileEntry(entry.filename.removeprefix(root), entry.file_size) for entry in archive.infolist()]

    report = check_package(files, lambda path, size: archive.read(root + path)[:size], CheckOptions())

    assert (report.engine, report.findings) == ("XGBoost", ())


def test_healthz_answers_anybody_without_asking_the_database(client):
    with CaptureQueriesContext(connection) as queries:
        response = client.get("/healthz")

    assert (response.status_code, response.json(), len(queries)) == (200, {"status": "ok"}, 0)


def test_readyz_reports_every_part(client):
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"status": "ok", "parts": dict.fromkeys(health.PARTS, "ok")}
    assert storages["artifacts"].listdir("")[1] == []


def test_readyz_names_the_broker_that_does_not_answer(client, settings):
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    health.current_app.conf.broker_url = settings.CELERY_BROKER_URL
    health.current_app.pool.force_close_all()
    try:
        response = client.get("/readyz")
    finally:
        health.current_app.conf.broker_url = "memory://"

    assert response.status_code == 503
    assert [name for name, state in response.json()["parts"].items() if state != "ok"] == ["broker"]


def test_readyz_names_the_artifact_store_that_cannot_be_written(client, settings, tmp_path):
    (tmp_path / "file").write_text("in the way")
    location = {"OPTIONS": {"location": str(tmp_path / "file" / "artifacts")}}
    settings.STORAGES = settings.STORAGES | {"artifacts": settings.STORAGES["artifacts"] | location}

    response = client.get("/readyz")

    assert response.status_code == 503
    assert [name for name, state in response.json()["parts"].items() if state != "ok"] == ["artifact store"]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_missing_page_is_shown_in_the_frame_to_people_who_are_signed_in(client, language):
    client.force_login(make_member())

    response = in_language(client, language).get("/nothing/here/")

    assert response.status_code == 404
    assert response.content.decode().count('class="shell"') == 1


def test_missing_page_is_shown_without_the_frame_to_others(client):
    response = client.get("/nothing/here/")

    assert response.status_code == 404
    assert response.content.decode().count('class="plain"') == 1


def test_refusal_names_the_roles_that_would_do(rf):
    request = rf.get("/")
    request.user = make_member(role=Role.VIEWER)

    response = views.not_allowed(request, NotAllowed("import", "default"))

    assert response.status_code == 403
    assert "Your role in workspace “default” does not include: Import models and upload files." in text_of(response)
    assert re.findall(r'class="badge info">([^<]*)<', response.content.decode()) == ["Developer", "Administrator"]


def test_error_page_shows_an_id_that_is_in_the_log(rf, caplog):
    response = views.broken(rf.get("/somewhere/"))

    shown = re.search(r"<code[^>]*>(\w{32})</code>", response.content.decode())[1]
    assert response.status_code == 500
    assert [(record.request_id, record.path) for record in caplog.records] == [(shown, "/somewhere/")]


def test_broken_form_token_is_explained(client):
    client.handler.enforce_csrf_checks = True

    response = client.post(reverse("accounts:login"), {"username": "ann", "password": "x"})

    assert response.status_code == 403
    assert "This form is too old" in text_of(response)


def test_unknown_host_is_a_bad_request(client):
    response = client.get("/", headers={"host": "elsewhere.example"})

    assert response.status_code == 400
    assert "The server could not read this request." in text_of(response)

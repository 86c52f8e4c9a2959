import re

import pytest
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from registry.findings import Finding, Severity, Where
from registry.models import ModelVersion, RegisteredModel, Status
from tests.factories import make_member, make_version, make_workspace

MODELS = reverse("admin:registry_registeredmodel_changelist")
VERSIONS = reverse("admin:registry_modelversion_changelist")
DESKS = [admin.site.get_model_admin(RegisteredModel), admin.site.get_model_admin(ModelVersion)]


def page_of(version):
    return reverse("admin:registry_modelversion_change", args=[version.pk])


@pytest.fixture
def reviewer(db, client):
    user = make_member("rita", "reviewer")
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    client.force_login(user)
    return user


def shown(response):
    return [str(row) for row in response.context["cl"].result_list]


@pytest.mark.parametrize(("address", "mine"), [(MODELS, "mine"), (VERSIONS, "mine 0.0.1")])
def test_the_desk_lists_what_the_reviewer_may_see(client, reviewer, address, mine):
    make_version("mine")
    make_version("theirs", workspace=make_workspace("other"))

    response = client.get(address)

    assert shown(response) == [mine]
    assert "other" not in response.content.decode()


def test_the_desk_hides_a_version_of_another_workspace(client, reviewer):
    version = make_version(workspace=make_workspace("other"))

    response = client.get(page_of(version))

    assert (response.status_code, response.url) == (302, reverse("admin:index"))


def test_the_desk_leads_to_no_version_of_another_workspace(client, reviewer):
    version = make_version(workspace=make_workspace("other"))
    kind = ContentType.objects.get_for_model(ModelVersion).pk

    assert client.get(f"/admin/r/{kind}/{version.pk}/").status_code == 404


def test_the_desk_is_for_staff(client, developer):
    client.force_login(developer)

    response = client.get(VERSIONS)

    assert (response.status_code, response.url.split("?")[0]) == (302, reverse("admin:login"))


def test_the_page_of_a_version_reads_as_sentences(client, reviewer):
    finding = Finding("import.failed", Severity.WARNING, Where("model/<b>.py"))
    version = make_version(findings=[finding.as_dict()], scan={"verdict": "review"}, proof_code="proof.no_preparer")
    version.events.create(code="import.done")
    version.labels.create(name="vision")

    page = client.get(page_of(version)).content.decode()

    assert re.search(r"Warning.*Import failed.*<bdi>model/&lt;b&gt;.py</bdi>", page, re.DOTALL)
    assert "Models are not started on this installation" in page
    assert "Model imported" in page
    assert "vision" in page


def test_nothing_can_be_changed_at_the_desk(client, reviewer):
    version = make_version(status=Status.FAILED)

    answers = [
        client.post(page_of(version), {"status": "published"}).status_code,
        client.post(reverse("admin:registry_modelversion_delete", args=[version.pk]), {"post": "yes"}).status_code,
        client.get(reverse("admin:registry_modelversion_add")).status_code,
        client.post(VERSIONS, {"action": "delete_selected", "_selected_action": [version.pk]}).status_code,
    ]

    assert answers[:3] == [403, 403, 403]
    assert ModelVersion.objects.get().status == Status.FAILED


@pytest.mark.parametrize("desk", DESKS, ids=lambda desk: type(desk).__name__)
def test_a_desk_writes_nothing_even_for_operators(desk, rf, admin_user):
    request = rf.get("/")
    request.user = admin_user

    allowed = [
        desk.has_add_permission(request),
        desk.has_change_permission(request),
        desk.has_delete_permission(request),
    ]

    assert allowed == [False, False, False]
    assert desk.get_actions(request) == {}


@pytest.mark.parametrize("address", [MODELS, VERSIONS])
def test_the_list_at_the_desk_needs_the_same_queries_for_any_number_of_rows(client, reviewer, address):
    make_version("model-1")
    with CaptureQueriesContext(connection) as for_one:
        client.get(address)
    for i in range(2, 5):
        make_version(f"model-{i}")

    with CaptureQueriesContext(connection) as for_four:
        response = client.get(address)

    assert len(shown(response)) == 4
    assert len(for_four) == len(for_one)


@pytest.mark.parametrize(
    ("address", "query", "found"),
    [
        (MODELS, {"q": "aaa"}, ["aaa"]),
        (MODELS, {"engine": "ONNX"}, ["bbb"]),
        (MODELS, {"latest_status": "failed"}, ["bbb"]),
        (MODELS, {"workspace": "default"}, ["bbb", "aaa"]),
        (MODELS, {"workspace": "other"}, []),
        (VERSIONS, {"engine": "ONNX"}, ["bbb 0.0.1"]),
        (VERSIONS, {"status__exact": "failed", "workspace": "default"}, ["bbb 0.0.1"]),
        (VERSIONS, {"q": "bbb"}, ["bbb 0.0.1"]),
    ],
)
def test_the_lists_at_the_desk_can_be_searched_and_filtered(client, reviewer, address, query, found):
    make_version("aaa")
    make_version("bbb", engine="ONNX", status=Status.FAILED)

    assert shown(client.get(address, query, follow=True)) == found

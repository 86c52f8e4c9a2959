"""What no page of the desk may do: write a state, pass by a rule, break on an address, or cost more with more rows."""

import ast
from pathlib import Path

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from accounts.models import ApiToken, Invitation, User, Workspace
from accounts.roles import Role
from accounts.services import follow_memberships
from importers.models import ImportEvent, ImportJob
from registry.models import ModelVersion, RegisteredModel, Review, Status
from registry.models_exports import ExportEvent, ExportJob
from registry.services_review import request_review
from stores.models import Bucket, RegistryConnection, Upload
from tests.factories import make_bucket, make_member, make_version, make_workspace

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parent.parent.parent
STATES = {
    "status",
    "status_code",
    "status_params",
    "proof",
    "proof_code",
    "proof_params",
    "review",
    "state",
    "attempts",
    "lease_until",
    "not_before",
    "reason_code",
    "reason_params",
    "version_count",
    "scan",
    "scan_verdict",
    "findings",
    "digest",
    "doomed_at",
    "decided_by",
    "decided_by_name",
    "decided_at",
    "requested_by",
    "requested_by_name",
    "requested_at",
    "files_done",
    "bytes_done",
}
WRITERS = {"update", "save", "bulk_update", "bulk_create", "create", "update_or_create", "get_or_create", "delete"}
DESKS = sorted(admin.site._registry.values(), key=lambda desk: desk.opts.label_lower)
NAMES = [desk.opts.label_lower for desk in DESKS]
COUNTS = {
    "accounts.apitoken": 7,
    "accounts.auditevent": 6,
    "accounts.invitation": 7,
    "accounts.user": 7,
    "accounts.workspace": 6,
    "importers.importjob": 7,
    "registry.exportjob": 7,
    "registry.modelversion": 7,
    "registry.registeredmodel": 7,
    "registry.review": 10,
    "stores.bucket": 7,
    "stores.registryconnection": 7,
    "stores.upload": 7,
}
ABSURD = (
    "at__year=99999999999",
    "at__year=x",
    "at__month=13&at__year=2020",
    "at__gte=99999999999-01-01",
    "created_at__year=99999999999",
    "created_at__year=0",
    "requested_at__year=-1",
    "requested_at__gte=x",
    "id__exact=99999999999999999999999",
    "password__startswith=a",
    "credentials__startswith=a",
    "model__workspace__name=x",
    "status__exact=nothing",
    "status__in=a,b",
    "status__regex=(((",
    "review=nothing",
    "scan=nothing",
    "model=x",
    "nothing=1",
    "e=1&at__year=99999999999",
    "e=1&created_at__year=99999999999",
    "p=99999999999",
    "p=x",
    "o=99999999999.x",
    "q=%00",
    "q=" + "a+" * 900,
    "q=" + "%F0%9F%90%9F" * 300,
    "all=",
    "_facets=True",
)


def is_state(name):
    return name in STATES or name.startswith("latest")


def places():
    """Every source of the desk: the modules Django finds, and what stands beside them."""
    return sorted(path for app in ROOT.iterdir() if app.is_dir() for path in app.glob("admin*.py"))


def forms_of(desk, request):
    objects = [None, *desk.model._default_manager.all()[:1]]
    for found in objects:
        if found or desk.has_add_permission(request):
            yield from desk.get_form(request, found, change=found is not None).base_fields
        for formset, _inline in desk.get_formsets_with_inlines(request, found):
            yield from formset.form.base_fields


@pytest.fixture
def operator(client):
    user = User.objects.create_superuser("root", password="correct horse")
    client.force_login(user)
    return user


@pytest.fixture
def everything(operator):
    fill(1)


def fill(count, first=0):
    """`count` rows of every kind the desk shows, with what belongs to them."""
    for i in range(first, first + count):
        workspace = make_workspace(f"space-{i}")
        person = make_member(f"person-{i}", Role.REVIEWER, workspace)
        bucket = make_bucket(f"bucket-{i}", workspace)
        version = make_version(f"model-{i}", workspace=workspace, created_by=person, created_by_name="x")
        version.labels.create(name="a")
        version.events.create(code="import.done")
        request_review(version, by=User.objects.get(username="root"))
        job = ImportJob.objects.create(
            workspace=workspace,
            version=version,
            model_name=version.model.name,
            version_number="0.0.1",
            version_uuid=version.uuid,
            source_kind="obs",
            created_by_name="x",
        )
        ImportEvent.objects.create(job=job, after="queued")
        Upload.objects.create(bucket=bucket, created_by_name="x")
        RegistryConnection.objects.create(workspace=workspace, name="lab", address="registry.example.com")
        export = ExportJob.objects.create(
            workspace=workspace,
            version=version,
            model_name=version.model.name,
            version_number="0.0.1",
            version_uuid=version.uuid,
            bucket=bucket,
            bucket_name=bucket.name,
            key="model-0.0.1.zip",
            created_by_name="x",
        )
        ExportEvent.objects.create(job=export, after="queued", code="export.submitted")
        access = {"workspace": workspace, "role": Role.VIEWER}
        Invitation.objects.create(digest=f"i{i}", expires_at=now(), created_by_name="x", used_by=person, **access)
        ApiToken.objects.create(digest=f"t{i}", user=person, name="nightly", prefix="mp_1234x", **access)


# No state is written


@pytest.mark.parametrize("desk", DESKS, ids=NAMES)
def test_no_form_of_the_desk_edits_a_state(rf, everything, operator, desk):
    request = rf.get("/")
    request.user = operator

    assert sorted(filter(is_state, forms_of(desk, request))) == []
    assert sorted(desk.list_editable) == []


def test_no_source_of_the_desk_writes_a_state():
    wrong = []
    for path in places():
        for node in ast.walk(ast.parse(path.read_text())):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            written = [each.attr for each in targets if isinstance(each, ast.Attribute)]
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Attribute) and called.attr in WRITERS:
                written += [keyword.arg for keyword in node.keywords if keyword.arg]
            if isinstance(called, ast.Name) and called.id == "setattr":
                written.append("status")
            wrong += [f"{path.relative_to(ROOT)}:{node.lineno} {name}" for name in written if is_state(name)]

    assert wrong == []


def test_the_desk_saves_nothing_but_people_and_workspaces():
    """A row of the registry, the imports or the storage is changed by a command alone."""
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.func.attr}"
        for path in places()
        if path.parent.name != "accounts"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITERS
    ]

    assert wrong == []


@pytest.mark.parametrize("role", [None, Role.REVIEWER, Role.ADMIN], ids=["operator", "reviewer", "admin"])
def test_crafted_forms_change_no_state(client, everything, role):
    if role:
        person = make_member("crafty", role, make_workspace("space-0"))
        follow_memberships(person)
        client.force_login(person)
    crafted = dict.fromkeys(STATES, "published") | {
        "latest_status": "failed",
        "status": Status.FAILED,
        "review": "approved",
        "state": "succeeded",
        "attempts": "7",
        "_save": "Save",
    }
    kinds = (ModelVersion, RegisteredModel, ImportJob, Upload, Review, Bucket)
    before = {kind: list(kind.objects.order_by("pk").values()) for kind in kinds}

    for desk in DESKS:
        name = f"admin:{desk.opts.app_label}_{desk.opts.model_name}"
        pk = desk.model._default_manager.order_by("pk").values_list("pk", flat=True).first() or 1
        if desk.model not in {User, Workspace}:
            client.post(reverse(f"{name}_add"), crafted)
            client.post(reverse(f"{name}_delete", args=[pk]), {"post": "yes"})
        client.post(reverse(f"{name}_change", args=[pk]), crafted)
        client.post(reverse(f"{name}_changelist"), {"action": "delete_selected", "_selected_action": [pk]})
        client.post(reverse(f"{name}_changelist"), crafted | {"form-0-id": pk, "form-TOTAL_FORMS": 1})

    assert {kind: list(kind.objects.order_by("pk").values()) for kind in kinds} == before


@pytest.mark.parametrize("desk", DESKS, ids=NAMES)
def test_nothing_is_deleted_by_the_handful(rf, operator, desk):
    request = rf.get("/")
    request.user = operator

    assert "delete_selected" not in desk.get_actions(request)


# Every address is answered


@pytest.mark.parametrize("query", ABSURD)
def test_absurd_addresses_are_answered(client, everything, query):
    codes = {
        desk.opts.label_lower: client.get(
            f"{reverse(f'admin:{desk.opts.app_label}_{desk.opts.model_name}_changelist')}?{query}", follow=True
        ).status_code
        for desk in DESKS
    }

    assert set(codes.values()) == {200}, codes


def test_filter_that_makes_no_sense_is_told(client, everything):
    address = reverse("admin:accounts_auditevent_changelist")

    response = client.get(f"{address}?at__year=99999999999", follow=True)

    assert response.redirect_chain == [(f"{address}?e=1", 302)]
    assert [str(message) for message in response.context["messages"]] == [
        "This filter makes no sense here and was left out."
    ]


def test_filter_no_list_offers_tells_nothing(client, everything):
    address = reverse("admin:stores_bucket_changelist")
    Bucket.objects.update(credentials="secret")

    response = client.get(f"{address}?credentials__startswith=s")

    assert (response.status_code, response.url) == (302, f"{address}?e=1")


# What it costs


def queries_of(client, address):
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        response = client.get(address)
    return response.status_code, len(captured)


def test_every_list_costs_the_same_with_3_and_with_30_rows(client, operator):
    addresses = {
        desk.opts.label_lower: reverse(f"admin:{desk.opts.app_label}_{desk.opts.model_name}_changelist")
        for desk in DESKS
    }
    fill(3)
    few = {name: queries_of(client, address) for name, address in addresses.items()}
    fill(27, first=3)

    assert {name: queries_of(client, address) for name, address in addresses.items()} == few
    assert {name: few[name] for name in COUNTS} == {name: (200, count) for name, count in COUNTS.items()}

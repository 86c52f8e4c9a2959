"""Who may open which address: every URL of the configuration stands in one table, and is asked for by everybody."""

import pytest
from django.contrib import admin
from django.db import transaction
from django.urls import get_resolver

from accounts.models import Membership, User
from accounts.roles import Role, allows
from accounts.services import follow_memberships
from accounts.services_invitations import make_invitation
from accounts.services_tokens import make_token
from importers.models import ImportJob, MLflowConnection, TrainingJob
from registry.services_exports import submit_export
from serving.asking import Asked
from serving.instance_logs import path_of
from serving.models import Environment, VersionEnvironment
from stores.models import Bucket, RegistryConnection, Upload
from tests.access_table import (
    ADMINISTRATORS,
    ANYONE,
    IMPORT,
    OPERATOR,
    OWN,
    PAGES,
    PERSON,
    TOKEN,
)
from tests.factories import make_bucket, make_member, make_version, make_workspace
from tests.importers.jobs import GOOD, put
from tests.registry.test_download import stored
from tests.serving.deployed import instances_of, make_deployable, make_running, stand

DIGEST = f"sha256:{'0' * 64}"
PINNED = {"reference": f"registry.example.com/team/digits:1.0@{DIGEST}", "digest": DIGEST, "size": 1, "layers": 1}
PEOPLE = [*Role, "operator", "stranger", "nobody"]


def patterns(resolver=None, prefix=""):
    """Every address of the configuration but those of the desk, which have their own table."""
    for each in (resolver or get_resolver()).url_patterns:
        whole = prefix + str(each.pattern)
        if whole == "admin/":
            continue
        if hasattr(each, "url_patterns"):
            yield from patterns(each, whole)
        else:
            yield whole


@pytest.fixture
def people(db):
    """A member of each role, an operator, the administrator of another workspace, and nobody."""
    members = {role: make_member(role.value, role) for role in Role}
    operator = User.objects.create_superuser("operator", password="correct horse")
    stranger = make_member("stranger", Role.ADMIN, make_workspace("elsewhere"))
    for person in [*members.values(), stranger]:
        follow_memberships(person)
    return members | {"operator": operator, "stranger": stranger, "nobody": None}


@pytest.fixture
def things(people):
    """One of everything, in workspace `default`; what is somebody's own is the developer's."""
    workspace = make_workspace()
    version = make_version(digest="0" * 64, file_count=1, source_params={"pinned": PINNED})
    put(GOOD)
    stored(version)
    environment = Environment.objects.create(digest="e" * 64, state="ready", used_at=version.created_at)
    VersionEnvironment.objects.create(version=version, environment=environment)
    stand(environment)
    bucket = make_bucket("other")
    put(GOOD, bucket="other")
    named = {"model_name": "digits", "version_number": "0.0.1", "version_uuid": version.uuid}
    job = ImportJob.objects.create(workspace=workspace, version=version, source_kind="obs", **named)
    export = submit_export(version, bucket=bucket, prefix="", name="digits.zip", by=people[Role.DEVELOPER])
    upload = Upload.objects.create(bucket=bucket, prefix="", created_by=people[Role.DEVELOPER])
    upload.files.create(number=0, key="a.bin", size=1)
    training = TrainingJob.objects.create(workspace=workspace, name="nightly")
    run = training.runs.create(number=1, external_id="1", source="form", status="running", kind="custom")
    mlflow = MLflowConnection.objects.create(workspace=workspace, name="lab", address="http://localhost:1")
    registry = RegistryConnection.objects.create(workspace=workspace, name="images", address="localhost:1")
    Bucket.objects.create(name="remote", workspace=workspace, driver=Bucket.Driver.S3, endpoint="https://s3.example")
    invitation, secret = make_invitation(workspace, role=Role.VIEWER, note="", by=people[Role.ADMIN])
    token, _ = make_token(workspace, name="ci", role=Role.VIEWER, expires_at=None, by=people[Role.DEVELOPER])
    service = make_running(make_deployable("deployed"), by=people[Role.DEVELOPER])
    instance = instances_of(service).get()
    path_of(instance).parent.mkdir(parents=True, exist_ok=True)
    path_of(instance).write_text("ready")
    return {
        "workspace": workspace.uuid,
        "member": Membership.objects.get(user=people[Role.VIEWER]).pk,
        "invitation": invitation.uuid,
        "secret": secret,
        "token": token.uuid,
        "registry": registry.uuid,
        "training": training.uuid,
        "run": run.uuid,
        "mlflow": mlflow.uuid,
        "model": version.model.uuid,
        "version": version.uuid,
        "bucket": bucket.name,
        "upload": upload.uuid,
        "job": job.uuid,
        "export": export.uuid,
        "proof": version.proof_records.create(
            request=Asked("POST", "/", body=b"{}").as_dict(), answer={"status": 200, "headers": {}, "body": ""}
        ).uuid,
        "service": service.uuid,
        "instance": instance.uuid,
    }


def address_of(route, page, things):
    path = route
    for name, value in page.args.items():
        start, end = path.index("<"), path.index(">") + 1
        assert path[start:end].rpartition(":")[2] == f"{name}>", "arguments stand in the order of the address"
        path = path[:start] + str(things.get(value, value)) + path[end:]
    return f"/{path}" + (f"?{page.query}" if page.query else "")


def expected(right, page, who):
    """What a person meets: `allowed`, `refused`, `missing`, `sign-in`, or `no method`."""
    if who == "nobody":
        return of_nobody(right, page)
    if right in {ANYONE, TOKEN, None}:
        return {ANYONE: "allowed", TOKEN: "sign-in", None: "no method"}[right]
    if who == "stranger" and page.of:
        return "missing"
    if isinstance(right, frozenset):
        return "allowed" if who in right else "missing"
    if right == OWN:
        return expected(IMPORT, page, who) if who not in ADMINISTRATORS else "missing"
    if right == OPERATOR:
        return "allowed" if who == "operator" else "refused"
    return "allowed" if right == PERSON or who in {"operator", "stranger"} or allows(who, right) else "refused"


def of_nobody(right, page):
    """Who is not signed in comes to the sign-in, except where people come in without it."""
    if right == ANYONE:
        return "allowed"
    return "no method" if right is None and {page.get, page.post} & {ANYONE, TOKEN} else "sign-in"


def outcome(answer):
    if answer.status_code == 302 and answer["Location"].startswith("/accounts/login/?next="):
        return "sign-in"
    named = {401: "sign-in", 403: "refused", 404: "missing", 405: "no method"}
    assert answer.status_code != 500, answer.content[:300]
    return named.get(answer.status_code, "allowed")


def ask(client, person, method, address, data):
    """What the person meets, with whatever it changed undone."""
    put(GOOD, bucket="other")
    client.logout()
    if person:
        client.force_login(person)
    with transaction.atomic():
        answer = (
            client.generic("POST", address) if method == "post" and not data else getattr(client, method)(address, data)
        )
        met = outcome(answer)
        transaction.set_rollback(True)
    return met


def test_every_address_stands_in_the_table():
    assert sorted(set(patterns())) == sorted(PAGES)


@pytest.mark.parametrize("route", sorted(PAGES))
def test_address_opens_to_whom_the_table_says(client, things, people, route):
    page = PAGES[route]
    address = address_of(route, page, things)
    data = {name: str(things.get(value, value)) for name, value in page.data.items()}
    rights = {"get": (page.get, {}), "post": (page.post, data)}

    met = {
        (method, who): ask(client, people[who], method, address, sent)
        for method, (right, sent) in rights.items()
        for who in PEOPLE
    }

    assert met == {(method, who): expected(rights[method][0], page, who) for method in rights for who in PEOPLE}


# The desk: of each model its list, and a page to add, change and delete.
STAFF, MANAGERS, OPERATORS = {Role.REVIEWER, Role.ADMIN, "operator"}, {Role.ADMIN, "operator"}, {"operator"}
DESK = {
    "accounts_workspace": {"": MANAGERS, "add/": OPERATORS},
    "accounts_user": {"": MANAGERS, "add/": MANAGERS},
    "accounts_invitation": {"": MANAGERS, "add/": set()},
    "accounts_apitoken": {"": MANAGERS, "add/": set()},
    "accounts_auditevent": {"": MANAGERS, "add/": set()},
    "registry_registeredmodel": {"": STAFF, "add/": set()},
    "registry_modelversion": {"": STAFF, "add/": set()},
    "registry_review": {"": STAFF, "add/": set()},
    "registry_exportjob": {"": STAFF, "add/": set()},
    "importers_importjob": {"": STAFF, "add/": set()},
    "stores_registryconnection": {"": MANAGERS, "add/": set()},
    "stores_upload": {"": MANAGERS, "add/": set()},
    "stores_bucket": {"": MANAGERS, "add/": OPERATORS},
}


def registered():
    return {f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry}


def test_every_part_of_the_desk_stands_in_its_table():
    assert registered() == set(DESK)


@pytest.mark.parametrize("part", sorted(DESK))
def test_desk_opens_to_whom_its_table_says(client, people, part):
    members = [who for who in PEOPLE if who not in {"stranger", "nobody"}]
    met = {
        page: {
            who
            for who in members
            if ask(client, people[who], "get", f"/admin/{part.replace('_', '/', 1)}/{page}", {}) == "allowed"
            and people[who].is_staff
        }
        for page in DESK[part]
    }

    assert met == DESK[part]


@pytest.mark.parametrize("part", sorted(DESK))
def test_desk_is_closed_to_who_is_not_signed_in(client, db, part):
    answer = client.get(f"/admin/{part.replace('_', '/', 1)}/", follow=True)

    assert answer.redirect_chain[-1][0].startswith("/accounts/login/?next=")

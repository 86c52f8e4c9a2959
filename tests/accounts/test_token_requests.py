"""Requests with a token: what it may, where, and how a wrong one is refused."""

from datetime import timedelta

import pytest
from django.http import JsonResponse
from django.test import Client
from django.urls import path, reverse
from django.utils.timezone import now
from django.views.decorators.http import require_http_methods

from accounts.models import ApiToken, AuditEvent, Membership, User
from accounts.queries import actions_in, manages_something, may_change_person, people_for, workspaces_for
from accounts.requests_tokens import accepts_token
from accounts.roles import ALLOWED, Action, Role
from accounts.transitions import note_use
from console import urls as console_urls
from registry.models import ModelSource, Status
from tests.accounts.people import SECRET, make_token
from tests.factories import make_member, make_user, make_version, make_workspace
from tests.registry.test_export import exportable

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@accepts_token(Action.IMPORT)
@require_http_methods(["GET", "POST"])
def written(request):
    return JsonResponse({"who": request.user.get_username(), "where": request.workspace.name})


urlpatterns = [*console_urls.urlpatterns, path("written/", written)]
handler404 = console_urls.handler404
handler403 = console_urls.handler403


@pytest.fixture
def dev(client):
    user = make_member("dev", Role.DEVELOPER)
    client.force_login(user)
    return user


def bearer(secret=SECRET):
    return {"Authorization": f"Bearer {secret}"}


def exported(version):
    return reverse("registry:version-export", args=[version.uuid])


def acting(user, role, workspace=None):
    token = make_token(user, role, workspace)
    user.acting_token = token
    return user


# What a token may see and do


@pytest.mark.parametrize("token_role", Role)
@pytest.mark.parametrize("person_role", Role)
def test_token_may_what_both_roles_allow(person_role, token_role):
    user = acting(make_member("ann", person_role), token_role)

    assert actions_in(user, make_workspace()) == ALLOWED[person_role] & ALLOWED[token_role]
    allowed = {action for action in Action if workspaces_for(user, action).exists()}
    assert allowed == ALLOWED[person_role] & ALLOWED[token_role]


def test_token_reaches_its_own_workspace_alone():
    ann = make_member("ann", Role.ADMIN)
    other = make_workspace("other")
    Membership.objects.create(user=ann, workspace=other, role=Role.ADMIN)
    user = acting(ann, Role.ADMIN)

    assert list(workspaces_for(user).values_list("name", flat=True)) == ["default"]
    assert actions_in(user, other) == frozenset()


def test_token_of_an_operator_is_no_operator():
    make_workspace("other")
    eve = make_member("eve", workspace=make_workspace("other"))
    root = acting(User.objects.create_superuser("root"), Role.DEVELOPER)

    assert list(workspaces_for(root).values_list("name", flat=True)) == ["default"]
    assert actions_in(root, make_workspace()) == ALLOWED[Role.DEVELOPER]
    assert (manages_something(root), may_change_person(root, eve)) == (False, False)
    assert list(people_for(root)) == []


# Coming in with one


@pytest.mark.parametrize("headers", [bearer(), {"authorization": f"bearer  {SECRET} "}, {"X-Auth-Token": SECRET}])
def test_version_is_exported_with_a_token_and_no_session(client, headers):
    version = exportable()
    make_token(make_member("ann"))

    response = client.get(exported(version), headers=headers)

    assert (response.status_code, response["Content-Type"]) == (200, "application/zip")
    assert "sessionid" not in response.cookies
    assert AuditEvent.objects.values_list("code", "actor_name", "params__token").get() == (
        "version.exported",
        "ann",
        "mp_secre… · nightly",
    )


def refusal(response):
    return response.status_code, response.json()["error_code"], response.headers.get("WWW-Authenticate", "")


INVALID = (401, "ModelArts.0203", 'Bearer realm="modelport", error="invalid_token"')


@pytest.mark.parametrize("secret", ["mp_wrong", "", "no-mark", "mp_" + "x" * 10_000, "mp_‮é"])
def test_wrong_token_is_refused_in_json(client, secret):
    make_token(make_member("ann"))

    response = client.get(exported(make_version()), headers=bearer(secret))

    assert refusal(response) == INVALID
    assert response.json()["error_msg"] == "The API token is wrong, or it was revoked."


def test_revoked_token_is_refused(client):
    make_token(make_member("ann"), revoked_at=now())

    assert refusal(client.get(exported(make_version()), headers=bearer())) == INVALID


def test_token_of_an_account_that_is_switched_off_is_refused(client):
    ann = make_member("ann")
    make_token(ann)
    User.objects.filter(pk=ann.pk).update(is_active=False)

    assert refusal(client.get(exported(make_version()), headers=bearer())) == INVALID


def test_expired_token_is_told_so(client):
    make_token(make_member("ann"), expires_at=now())

    status, code, _ = refusal(client.get(exported(make_version()), headers=bearer()))

    assert (status, code) == (401, "ModelArts.0202")


def test_wrong_token_is_not_helped_by_a_session(client, dev):
    assert client.get(exported(make_version()), headers=bearer("mp_wrong")).status_code == 401


def test_token_of_somebody_who_left_may_nothing(client):
    ann = make_member("ann")
    make_token(ann)
    ann.memberships.all().delete()

    assert refusal(client.get(exported(make_version()), headers=bearer())) == (403, "ModelArts.0108", "")


def test_version_of_another_workspace_does_not_exist_for_the_token(client):
    ann = make_member("ann")
    other = make_workspace("other")
    Membership.objects.create(user=ann, workspace=other, role=Role.ADMIN)
    make_token(ann)

    response = client.get(exported(make_version(workspace=other)), headers=bearer())

    assert refusal(response) == (404, "ModelArts.3001", "")


@pytest.mark.parametrize(
    ("version", "status", "code", "said"),
    [
        ({"model_source": ModelSource.EXEML}, 403, "ModelArts.3047", "ExeML"),
        ({"model_source": ModelSource.SUBSCRIBED}, 403, "ModelArts.3049", "belong to their publisher"),
        ({"status": Status.FAILED}, 409, "ModelArts.3048", "Only a version that is Normal can be exported"),
    ],
)
def test_version_that_does_not_leave_is_refused_in_json(client, version, status, code, said):
    make_token(make_member("ann"))

    response = client.get(exported(exportable(**version)), headers=bearer())

    assert refusal(response) == (status, code, "")
    assert said in response.json()["error_msg"]


def test_without_a_token_the_export_asks_to_sign_in(client):
    assert client.get(exported(make_version()))["Location"].startswith("/accounts/login/")


def test_pages_that_take_no_token_say_so_to_programs(client):
    make_token(make_member("ann"))

    response = client.get("/models/", headers=bearer())

    assert (response.status_code, response.json()["error_code"]) == (403, "ModelArts.0108")


def test_header_of_a_proxy_is_no_token(client):
    response = client.get("/models/", headers={"Authorization": "Bearer eyJhbGciOi"})

    assert response["Location"] == "/accounts/login/?next=/models/"


@pytest.mark.urls("tests.accounts.test_token_requests")
def test_post_with_a_token_needs_no_csrf_token_and_one_with_a_session_does():
    strict = Client(enforce_csrf_checks=True)
    ann = make_member("ann")
    make_token(ann, Role.DEVELOPER)

    with_token = strict.post("/written/", headers=bearer())
    strict.force_login(ann)
    with_session = strict.post("/written/")
    with_wrong_token = strict.post("/written/", headers=bearer("mp_wrong"))

    assert with_token.json() == {"who": "ann", "where": "default"}
    assert (with_session.status_code, with_wrong_token.status_code) == (403, 401)


@pytest.mark.urls("tests.accounts.test_token_requests")
def test_view_asks_for_its_action(client):
    make_token(make_member("ann"), Role.VIEWER)

    assert refusal(client.post("/written/", headers=bearer())) == (403, "ModelArts.0108", "")


@pytest.mark.urls("tests.accounts.test_token_requests")
def test_token_counts_more_than_the_session_beside_it(client):
    client.force_login(make_user("eve"))
    make_token(make_member("ann"), Role.DEVELOPER)

    assert client.post("/written/", headers=bearer()).json()["who"] == "ann"


def test_use_is_noted_at_most_once_a_minute():
    token = make_token(make_member("ann"))

    noted = [note_use(token), note_use(token)]
    ApiToken.objects.update(last_used_at=now() - timedelta(seconds=61))
    noted.append(note_use(token))

    assert noted == [True, False, True]


def test_file_is_downloaded_with_a_token(client):
    make_token(make_member("ann"))
    version = exportable()

    answers = [
        client.get(reverse("registry:file-download", args=[version.uuid, path]), headers=bearer())
        for path in ("model/config.json", "model/none.txt")
    ]

    assert b"".join(answers[0].streaming_content) == b"{}"
    assert refusal(answers[1]) == (404, "ModelArts.3001", "")

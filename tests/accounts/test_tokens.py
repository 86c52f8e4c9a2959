import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import path, reverse
from django.utils.timezone import now
from django.views.decorators.http import require_http_methods

from accounts.digests import digest_of
from accounts.errors import NotAllowed, RoleTooHigh
from accounts.models import ApiToken, AuditEvent, Membership, User
from accounts.queries import actions_in, manages_something, may_change_person, people_for, workspaces_for
from accounts.requests_tokens import accepts_token
from accounts.roles import ALLOWED, Action, Role
from accounts.services_tokens import make_token as make_own_token
from accounts.transitions import note_use
from console import urls as console_urls
from registry.models import ModelSource, Status
from tests.accounts.people import SECRET, audit, first_column, make_token, told
from tests.factories import make_member, make_user, make_version, make_workspace
from tests.registry.test_export import exportable

pytestmark = [pytest.mark.django_db, pytest.mark.db]
TOKENS = "/workspace/tokens/"
NEW = "/workspace/tokens/new/"


@accepts_token(Action.IMPORT)
@require_http_methods(["GET", "POST"])
def written(request):
    from django.http import JsonResponse

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


# Making, listing, revoking


def test_secret_is_shown_once_and_only_its_digest_is_kept(client, dev):
    first = client.post(NEW, {"name": "nightly", "role": "viewer", "expiry": "30"}, follow=True)
    again = client.get(first.redirect_chain[0][0])

    secret = re.search(r"<code>(mp_.*?)</code>", first.content.decode())[1]
    token = ApiToken.objects.get()
    assert (token.digest, token.prefix, token.user, token.role) == (digest_of(secret), secret[:8], dev, "viewer")
    assert timedelta(days=29) < token.expires_at - now() <= timedelta(days=30)
    assert secret not in again.content.decode()
    assert f"Bearer {secret}" in first.content.decode()
    assert audit() == [
        (
            "token.made",
            "dev",
            {"name": "nightly", "begins": secret[:8], "role": "viewer", "expires": f"{token.expires_at:%Y-%m-%d}"},
        )
    ]


def test_token_may_be_made_for_ever(client, dev):
    client.post(NEW, {"name": "nightly", "role": "viewer", "expiry": ""})

    assert ApiToken.objects.get().expires_at is None


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": "a‮b"}, "name"),
        ({"role": "admin"}, "role"),
        ({"role": "reviewer"}, "role"),
        ({"expiry": "31"}, "expiry"),
    ],
)
def test_token_form_refuses(client, dev, values, field):
    response = client.post(NEW, {"name": "nightly", "role": "viewer", "expiry": "30"} | values)

    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert ApiToken.objects.count() == 0


@pytest.mark.parametrize(
    ("role", "offered"),
    [("developer", ["viewer", "developer"]), ("admin", ["viewer", "developer", "reviewer", "admin"])],
)
def test_roles_offered_are_at_most_ones_own(client, role, offered):
    client.force_login(make_member("ann", role))

    form = client.get(NEW).context["form"]

    assert [value for value, _ in form.fields["role"].choices] == offered


@pytest.mark.parametrize("role", [Role.VIEWER, Role.REVIEWER])
def test_only_people_who_may_import_have_tokens(client, role):
    client.force_login(make_member("ann", role))

    assert [client.get(address).status_code for address in (TOKENS, NEW)] == [403, 403]


def test_command_makes_no_token_beyond_its_maker():
    ann, viewer = make_member("ann"), make_member("viewer", Role.VIEWER)
    values = {"name": "x", "expires_at": None}

    with pytest.raises(RoleTooHigh):
        make_own_token(make_workspace(), role=Role.ADMIN, by=ann, **values)
    with pytest.raises(NotAllowed):
        make_own_token(make_workspace(), role=Role.VIEWER, by=viewer, **values)


@pytest.mark.parametrize(("role", "names"), [(Role.DEVELOPER, ["mine"]), (Role.ADMIN, ["theirs", "mine"])])
def test_one_sees_own_tokens_and_administrators_all(client, role, names):
    ann = make_member("ann", role)
    client.force_login(ann)
    make_token(ann, name="mine")
    make_token(make_member("bob"), name="theirs", secret="mp_2")
    make_token(
        make_member("eve", workspace=make_workspace("other")),
        name="other",
        secret="mp_3",
        workspace=make_workspace("other"),
    )
    make_token(ann, name="revoked", secret="mp_4", revoked_at=now())

    assert first_column(client.get(TOKENS)) == names


@pytest.mark.parametrize(
    ("text", "names"), [("NIGHT", ["nightly"]), ("dev", ["weekly", "nightly"]), (SECRET, ["nightly"]), ("mp_zzzzz", [])]
)
def test_tokens_are_searched(client, dev, text, names):
    make_token(dev)
    make_token(dev, name="weekly", secret="mp_weekly-token")

    assert first_column(client.get(TOKENS, {"q": text})) == names


@pytest.mark.parametrize("sort", ["name", "-name", "who", "-created_at", "used", "-used"])
def test_tokens_are_paged_in_every_order(client, dev, sort, monkeypatch):
    monkeypatch.setattr("accounts.queries_people.token_page.__kwdefaults__", {"limit": 2})
    for number in range(3):
        make_token(dev, name=f"t{number}", secret=f"mp_{number}")

    first = client.get(TOKENS, {"sort": sort})
    second = client.get(TOKENS, {"sort": sort, "after": first.context["page"].next})

    assert sorted(first_column(first) + first_column(second)) == ["t0", "t1", "t2"]


@pytest.mark.parametrize("count", [1, 3])
def test_token_list_asks_the_same_queries_for_any_number(client, dev, count, django_assert_num_queries):
    for number in range(count):
        make_token(dev, secret=f"mp_{number}")

    with django_assert_num_queries(6):  # session, user, workspaces, the right, rows, total
        client.get(TOKENS)


@pytest.mark.parametrize(("language", "heading"), [("en", "API tokens"), ("zh-hans", "API令牌")])
def test_tokens_are_shown_in_both_languages(client, dev, language, heading):
    client.post(reverse("set_language"), {"language": language})

    assert re.search(r"<h1>(.*?)</h1>", client.get(TOKENS).content.decode())[1] == heading


def test_revoking_is_asked_about_and_recorded(client, dev):
    token = make_token(dev)
    address = reverse("accounts:token-revoke", args=[token.uuid])

    asked = client.get(address).content.decode()
    done = client.post(address, follow=True)
    client.post(address)

    assert "Programs that use it are refused at once." in asked
    assert told(done) == ["Token “nightly” was revoked."]
    assert audit() == [("token.revoked", "dev", {"name": "nightly", "begins": "mp_secre", "whose": "dev"})]


def test_tokens_of_others_do_not_exist(client, dev):
    token = make_token(make_member("bob"))

    assert client.post(reverse("accounts:token-revoke", args=[token.uuid])).status_code == 404
    assert ApiToken.objects.filter(revoked_at=None).count() == 1


def test_administrator_revokes_the_tokens_of_others(client):
    client.force_login(make_member("chief", Role.ADMIN))
    token = make_token(make_member("bob"))

    client.post(reverse("accounts:token-revoke", args=[token.uuid]))

    assert ApiToken.objects.filter(revoked_at=None).count() == 0


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


@pytest.mark.urls("tests.accounts.test_tokens")
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


@pytest.mark.urls("tests.accounts.test_tokens")
def test_view_asks_for_its_action(client):
    make_token(make_member("ann"), Role.VIEWER)

    assert refusal(client.post("/written/", headers=bearer())) == (403, "ModelArts.0108", "")


@pytest.mark.urls("tests.accounts.test_tokens")
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

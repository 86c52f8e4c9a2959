import re

import pytest
from django.urls import reverse

from accounts.models import AuditEvent, Membership
from accounts.roles import Role
from tests.factories import make_member, make_user, make_workspace

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/login/"


def sign_in(client, username="ann", password="correct horse", **extra):
    return client.post(LOGIN, {"username": username, "password": password}, **extra)


def audit():
    return list(AuditEvent.objects.order_by("id").values_list("code", "actor_name"))


@pytest.mark.parametrize(("language", "heading"), [("en", "Sign in"), ("zh-hans", None)])
def test_sign_in_page_is_shown_in_both_languages(client, language, heading):
    client.post(reverse("set_language"), {"language": language})

    html = client.get(LOGIN).content.decode()

    assert re.search(r'<html lang="([^"]*)"', html)[1] == language
    assert heading is None or re.search(r"<h1>([^<]*)</h1>", html)[1] == heading


def test_sign_in_leads_to_the_page_that_was_asked_for(client):
    make_user()

    response = client.post(LOGIN, {"username": "ann", "password": "correct horse", "next": "/help/"})

    assert response["Location"] == "/help/"
    assert audit() == [("person.signed_in", "ann")]


def test_sign_in_leads_nowhere_outside(client):
    make_user()

    response = client.post(
        LOGIN, {"username": "ann", "password": "correct horse", "next": "https://elsewhere.example/"}
    )

    assert response["Location"] == "/"


def test_sign_in_page_sends_people_on_who_are_signed_in(client):
    client.force_login(make_user())

    assert client.get(LOGIN)["Location"] == "/"


def test_wrong_password_is_told_and_recorded_and_the_name_stays(client):
    make_user()

    html = sign_in(client, password="wrong").content.decode()

    assert "User name or password is wrong. Mind capital and small letters." in html
    assert re.search(r'name="username"[^>]*value="([^"]*)"', html)[1] == "ann"
    assert audit() == [("person.sign_in_failed", "ann")]


def test_name_that_nobody_has_is_not_written_down(client):
    sign_in(client, username="my-secret-pass-phrase")

    assert audit() == [("person.sign_in_failed", "unknown")]


def test_account_that_is_switched_off_cannot_sign_in(client):
    make_user(is_active=False)

    response = sign_in(client)

    assert response.status_code == 200
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("username", ["a" * 10_000, "\x00", "‮ann", "<script>alert(1)</script>", ""])
def test_hostile_user_name_is_refused_without_an_error(client, username):
    response = sign_in(client, username=username)

    assert response.status_code == 200
    assert "<script>alert" not in response.content.decode()


def fail(client, times, **extra):
    return [sign_in(client, password="wrong", **extra).status_code for _ in range(times)]


def test_sixth_wrong_password_is_locked_out(client):
    make_user()

    codes = fail(client, 6)
    html = sign_in(client).content.decode()

    assert codes == [200, 200, 200, 200, 429, 429]
    assert re.search(r"<h1>([^<]*)</h1>", html)[1] == "Too many attempts"
    assert "Wait 15 minutes" in html
    assert "_auth_user_id" not in client.session


def test_lock_holds_for_one_name_and_one_address(client):
    make_user()
    make_user("bob")
    fail(client, 6)

    other_person = sign_in(client, username="bob").status_code
    client.logout()
    other_address = sign_in(client, REMOTE_ADDR="10.9.8.7").status_code

    assert (other_person, other_address) == (302, 302)


def test_attempts_of_a_locked_name_do_not_fill_the_audit_trail(client):
    make_user()

    fail(client, 9)

    assert audit().count(("person.sign_in_failed", "ann")) == 4


def test_sign_out_ends_the_session_and_is_recorded(client):
    client.force_login(make_user())

    response = client.post(reverse("accounts:logout"))

    assert response["Location"] == LOGIN
    assert "_auth_user_id" not in client.session
    assert audit() == [("person.signed_out", "ann")]


def test_sign_out_is_no_link(client):
    client.force_login(make_user())

    assert client.get(reverse("accounts:logout")).status_code == 405


def change_password(client, old="correct horse", new="battery-staple-9", again=None):
    return client.post(
        reverse("accounts:password-change"),
        {"old_password": old, "new_password1": new, "new_password2": again or new},
    )


def test_password_change_keeps_the_session_and_is_recorded(client):
    user = make_user()
    client.force_login(user)

    response = change_password(client)
    done = client.get(response["Location"])

    user.refresh_from_db()
    assert user.check_password("battery-staple-9")
    assert done.status_code == 200
    assert audit() == [("person.password_changed", "ann")]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"old": "wrong"}, "old_password"),
        ({"again": "something else"}, "new_password2"),
        ({"new": "short"}, "new_password2"),
        ({"new": "password"}, "new_password2"),
    ],
)
def test_password_change_refuses(client, values, field):
    user = make_user()
    client.force_login(user)

    response = change_password(client, **values)

    user.refresh_from_db()
    assert list(response.context["form"].errors) == [field]
    assert user.check_password("correct horse")
    assert audit() == []


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("name", ["password-change", "password-changed"])
def test_password_pages_are_shown_in_both_languages(client, name, language):
    client.force_login(make_member())
    client.post(reverse("set_language"), {"language": language})

    html = client.get(reverse(f"accounts:{name}")).content.decode()

    assert re.search(r'<html lang="([^"]*)"', html)[1] == language


def test_workspace_switch_holds_for_the_session(client):
    user = make_member(workspace=make_workspace("alpha"))
    beta = make_workspace("beta")
    Membership.objects.create(user=user, workspace=beta, role=Role.VIEWER)
    client.force_login(user)

    before = client.get("/").context["workspace"]
    response = client.post(reverse("accounts:workspace-switch"), {"workspace": beta.uuid})
    after = client.get("/").context["workspace"]

    assert response["Location"] == "/"
    assert (before.name, after.name) == ("alpha", "beta")


def test_workspace_of_others_does_not_exist(client):
    client.force_login(make_member())

    response = client.post(reverse("accounts:workspace-switch"), {"workspace": make_workspace("other").uuid})

    assert response.status_code == 404
    assert client.get("/").context["workspace"].name == "default"


@pytest.mark.parametrize("value", ["", "x", "\x00", "00000000-0000-0000-0000-000000000000"])
def test_workspace_that_is_no_workspace_does_not_exist(client, value):
    client.force_login(make_member())

    assert client.post(reverse("accounts:workspace-switch"), {"workspace": value}).status_code == 404


def test_workspace_one_was_removed_from_is_left(client):
    user = make_member(workspace=make_workspace("alpha"))
    beta = make_workspace("beta")
    membership = Membership.objects.create(user=user, workspace=beta, role=Role.VIEWER)
    client.force_login(user)
    client.post(reverse("accounts:workspace-switch"), {"workspace": beta.uuid})

    membership.delete()

    assert client.get("/").context["workspace"].name == "alpha"

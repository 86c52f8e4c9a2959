import re
import threading
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.urls import reverse
from django.utils.timezone import now

from accounts.digests import digest_of
from accounts.errors import InvitationClosed
from accounts.models import Invitation, Membership, User
from accounts.roles import Role
from accounts.services_invitations import accept_invitation
from accounts.services_members import change_role
from accounts.transitions import use_invitation
from console.middleware import shown_path
from tests.accounts.people import LINK, audit, make_invitation, told
from tests.factories import make_member, make_user, make_workspace

pytestmark = [pytest.mark.django_db, pytest.mark.db]
INVITE = "/workspace/members/invite/"
ACCOUNT = {
    "account": "new",
    "username": "neu",
    "password1": "battery-staple-9",
    "password2": "battery-staple-9",
}


@pytest.fixture
def chief():
    return make_member("chief", Role.ADMIN)


@pytest.fixture
def as_chief(client, chief):
    client.force_login(chief)
    return client


def heading(response):
    return re.search(r"<h1[^>]*>(.*?)</h1>", response.content.decode())[1]


def role_of(user, workspace="default"):
    return Membership.objects.get(user=user, workspace__name=workspace).role


# Making and revoking


def test_link_is_shown_once_and_only_its_digest_is_kept(as_chief):
    first = as_chief.post(INVITE, {"role": "reviewer", "note": "bo@example.org"}, follow=True)
    again = as_chief.get(first.redirect_chain[0][0])

    link = re.search(r"<code>(.*?)</code>", first.content.decode())[1]
    secret = link.removeprefix("http://testserver/invitations/").rstrip("/")
    invitation = Invitation.objects.get()
    assert (invitation.digest, invitation.role, invitation.note) == (digest_of(secret), "reviewer", "bo@example.org")
    assert secret not in again.content.decode()
    assert audit() == [("invitation.made", "chief", {"role": "reviewer", "note": "bo@example.org"})]


def test_secret_waits_sealed_for_the_page_that_shows_it(as_chief):
    as_chief.post(INVITE, {"role": "viewer"})

    kept = [value for name, value in as_chief.session.items() if name.startswith("once.")]

    assert len(kept) == 1
    assert digest_of(kept[0]) != Invitation.objects.get().digest


def test_invitation_lasts_as_long_as_the_operator_says(as_chief, settings):
    settings.INVITATION_SECONDS = 3600

    as_chief.post(INVITE, {"role": "viewer"})

    assert timedelta(minutes=59) < Invitation.objects.get().expires_at - now() <= timedelta(hours=1)


@pytest.mark.parametrize("values", [{"role": "emperor"}, {"role": ""}, {"role": "viewer", "note": "x" * 121}])
def test_invitation_form_refuses_and_keeps_what_was_typed(as_chief, values):
    response = as_chief.post(INVITE, values)

    assert response.status_code == 422
    assert f'value="{values["note"]}"' in response.content.decode() if "note" in values else True
    assert Invitation.objects.count() == 0


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEVELOPER, Role.REVIEWER])
def test_only_administrators_invite_and_revoke(client, chief, role):
    invitation = make_invitation(chief)
    client.force_login(make_member("ann", role))

    codes = [
        client.get(INVITE).status_code,
        client.post(INVITE, {"role": "admin"}).status_code,
        client.post(reverse("accounts:invitation-revoke", args=[invitation.uuid])).status_code,
    ]

    assert codes == [403, 403, 404]
    assert Invitation.objects.filter(revoked_at=None).count() == 1


def test_open_invitations_are_listed_and_others_not(as_chief, chief):
    make_invitation(chief, note="open")
    make_invitation(chief, note="used", secret="2", used_at=now())
    make_invitation(chief, note="revoked", secret="3", revoked_at=now())
    make_invitation(chief, note="over", secret="4", expires_at=now())
    make_invitation(chief, note="elsewhere", secret="5", workspace=make_workspace("other"))

    response = as_chief.get("/workspace/members/")

    assert [each.note for each in response.context["invitations"]] == ["open"]


def test_revoked_invitation_lets_nobody_in(client, as_chief, chief):
    invitation = make_invitation(chief)

    response = as_chief.post(reverse("accounts:invitation-revoke", args=[invitation.uuid]), follow=True)
    client.logout()

    assert told(response) == ["The invitation was revoked. Its link leads nowhere from now on."]
    assert client.get(LINK).status_code == 404
    assert [code for code, *_ in audit()] == ["invitation.revoked"]


def test_invitation_of_another_workspace_does_not_exist(as_chief):
    eve = make_member("eve", Role.ADMIN, make_workspace("other"))
    invitation = make_invitation(eve, workspace=make_workspace("other"))

    assert as_chief.post(reverse("accounts:invitation-revoke", args=[invitation.uuid])).status_code == 404


# The page of the link


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Join workspace “default”"), ("zh-hans", "加入工作空间“default”")]
)
def test_link_says_what_one_is_invited_to_in_both_languages(client, chief, language, words):
    make_invitation(chief)
    client.post(reverse("set_language"), {"language": language})

    assert heading(client.get(LINK)) == words


def test_sign_in_comes_back_to_the_link(client, chief):
    make_invitation(chief)

    html = client.get(LINK).content.decode()

    assert "/accounts/login/?next=%2Finvitations%2Fsecret-of-a-link%2F" in html


@pytest.mark.parametrize(
    "values",
    [
        {"expires_at": now() - timedelta(seconds=1)},
        {"used_at": now()},
        {"revoked_at": now()},
        {"secret": "another"},
    ],
)
def test_link_that_is_not_open_says_whom_to_ask(client, chief, values):
    make_invitation(chief, **values)

    responses = [client.get(LINK), client.post(LINK, ACCOUNT)]

    assert [each.status_code for each in responses] == [404, 404]
    assert {heading(each) for each in responses} == {"This invitation is not open"}
    assert "Ask the person who sent it to you" in responses[0].content.decode()
    assert User.objects.filter(username="neu").count() == 0


@pytest.mark.parametrize("change", ["role", "membership", "inactive", "gone"])
def test_inviter_must_still_be_an_administrator(client, chief, change):
    invitation = make_invitation(chief)
    make_member("boss", Role.ADMIN)
    if change == "role":
        chief.memberships.update(role=Role.DEVELOPER)
    elif change == "membership":
        chief.memberships.all().delete()
    elif change == "inactive":
        User.objects.filter(pk=chief.pk).update(is_active=False)
    else:
        User.objects.get(pk=chief.pk).delete()

    assert client.get(LINK).status_code == 404
    with pytest.raises(InvitationClosed):
        accept_invitation(Invitation.objects.get(pk=invitation.pk), by=make_user("ann"))


def test_guessing_is_stopped_for_one_address_alone(client, chief):
    make_invitation(chief)

    codes = [client.get(f"/invitations/guess{number}/").status_code for number in range(21)]
    right, elsewhere = client.get(LINK), client.get(LINK, REMOTE_ADDR="10.9.8.7")
    cache.clear()

    assert codes == [404] * 20 + [429]
    assert (right.status_code, elsewhere.status_code) == (429, 200)


@pytest.mark.parametrize("secret", ["%00", "x" * 5000, "‮", "%ED%A0%80", "<script>"])
def test_hostile_link_leads_nowhere(client, secret):
    assert client.get(f"/invitations/{secret}/").status_code == 404


@pytest.mark.parametrize("end", ["", "/"])
def test_log_does_not_hold_the_secret_of_a_link(client, chief, caplog, end):
    make_invitation(chief)

    response = client.get(LINK.rstrip("/") + end)

    assert heading(response) == "Join workspace “default”"
    assert shown_path(response.wsgi_request) == f"/invitations/…{end}"
    assert [record for record in caplog.records if "secret-of-a-link" in record.getMessage()] == []


# Accepting


def test_person_accepts_and_works_there_at_once(client, chief):
    make_invitation(chief, Role.REVIEWER)
    ann = make_member("ann", workspace=make_workspace("alpha"))
    client.force_login(ann)

    response = client.post(LINK, follow=True)

    ann.refresh_from_db()
    assert response.redirect_chain == [("/", 302)]
    assert response.context["workspace"].name == "default"
    assert (role_of(ann), ann.is_staff) == ("reviewer", True)
    assert told(response) == ["Welcome to workspace default. Your role: Reviewer."]
    assert [(code, who) for code, who, _ in audit()] == [("invitation.accepted", "ann"), ("member.set", "chief")]


def test_looking_at_the_link_accepts_nothing(client, chief):
    make_invitation(chief)
    client.force_login(make_user("ann"))

    client.get(LINK)

    assert Invitation.objects.filter(used_at=None).count() == 1


def test_link_works_once(client, chief):
    make_invitation(chief)
    codes = []

    for name in ("ann", "bob"):
        client.force_login(make_user(name))
        codes.append(client.post(LINK).status_code)

    assert codes == [302, 404]
    assert sorted(Membership.objects.values_list("user__username", flat=True)) == ["ann", "chief"]


def test_of_two_who_accept_at_once_one_is_told_no(chief):
    invitation = make_invitation(chief)
    ann, bob = make_user("ann"), make_user("bob")

    assert (use_invitation(invitation, by=ann), use_invitation(invitation, by=bob)) == (True, False)
    with pytest.raises(InvitationClosed):
        accept_invitation(invitation, by=bob)


@pytest.mark.parametrize(
    ("has", "offered"), [("admin", "viewer"), ("developer", "developer"), ("reviewer", "developer")]
)
def test_member_never_loses_by_accepting_and_the_link_stays_open(client, chief, has, offered):
    make_invitation(chief, offered)
    ann = make_member("ann", has)
    client.force_login(ann)

    page = client.post(LINK, follow=True)

    assert role_of(ann) == has
    assert Invitation.objects.filter(used_at=None).count() == 1
    assert f"You are a member already, with the role {Role(has).label}, which" in page.content.decode()


def test_member_gains_by_accepting(client, chief):
    make_invitation(chief, Role.ADMIN)
    ann = make_member("ann", Role.VIEWER)
    client.force_login(ann)

    page = client.get(LINK).content.decode()
    client.post(LINK)

    assert "You are a member already, with the role Viewer. Accepting changes it to Administrator." in page
    assert role_of(ann) == "admin"


# Making an account


def test_new_person_makes_an_account_and_is_in(client, chief):
    make_invitation(chief)

    response = client.post(LINK, ACCOUNT, follow=True)

    neu = User.objects.get(username="neu")
    assert response.redirect_chain == [("/", 302)]
    assert client.session["_auth_user_id"] == str(neu.pk)
    assert neu.check_password("battery-staple-9")
    assert (role_of(neu), response.context["workspace"].name) == ("developer", "default")
    assert [(code, who) for code, who, _ in audit()] == [
        ("person.added", "neu"),
        ("invitation.accepted", "neu"),
        ("member.set", "chief"),
        ("person.signed_in", "neu"),
    ]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"username": "CHIEF"}, "username"),
        ({"username": "System"}, "username"),
        ({"username": ""}, "username"),
        ({"username": "a b"}, "username"),
        ({"password2": "another-staple-9"}, "password2"),
        ({"password1": "short", "password2": "short"}, "password2"),
        ({"password1": "password", "password2": "password"}, "password2"),
    ],
)
def test_account_form_refuses_and_keeps_the_name(client, chief, values, field):
    make_invitation(chief)
    sent = ACCOUNT | values

    response = client.post(LINK, sent)

    assert list(response.context["form"].errors) == [field]
    assert response.context["form"]["username"].value() == sent["username"]
    assert Invitation.objects.filter(used_at=None).count() == 1
    assert "_auth_user_id" not in client.session


def test_account_form_sent_after_signing_in_makes_no_account(client, chief):
    make_invitation(chief)
    client.force_login(make_user("ann"))

    client.post(LINK, ACCOUNT)

    assert User.objects.filter(username="neu").count() == 0
    assert Invitation.objects.filter(used_at=None).count() == 1


def test_accepting_without_being_signed_in_does_nothing(client, chief):
    make_invitation(chief)

    response = client.post(LINK)

    assert heading(response) == "Join workspace “default”"
    assert Invitation.objects.filter(used_at=None).count() == 1


@pytest.mark.db
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "role", "outcome", "left"),
    [("ann", Role.ADMIN, False, Role.ADMIN), ("chief", Role.VIEWER, "closed", Role.VIEWER)],
)
def test_accepting_waits_for_a_role_that_is_being_given(name, role, outcome, left):
    ann, chief = make_member("ann", Role.VIEWER), make_member("chief", Role.ADMIN)
    make_member("other", Role.ADMIN)
    invitation, outcomes, given = make_invitation(chief), [], threading.Event()

    def accept():
        given.wait()
        try:
            outcomes.append(accept_invitation(invitation, by=ann))
        except InvitationClosed:
            outcomes.append("closed")
        finally:
            connection.close()

    accepting = threading.Thread(target=accept)
    accepting.start()
    with transaction.atomic():
        change_role(Membership.objects.get(user__username=name), role, by=chief)
        given.set()
        accepting.join(timeout=0.5)
    accepting.join()

    assert outcomes == [outcome]
    assert Membership.objects.get(user__username=name).role == left

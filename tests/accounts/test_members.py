import re
from datetime import UTC, datetime

import pytest
from django.urls import reverse

from accounts.errors import LastAdministrator
from accounts.models import Membership, User
from accounts.roles import Role
from accounts.services_members import change_role, raise_role, remove_member
from tests.accounts.people import audit, first_column, make_token, told
from tests.factories import make_member, make_user, make_workspace

pytestmark = [pytest.mark.django_db, pytest.mark.db]
MEMBERS = "/workspace/members/"


@pytest.fixture
def chief(client):
    user = make_member("chief", Role.ADMIN)
    client.force_login(user)
    return user


def member(user, workspace=None):
    return user.memberships.get(workspace=workspace or make_workspace())


def give(client, membership, role, **extra):
    return client.post(reverse("accounts:member-role", args=[membership.pk]), {"role": role, **extra}, follow=True)


def remove_address(membership):
    return reverse("accounts:member-remove", args=[membership.pk])


# The list


@pytest.mark.parametrize(("language", "heading"), [("en", "Members"), ("zh-hans", "成员")])
def test_members_are_listed_in_both_languages(client, chief, language, heading):
    client.post(reverse("set_language"), {"language": language})

    html = client.get(MEMBERS).content.decode()

    assert re.search(r"<h1>(.*?)</h1>", html)[1] == heading


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEVELOPER, Role.REVIEWER])
def test_every_member_sees_the_others_and_changes_nobody(client, role):
    make_member("chief", Role.ADMIN)
    client.force_login(make_member("ann", role))

    response = client.get(MEMBERS)

    assert first_column(response) == ["ann", "chief"]
    assert '<select name="role"' not in response.content.decode()
    assert "Invite by link" not in response.content.decode()


def test_members_of_another_workspace_are_not_listed(client, chief):
    make_member("eve", workspace=make_workspace("other"))

    assert first_column(client.get(MEMBERS)) == ["chief"]


def test_people_without_a_workspace_have_no_members(client):
    client.force_login(make_user())

    assert client.get(MEMBERS).status_code == 403


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("name", ["ann", "bob", "chief"]),
        ("-name", ["chief", "bob", "ann"]),
        ("role", ["chief", "ann", "bob"]),
        ("-signed_in", ["bob", "chief", "ann"]),
        ("nonsense", ["ann", "bob", "chief"]),
    ],
)
def test_members_are_sorted(client, chief, sort, names):
    make_member("ann", Role.DEVELOPER)
    bob = make_member("bob", Role.VIEWER)
    User.objects.filter(pk=bob.pk).update(last_login=datetime(2099, 1, 1, tzinfo=UTC))

    assert first_column(client.get(MEMBERS, {"sort": sort})) == names


@pytest.mark.parametrize("sort", ["name", "-name", "role", "since", "signed_in", "-signed_in"])
def test_members_are_paged_in_every_order(client, chief, sort, monkeypatch):
    monkeypatch.setattr("accounts.queries_people.member_page.__kwdefaults__", {"limit": 2})
    for name in ("ann", "bob", "cid", "dan"):
        make_member(name)

    first = client.get(MEMBERS, {"sort": sort})
    second = client.get(MEMBERS, {"sort": sort, "after": first.context["page"].next})
    third = client.get(MEMBERS, {"sort": sort, "after": second.context["page"].next})
    back = client.get(MEMBERS, {"sort": sort, "before": third.context["page"].previous})

    seen = [first_column(page) for page in (first, second, third)]
    assert sorted(name for names in seen for name in names) == ["ann", "bob", "chief", "cid", "dan"]
    assert first_column(back) == seen[1]


@pytest.mark.parametrize(("text", "names"), [("AN", ["ann"]), ("@example", ["bob"]), ("zzz", [])])
def test_members_are_searched_by_name_and_address(client, chief, text, names):
    make_member("ann")
    bob = make_member("bob")
    User.objects.filter(pk=bob.pk).update(email="bob@example.org")

    assert first_column(client.get(MEMBERS, {"q": text})) == names


def test_search_by_htmx_answers_the_list_alone_and_its_address(client, chief):
    response = client.get(MEMBERS, {"q": "chi"}, headers={"HX-Request": "true", "HX-Target": "members"})

    assert response.content.decode().lstrip().startswith('<div class="people" id="members">')
    assert response["HX-Push-Url"] == "/workspace/members/?q=chi"


@pytest.mark.parametrize("count", [1, 3])
def test_member_list_asks_the_same_queries_for_any_number(client, chief, count, django_assert_num_queries):
    for number in range(count - 1):
        make_member(f"ann{number}")

    with django_assert_num_queries(6):  # session, user, workspaces, rows, total, invitations
        client.get(MEMBERS)


# Roles


def test_role_is_changed_and_recorded_and_opens_the_desk(client, chief):
    ann = make_member("ann")

    response = give(client, member(ann), Role.REVIEWER, next=f"{MEMBERS}?sort=role")

    ann.refresh_from_db()
    assert (member(ann).role, ann.is_staff) == (Role.REVIEWER, True)
    assert told(response) == ["ann is now: Reviewer."]
    assert response.redirect_chain == [(f"{MEMBERS}?sort=role", 302)]
    assert audit() == [
        ("member.set", "chief", {"name": "ann", "field": "role", "before": "developer", "after": "reviewer"})
    ]


def test_same_role_changes_and_records_nothing(client, chief):
    ann = make_member("ann")

    give(client, member(ann), Role.DEVELOPER)

    assert audit() == []


def test_unknown_role_is_refused(client, chief):
    ann = make_member("ann")

    response = give(client, member(ann), "emperor")

    assert told(response) == ["There is no such role. Choose one from the list."]
    assert member(ann).role == Role.DEVELOPER


def test_last_administrator_keeps_the_role(client, chief):
    response = give(client, member(chief), Role.VIEWER)

    assert told(response) == [
        "chief is the last administrator of workspace default. Make somebody else an administrator first."
    ]
    assert member(chief).role == Role.ADMIN


def test_administrator_who_is_switched_off_does_not_count():
    chief, off = make_member("chief", Role.ADMIN), make_member("off", Role.ADMIN)
    User.objects.filter(pk=off.pk).update(is_active=False)

    with pytest.raises(LastAdministrator):
        change_role(member(chief), Role.VIEWER, by=chief)


def test_role_is_changed_by_htmx_with_an_address_to_go_on(client, chief):
    ann = make_member("ann")

    response = client.post(
        reverse("accounts:member-role", args=[member(ann).pk]), {"role": "viewer"}, headers={"HX-Request": "true"}
    )

    assert response["HX-Redirect"] == MEMBERS


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEVELOPER, Role.REVIEWER])
def test_only_administrators_change_roles_and_remove(client, role):
    ann = make_member("ann")
    client.force_login(make_member("bob", role))

    codes = [give(client, member(ann), Role.ADMIN).status_code, client.post(remove_address(member(ann))).status_code]

    assert codes == [403, 403]
    assert member(ann).role == Role.DEVELOPER


def test_members_of_another_workspace_do_not_exist(client, chief):
    other = make_workspace("other")
    eve = make_member("eve", workspace=other)

    codes = [
        give(client, member(eve, other), Role.ADMIN).status_code,
        client.get(remove_address(member(eve, other))).status_code,
    ]

    assert codes == [404, 404]


def test_operator_administers_every_workspace(client):
    ann = make_member("ann", Role.VIEWER)
    client.force_login(User.objects.create_superuser("root"))

    give(client, member(ann), Role.ADMIN)

    assert member(ann).role == Role.ADMIN


@pytest.mark.parametrize(
    ("before", "offered", "after"),
    [
        ("viewer", "developer", "developer"),
        ("developer", "viewer", "developer"),
        ("developer", "reviewer", "developer"),
        ("reviewer", "developer", "reviewer"),
        ("reviewer", "admin", "admin"),
        ("admin", "viewer", "admin"),
    ],
)
def test_raising_a_role_takes_nothing_away(before, offered, after):
    ann = make_member("ann", before)

    raise_role(make_workspace(), ann, offered, by=ann)

    assert member(ann).role == after


# Removing


def test_removal_is_asked_about_with_its_consequences(client, chief):
    ann = make_member("ann")
    make_token(ann)

    html = client.get(remove_address(member(ann))).content.decode()

    assert re.findall(r"<li>(.*?)</li>", html) == [
        "They see nothing of this workspace any more, from this moment on. Their account stays, and with it their "
        "other workspaces.",
        "1 API token stops working at once.",
        "Models, versions and files they brought in stay, and so does their name in the audit trail.",
    ]


def test_removal_is_asked_about_in_a_dialog_for_htmx(client, chief):
    ann = make_member("ann")

    html = client.get(remove_address(member(ann)), headers={"HX-Request": "true"}).content.decode()

    assert html.strip().startswith('<dialog class="dialog"')


def test_removed_member_loses_workspace_desk_and_tokens(client, chief):
    ann = make_member("ann", Role.REVIEWER)
    token = make_token(ann)

    response = client.post(remove_address(member(ann)), follow=True)

    token.refresh_from_db()
    ann.refresh_from_db()
    assert told(response) == ["ann is no longer a member of workspace default."]
    assert (ann.memberships.count(), ann.is_staff, token.revoked_at is None) == (0, False, False)
    assert audit() == [("member.removed", "chief", {"name": "ann", "role": "reviewer", "tokens_revoked": 1})]


def test_removing_twice_changes_nothing_the_second_time():
    chief, ann = make_member("chief", Role.ADMIN), make_member("ann")
    membership, again = member(ann), member(ann)

    assert (remove_member(membership, by=chief), remove_member(again, by=chief)) == (True, False)


def test_removing_oneself_is_asked_expressly(client, chief):
    make_member("boss", Role.ADMIN)

    refused = client.post(remove_address(member(chief)))
    done = client.post(remove_address(member(chief)), {"leave": "on"})

    assert refused.status_code == 422
    assert refused.context["form"].errors == {"leave": ["Tick this to remove yourself."]}
    assert done["Location"] == "/"
    assert Membership.objects.filter(user=chief).count() == 0


def test_last_administrator_is_not_removed(client, chief):
    response = client.post(remove_address(member(chief)), {"leave": "on"})

    assert response.status_code == 409
    assert re.search(r'<div class="notice error" role="alert"><p>(.*?)</p>', response.content.decode())[1] == (
        "chief is the last administrator of workspace default. Make somebody else an administrator first."
    )
    assert Membership.objects.filter(user=chief).count() == 1

"""Who sees what at the operators' desk."""

import re

import pytest
from django.urls import reverse

from accounts.models import AuditEvent, Membership, User, Workspace
from accounts.roles import Role
from accounts.services import follow_memberships
from tests.accounts.desk import AUDIT, PEOPLE, WORKSPACES, listed, members_form
from tests.accounts.people import make_invitation, make_token
from tests.factories import make_member, make_workspace

pytestmark = pytest.mark.django_db


def choices(client, url, field):
    html = client.get(url).content.decode()
    select = re.search(rf'<select name="{field}".*?</select>', html, re.DOTALL)[0]
    return sorted(re.findall(r'<option value="\d+"[^>]*>([^<]*)</option>', select))


def test_operator_sees_every_workspace_and_everybody(client, operator):
    make_member("ann", workspace=make_workspace("alpha"))
    make_member("bob", workspace=make_workspace("beta"))

    assert listed(client, WORKSPACES) == ["alpha", "beta"]
    assert listed(client, PEOPLE) == ["ann", "bob", "root"]


def test_manager_sees_only_their_own(client, manager):
    make_member("ann", workspace=make_workspace("alpha"))
    make_member("bob", workspace=make_workspace("beta"))

    assert listed(client, WORKSPACES) == ["alpha"]
    assert listed(client, PEOPLE) == ["ann", "mia"]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEVELOPER])
def test_desk_is_closed_to_who_has_no_staff_role(client, role):
    user = make_member(role=role)
    follow_memberships(user)
    client.force_login(user)

    response = client.get("/admin/")

    assert response["Location"] == "/admin/login/?next=/admin/"


def test_desk_signs_in_where_everybody_does(client):
    response = client.get("/admin/login/?next=/admin/accounts/")

    assert response["Location"] == "/accounts/login/?next=/admin/accounts/"


def test_desk_refuses_who_is_signed_in_without_a_staff_role(client):
    client.force_login(make_member())

    response = client.get("/admin/", follow=True)

    assert response.redirect_chain == [("/admin/login/?next=/admin/", 302)]
    assert response.status_code == 403


def test_desk_signs_out_where_everybody_does(client, operator):
    response = client.post("/admin/logout/")

    assert response["Location"] == "/accounts/login/"
    assert AuditEvent.objects.get().code == "person.signed_out"


def test_operator_makes_the_first_workspace(client, operator):
    client.post(f"{WORKSPACES}add/", {"name": "first"} | members_form())

    assert Workspace.objects.get().name == "first"


def test_reviewer_enters_the_desk_but_manages_nobody(client):
    user = make_member(role=Role.REVIEWER)
    follow_memberships(user)
    client.force_login(user)

    assert client.get("/admin/").status_code == 200
    assert [client.get(url).status_code for url in (PEOPLE, WORKSPACES, AUDIT)] == [403, 403, 403]


def test_workspace_of_others_is_not_reachable_for_a_manager(client, manager):
    other = make_workspace("beta")

    response = client.get(f"{WORKSPACES}{other.pk}/change/", follow=True)

    assert response.redirect_chain == [("/admin/", 302)]


def test_member_choices_are_limited_to_people_one_sees(client, manager):
    make_member("ann", workspace=make_workspace("alpha"))
    make_member("bob", workspace=make_workspace("beta"))
    alpha = Workspace.objects.get(name="alpha")

    names = choices(client, f"{WORKSPACES}{alpha.pk}/change/", "memberships-__prefix__-user")

    assert names == ["ann", "mia"]


def test_workspace_choices_are_limited_to_workspaces_one_manages(client, manager):
    make_workspace("beta")

    assert choices(client, f"{PEOPLE}add/", "memberships-__prefix__-workspace") == ["alpha"]


def test_manager_cannot_touch_operators(client, manager):
    root = User.objects.create_superuser("root", password="correct horse")
    Membership.objects.create(user=root, workspace=make_workspace("alpha"), role=Role.VIEWER)

    response = client.get(f"{PEOPLE}{root.pk}/password/")

    assert response.status_code == 403


@pytest.mark.parametrize("role", Role.values)
def test_staff_follows_from_a_reviewer_or_admin_membership(role):
    user = make_member(role=role)

    follow_memberships(user)

    assert User.objects.get(pk=user.pk).is_staff == (role in {Role.REVIEWER, Role.ADMIN})


def test_operator_stays_staff_without_membership():
    root = User.objects.create_superuser("root", password="correct horse")

    follow_memberships(root)

    assert User.objects.get(pk=root.pk).is_staff is True


def test_audit_trail_cannot_be_changed_by_anybody(client, operator):
    event = AuditEvent.objects.create(actor_name="ann", code="person.signed_in")

    codes = [
        client.post(f"{AUDIT}add/").status_code,
        client.post(f"{AUDIT}{event.pk}/change/", {"code": "x"}).status_code,
        client.post(f"{AUDIT}{event.pk}/delete/", {"post": "yes"}).status_code,
    ]

    assert codes == [403, 403, 403]
    assert AuditEvent.objects.get().code == "person.signed_in"


@pytest.mark.parametrize("query", ["at__gte=99999999999-01-01", "at__gte=%00"])
def test_audit_trail_leaves_out_a_filter_that_makes_no_sense(client, operator, query):
    response = client.get(f"{AUDIT}?{query}", follow=True)

    assert response.status_code == 200


def test_audit_trail_of_a_manager_is_that_of_their_workspaces(client, manager):
    AuditEvent.objects.create(workspace=make_workspace("alpha"), actor_name="ann", code="model.deleted")
    AuditEvent.objects.create(workspace=make_workspace("beta"), actor_name="bob", code="model.deleted")

    html = client.get(AUDIT).content.decode()

    assert re.findall(r'class="field-actor_name">([^<]*)<', html) == ["ann"]


def test_only_operators_make_and_delete_workspaces(client, manager):
    alpha = Workspace.objects.get(name="alpha")

    codes = [client.get(f"{WORKSPACES}add/").status_code, client.get(f"{WORKSPACES}{alpha.pk}/delete/").status_code]

    assert codes == [403, 403]


def test_desk_pages_are_shown_in_chinese(client, operator):
    client.post(reverse("set_language"), {"language": "zh-hans"})

    html = client.get(PEOPLE).content.decode()

    assert re.search(r'<html lang="([^"]*)"', html)[1] == "zh-hans"


@pytest.mark.parametrize(("name", "make"), [("invitation", make_invitation), ("apitoken", make_token)])
def test_invitations_and_tokens_are_read_by_managers_without_their_digest(client, manager, name, make):
    mine = make(manager, workspace=make_workspace("alpha"), secret="mp_mine")
    theirs = make(manager, workspace=make_workspace("beta"), secret="mp_theirs")

    listed = client.get(reverse(f"admin:accounts_{name}_changelist"))
    page = client.get(reverse(f"admin:accounts_{name}_change", args=[mine.pk]))
    other = client.get(reverse(f"admin:accounts_{name}_change", args=[theirs.pk]))
    changed = client.post(reverse(f"admin:accounts_{name}_change", args=[mine.pk]), {"role": "admin"})

    assert list(listed.context["cl"].result_list) == [mine]
    assert mine.digest not in page.content.decode() + listed.content.decode()
    assert (page.status_code, other.status_code, changed.status_code) == (200, 302, 403)

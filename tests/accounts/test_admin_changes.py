"""What is changed about people and workspaces at the operators' desk."""

import pytest

from accounts.models import AuditEvent, Membership, User, Workspace
from accounts.roles import Role
from accounts.services import follow_memberships
from tests.accounts.desk import PEOPLE, WORKSPACES, held, members_form
from tests.factories import make_member, make_user, make_workspace

pytestmark = pytest.mark.django_db


def new_person(*rows, **changes):
    form = {"username": "neu", "password1": "battery-staple-9", "password2": "battery-staple-9"}
    return form | {"usable_password": "true"} | members_form(*rows) | changes


def test_manager_adds_a_person_to_their_workspace(client, manager):
    alpha = Workspace.objects.get(name="alpha")

    client.post(f"{PEOPLE}add/", new_person({"workspace": alpha.pk, "role": Role.REVIEWER}))

    person = User.objects.get(username="neu")
    assert [(each.workspace.name, each.role) for each in person.memberships.all()] == [("alpha", Role.REVIEWER)]
    assert (person.is_staff, person.is_superuser) == (True, False)
    assert set(AuditEvent.objects.values_list("code", "actor_name")) == {
        ("person.added", "mia"),
        ("member.set", "mia"),
    }


def test_manager_adds_nobody_to_nowhere_or_elsewhere(client, manager):
    beta = make_workspace("beta")

    client.post(f"{PEOPLE}add/", new_person())
    client.post(f"{PEOPLE}add/", new_person({"workspace": beta.pk, "role": Role.ADMIN}))

    assert User.objects.filter(username="neu").count() == 0


def test_manager_cannot_make_operators(client, manager):
    ann = make_member("ann", workspace=make_workspace("alpha"))
    form = {"username": "ann", "is_active": "on", "is_superuser": "on"} | members_form()

    client.post(f"{PEOPLE}{ann.pk}/change/", form)

    ann.refresh_from_db()
    assert (ann.is_superuser, ann.is_active) == (False, True)


@pytest.mark.parametrize("page", ["change", "password", "delete"])
def test_manager_cannot_touch_people_who_are_also_elsewhere(client, manager, page):
    bob = make_member("bob", workspace=make_workspace("alpha"))
    Membership.objects.create(user=bob, workspace=make_workspace("beta"), role=Role.VIEWER)
    form = {"username": "bob", "password1": "battery-staple-9", "password2": "battery-staple-9", "post": "yes"}

    response = client.post(f"{PEOPLE}{bob.pk}/{page}/", form | members_form())

    bob.refresh_from_db()
    assert response.status_code == 403
    assert bob.check_password("correct horse")


def test_new_password_set_at_the_desk_is_recorded(client, operator):
    ann = make_user()
    form = {"password1": "battery-staple-9", "password2": "battery-staple-9", "usable_password": "true"}

    client.post(f"{PEOPLE}{ann.pk}/password/", form)

    ann.refresh_from_db()
    assert ann.check_password("battery-staple-9")
    assert list(AuditEvent.objects.values_list("code", "actor_name", "params__name")) == [
        ("person.changed", "root", "ann")
    ]


def test_role_given_and_taken_opens_and_closes_the_desk(client, operator):
    alpha = make_workspace("alpha")
    make_member("mia", Role.ADMIN, make_workspace("alpha"))
    ann = make_user()
    url = f"{WORKSPACES}{alpha.pk}/change/"
    staff = []

    rules = {"name": "alpha", "approval_to_publish": "on", "four_eyes": "on"}
    client.post(url, rules | members_form({"user": ann.pk, "role": Role.ADMIN}))
    staff.append(User.objects.get(pk=ann.pk).is_staff)
    row = {"id": ann.memberships.get().pk, "workspace": alpha.pk, "user": ann.pk, "role": Role.ADMIN, "DELETE": "on"}
    client.post(url, rules | members_form(row, initial=1))
    staff.append(User.objects.get(pk=ann.pk).is_staff)

    assert staff == [True, False]
    assert list(AuditEvent.objects.order_by("id").values_list("code", "workspace__name")) == [
        ("member.set", "alpha"),
        ("member.removed", "alpha"),
    ]


@pytest.mark.parametrize("change", [{"DELETE": "on"}, {"role": Role.VIEWER}])
def test_last_administrator_stays_at_the_desk_too(client, manager, change):
    alpha, membership = Workspace.objects.get(name="alpha"), manager.memberships.get()

    page = client.post(
        f"{WORKSPACES}{alpha.pk}/change/", {"name": "alpha"} | members_form(held(membership, **change), initial=1)
    )

    assert "mia is the last administrator of workspace alpha." in page.content.decode()
    assert list(alpha.memberships.values_list("user__username", "role")) == [("mia", Role.ADMIN)]


def test_administrator_may_hand_over_in_one_form(client, operator):
    alpha = make_workspace("alpha")
    old, new = make_member("old", Role.ADMIN, alpha).memberships.get(), make_member("new", workspace=alpha)
    rows = held(old, role=Role.VIEWER), held(new.memberships.get(), role=Role.ADMIN)

    client.post(f"{WORKSPACES}{alpha.pk}/change/", {"name": "alpha"} | members_form(*rows, initial=2))

    roles = dict(alpha.memberships.values_list("user__username", "role"))
    assert roles == {"old": Role.VIEWER, "new": Role.ADMIN}
    events = AuditEvent.objects.filter(code="member.set").order_by("params__name")
    assert [(each.params["name"], each.params["before"], each.params["after"]) for each in events] == [
        ("new", Role.DEVELOPER, Role.ADMIN),
        ("old", Role.ADMIN, Role.VIEWER),
    ]


def test_last_administrator_is_neither_switched_off_nor_deleted(client, operator):
    mia = make_member("mia", Role.ADMIN, make_workspace("alpha"))
    form = {"username": "mia"} | members_form(held(mia.memberships.get()), initial=1)

    page = client.post(f"{PEOPLE}{mia.pk}/change/", form)
    client.post(f"{PEOPLE}{mia.pk}/delete/", {"post": "yes"})

    assert "mia is the last administrator of workspace alpha." in page.content.decode()
    assert list(User.objects.filter(username="mia").values_list("is_active", flat=True)) == [True]


def test_history_of_a_person_names_no_workspace_of_others(client, operator):
    alpha, beta = make_workspace("alpha"), make_workspace("beta")
    mia, ann = make_member("mia", Role.ADMIN, alpha), make_member("ann", workspace=alpha)
    follow_memberships(mia)
    rows = held(ann.memberships.get()), {"workspace": beta.pk, "role": Role.VIEWER}
    client.post(f"{PEOPLE}{ann.pk}/change/", {"username": "ann", "is_active": "on"} | members_form(*rows, initial=1))
    histories = [client.get(f"{PEOPLE}{ann.pk}/history/").content.decode()]

    client.force_login(mia)
    histories.append(client.get(f"{PEOPLE}{ann.pk}/history/").content.decode())

    assert ["ann · beta" in html for html in histories] == [True, False]


def test_manager_reads_in_the_history_what_they_did(client, manager):
    ann = make_member("ann", workspace=make_workspace("alpha"))
    row = held(ann.memberships.get(), role=Role.VIEWER)
    client.post(f"{PEOPLE}{ann.pk}/change/", {"username": "ann", "is_active": "on"} | members_form(row, initial=1))

    html = client.get(f"{PEOPLE}{ann.pk}/history/").content.decode()

    assert "ann · alpha · viewer" in html


def test_deleted_workspace_is_recorded_and_closes_the_desk(client, operator):
    mia = make_member("mia", Role.ADMIN, make_workspace("alpha"))
    follow_memberships(mia)

    client.post(f"{WORKSPACES}{Workspace.objects.get(name='alpha').pk}/delete/", {"post": "yes"})

    mia.refresh_from_db()
    assert (Workspace.objects.count(), mia.is_staff) == (0, False)
    events = AuditEvent.objects.values_list("code", "actor_name", "params")
    assert list(events) == [("workspace.deleted", "root", {"name": "alpha"})]


@pytest.mark.parametrize("name", ["system", "Unknown"])
def test_nobody_takes_a_name_that_stands_for_no_person(client, manager, name):
    row = {"workspace": Workspace.objects.get(name="alpha").pk, "role": Role.DEVELOPER}

    page = client.post(f"{PEOPLE}add/", new_person(row, username=name))

    assert "In the audit trail this name stands for no person." in page.content.decode()
    assert User.objects.count() == 1


@pytest.mark.parametrize("moved", ["user", "workspace"])
def test_membership_is_not_turned_into_another_one(client, operator, moved):
    alpha, beta = make_workspace("alpha"), make_workspace("beta")
    ann, bob = make_member("ann", Role.REVIEWER, alpha), make_user("bob")
    row = held(ann.memberships.get(), **({"user": bob.pk} if moved == "user" else {"workspace": beta.pk}))
    at_workspace = f"{WORKSPACES}{alpha.pk}/change/", {"name": "alpha"}
    address, form = at_workspace if moved == "user" else (f"{PEOPLE}{ann.pk}/change/", {"username": "ann"})

    client.post(address, form | {"is_active": "on"} | members_form(row | {"role": Role.DEVELOPER}, initial=1))

    assert list(Membership.objects.values_list("workspace__name", "user__username", "role")) == [
        ("alpha", "ann", Role.DEVELOPER)
    ]


def test_changed_rules_of_a_workspace_are_recorded(client, manager):
    alpha = Workspace.objects.get(name="alpha")

    client.post(f"{WORKSPACES}{alpha.pk}/change/", {"name": "alpha", "approval_to_deploy": "on"} | members_form())

    event = AuditEvent.objects.get()
    assert (event.code, event.workspace, event.actor_name) == ("workspace.changed", alpha, "mia")
    assert event.params == {
        "name": "alpha",
        "approval_to_publish": False,
        "approval_to_deploy": True,
        "four_eyes": False,
        "source_builds": False,
    }

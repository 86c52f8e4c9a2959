import re

import pytest
from django.urls import reverse

from accounts.models import AuditEvent, Membership, User, Workspace
from accounts.roles import Role
from accounts.services import follow_memberships
from tests.accounts.people import make_invitation, make_token
from tests.factories import make_member, make_user, make_workspace

pytestmark = pytest.mark.django_db

PEOPLE = "/admin/accounts/user/"
WORKSPACES = "/admin/accounts/workspace/"
AUDIT = "/admin/accounts/auditevent/"


@pytest.fixture
def operator(client):
    user = User.objects.create_superuser("root", password="correct horse")
    client.force_login(user)
    return user


@pytest.fixture
def manager(client):
    user = make_member("mia", role=Role.ADMIN, workspace=make_workspace("alpha"))
    follow_memberships(user)
    client.force_login(user)
    return user


def listed(client, url):
    html = client.get(url).content.decode()
    return sorted(re.findall(r'<th class="field-\w+"><a href="[^"]*">([^<]*)</a>', html))


def choices(client, url, field):
    html = client.get(url).content.decode()
    select = re.search(rf'<select name="{field}".*?</select>', html, re.DOTALL)[0]
    return sorted(re.findall(r'<option value="\d+"[^>]*>([^<]*)</option>', select))


def members_form(*rows, initial=0):
    """The management form and the rows of the inline of memberships."""
    form = {"memberships-TOTAL_FORMS": str(len(rows)), "memberships-INITIAL_FORMS": str(initial)}
    for number, row in enumerate(rows):
        form |= {f"memberships-{number}-{name}": str(value) for name, value in row.items()}
    return form


def new_person(*rows, **changes):
    form = {"username": "neu", "password1": "battery-staple-9", "password2": "battery-staple-9"}
    return form | {"usable_password": "true"} | members_form(*rows) | changes


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


def test_manager_cannot_touch_operators(client, manager):
    root = User.objects.create_superuser("root", password="correct horse")
    Membership.objects.create(user=root, workspace=make_workspace("alpha"), role=Role.VIEWER)

    response = client.get(f"{PEOPLE}{root.pk}/password/")

    assert response.status_code == 403


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


def held(membership, **changes):
    row = {"id": membership.pk, "workspace": membership.workspace_id, "user": membership.user_id}
    return row | {"role": membership.role} | changes


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

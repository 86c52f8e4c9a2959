import re

import pytest
from django.urls import reverse

from accounts.errors import NotAllowed, WorkspaceNameTaken
from accounts.models import Membership, User, Workspace
from accounts.roles import Role
from accounts.services_workspaces import WorkspaceSettings, change_workspace
from tests.accounts.people import audit, told
from tests.factories import make_member, make_workspace

pytestmark = [pytest.mark.django_db, pytest.mark.db]
POLICIES = "/workspace/policies/"
NEW = "/workspace/new/"
AS_IT_IS = {"name": "default", "approval_to_publish": "on", "four_eyes": "on"}


@pytest.fixture
def as_chief(client):
    client.force_login(make_member("chief", Role.ADMIN))
    return client


@pytest.fixture
def as_root(client):
    client.force_login(User.objects.create_superuser("root"))
    return client


def decided():
    return Workspace.objects.values_list(
        "name", "approval_to_publish", "approval_to_deploy", "four_eyes", "source_builds"
    ).get()


@pytest.mark.parametrize(("language", "heading"), [("en", "Policies"), ("zh-hans", "策略")])
@pytest.mark.parametrize("role", [Role.VIEWER, Role.ADMIN])
def test_policies_are_read_by_every_member_in_both_languages(client, role, language, heading):
    client.force_login(make_member("ann", role))
    client.post(reverse("set_language"), {"language": language})

    html = client.get(POLICIES).content.decode()

    assert re.search(r"<h1>(.*?)</h1>", html)[1] == heading
    assert html.count("disabled") == (0 if role == Role.ADMIN else 5)


def test_policies_are_changed_and_each_change_is_recorded(as_chief):
    response = as_chief.post(POLICIES, {"name": "default", "approval_to_deploy": "on", "four_eyes": "on"}, follow=True)

    assert decided() == ("default", False, True, True, False)
    assert told(response) == ["Saved."]
    assert audit() == [
        (
            "workspace.policies_changed",
            "chief",
            {"changed": {"approval_to_publish": [True, False], "approval_to_deploy": [False, True]}},
        )
    ]


@pytest.mark.parametrize(
    ("language", "label"), [("en", "Dependencies may be built from source"), ("zh-hans", "允许从源码构建依赖")]
)
def test_building_from_source_is_allowed_here_alone(as_chief, language, label):
    as_chief.post(reverse("set_language"), {"language": language})

    as_chief.post(POLICIES, AS_IT_IS | {"source_builds": "on"})

    page, trail = (as_chief.get(path).content.decode() for path in (POLICIES, "/workspace/audit/"))
    assert decided() == ("default", True, False, True, True)
    assert audit() == [("workspace.policies_changed", "chief", {"changed": {"source_builds": [False, True]}})]
    assert (label in page, label in trail) == (True, True)


def test_saving_what_is_so_already_records_nothing(as_chief):
    response = as_chief.post(POLICIES, AS_IT_IS, follow=True)

    assert told(response) == ["Nothing was changed."]
    assert audit() == []


def test_workspace_is_renamed(as_chief):
    as_chief.post(POLICIES, AS_IT_IS | {"name": "vision_2"})

    assert decided()[0] == "vision_2"
    assert audit() == [("workspace.renamed", "chief", {"before": "default", "after": "vision_2"})]


@pytest.mark.parametrize("name", ["", "two words", "模型", "x" * 49, "a/b", "\x00"])
def test_name_against_the_rule_is_refused_and_stays_in_the_form(as_chief, name):
    response = as_chief.post(POLICIES, {"name": name})

    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["name"]
    assert decided() == ("default", True, False, True, False)


def test_name_of_another_workspace_is_refused(as_chief):
    make_workspace("other")

    response = as_chief.post(POLICIES, {"name": "other"})

    assert response.context["form"].errors == {"name": ["Another workspace has this name. Choose another one."]}
    assert Workspace.objects.get(name="default").four_eyes is True


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEVELOPER, Role.REVIEWER])
def test_only_administrators_change_policies(client, role):
    client.force_login(make_member("ann", role))

    response = client.post(POLICIES, {"name": "mine"})

    assert response.status_code == 403
    assert decided() == ("default", True, False, True, False)


def test_command_refuses_people_without_the_right():
    ann = make_member("ann")

    with pytest.raises(NotAllowed):
        change_workspace(make_workspace(), WorkspaceSettings("default", False, False, False), by=ann)


def test_operator_makes_a_workspace_and_works_in_it(as_root):
    response = as_root.post(NEW, {"name": "vision"}, follow=True)

    root = User.objects.get(username="root")
    assert Membership.objects.values_list("workspace__name", "user__username", "role").get() == (
        "vision",
        "root",
        "admin",
    )
    assert response.context["workspace"].name == "vision"
    assert told(response) == ["Workspace vision was made. You administer it."]
    assert [code for code, *_ in audit()] == ["workspace.created", "member.set"]
    assert root.is_staff is True


@pytest.mark.parametrize(
    ("name", "error"), [("a b", "Only letters, digits, hyphens and underscores."), ("default", None)]
)
def test_workspace_name_is_refused_and_stays(as_root, name, error):
    make_workspace()

    response = as_root.post(NEW, {"name": name})

    assert response.status_code == 422
    assert response.context["form"].errors["name"] == [error or "Another workspace has this name. Choose another one."]
    assert f'value="{name}"' in response.content.decode()


def test_only_operators_make_workspaces(as_chief):
    codes = [as_chief.get(NEW).status_code, as_chief.post(NEW, {"name": "mine"}).status_code]

    assert codes == [403, 403]
    assert Workspace.objects.count() == 1


def test_rename_that_lost_a_race_is_told_so():
    chief = make_member("chief", Role.ADMIN)
    make_workspace("other")

    with pytest.raises(WorkspaceNameTaken):
        change_workspace(make_workspace(), WorkspaceSettings("other", True, False, True), by=chief)


@pytest.mark.parametrize(
    ("role", "links"),
    [
        (Role.VIEWER, ["members", "policies"]),
        (Role.REVIEWER, ["members", "policies"]),
        (Role.DEVELOPER, ["members", "tokens", "policies"]),
        (Role.ADMIN, ["members", "tokens", "policies", "audit"]),
    ],
)
def test_navigation_offers_what_the_role_may_see(client, role, links):
    client.force_login(make_member("ann", role))

    html = client.get("/help/").content.decode()

    assert re.findall(r'class="nav-link" href="/workspace/(\w+)/"', html) == links


@pytest.mark.parametrize(
    ("operator", "role", "links"),
    [
        (False, Role.VIEWER, ["members"]),
        (False, Role.ADMIN, ["members", "policies"]),
        (True, Role.VIEWER, ["members", "policies", "new"]),
    ],
)
def test_workspace_menu_leads_to_what_one_may_change(client, operator, role, links):
    user = make_member("ann", role)
    User.objects.filter(pk=user.pk).update(is_superuser=operator)
    client.force_login(user)

    html = client.get("/help/").content.decode()

    assert re.findall(r'<a href="/workspace/(\w+)/">', html) == links


def test_operator_without_a_workspace_is_offered_to_make_one(as_root):
    html = as_root.get("/").content.decode()

    assert html.count(f'href="{NEW}"') == 2

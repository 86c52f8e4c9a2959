import pytest
from django.contrib.auth.models import AnonymousUser

from accounts.errors import NotAllowed
from accounts.models import Membership, User
from accounts.queries import actions_in, may, may_change_person, people_for, require, workspaces_for
from accounts.roles import ALLOWED, Action, Role
from tests.factories import make_member, make_user, make_workspace

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("role", Role)
def test_member_may_what_the_role_allows(role):
    user = make_member(role=role)
    workspace = make_workspace()

    allowed = {action for action in Action if may(user, action, workspace)}

    assert allowed == ALLOWED[role] == actions_in(user, workspace)


def test_member_may_nothing_in_another_workspace():
    user = make_member(role=Role.ADMIN)

    assert actions_in(user, make_workspace("other")) == frozenset()
    assert list(workspaces_for(user).values_list("name", flat=True)) == ["default"]


def test_operator_may_everything_everywhere():
    root = User.objects.create_superuser("root")
    make_workspace("other")

    assert actions_in(root, make_workspace()) == frozenset(Action)
    assert workspaces_for(root, Action.MANAGE).count() == 2


def test_nobody_may_nothing():
    assert workspaces_for(AnonymousUser()).count() == 0
    assert people_for(AnonymousUser()).count() == 0
    assert may_change_person(AnonymousUser(), make_user()) is False


def test_require_names_the_action_and_the_workspace():
    with pytest.raises(NotAllowed) as caught:
        require(make_member(role=Role.VIEWER), Action.DELETE, make_workspace())

    assert (caught.value.action, caught.value.workspace) == (Action.DELETE, "default")


def test_people_are_those_of_the_workspaces_and_each_once():
    ann = make_member("ann", workspace=make_workspace("alpha"))
    bob = make_member("bob", workspace=make_workspace("alpha"))
    for user in (ann, bob):
        Membership.objects.create(user=user, workspace=make_workspace("beta"), role=Role.VIEWER)
    make_member("eve", workspace=make_workspace("gamma"))

    assert sorted(people_for(ann).values_list("username", flat=True)) == ["ann", "bob"]


@pytest.mark.parametrize(("role", "may_change"), [(Role.ADMIN, True), (Role.REVIEWER, False), (Role.DEVELOPER, False)])
def test_person_is_changed_by_the_admins_of_all_their_workspaces(role, may_change):
    boss = make_member("boss", role=role)
    ann = make_member("ann", role=Role.VIEWER)

    assert may_change_person(boss, ann) is may_change

"""Decisions on several versions at once at the reviewer's desk."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.roles import Role
from registry.models import ReviewState
from registry.services_review import LONGEST_COMMENT, approve_version
from tests.factories import make_member, make_workspace
from tests.registry.desk import QUEUE, said, state_of

pytestmark = pytest.mark.django_db


def choose(client, action, *versions, **values):
    chosen = [version.review_record.pk for version in versions]
    return client.post(QUEUE, {"action": action, "_selected_action": chosen, "index": 0} | values, follow=True)


def has_action(client):
    return "_selected_action" in client.get(QUEUE).content.decode()


def test_action_first_says_on_what_it_will_decide_and_on_what_not(client, reviewer, ask):
    good, own, done = ask("good"), ask("own", by=reviewer), ask("done")
    approve_version(done, by=make_member("boss", Role.ADMIN))

    response = choose(client, "approve_selected", good, own, done)

    assert [review.version for review in response.context["possible"]] == [good]
    assert [review.version for review, _reason in response.context["impossible"]] == [own]
    assert state_of(good) == ReviewState.REQUESTED


def test_action_says_that_an_approved_one_is_decided_on_its_own_page(client, reviewer, ask):
    version = ask()
    approve_version(version, by=reviewer)
    chosen = {"action": "reject_selected", "_selected_action": [version.review_record.pk]}

    response = client.post(f"{QUEUE}?review=all", chosen)

    assert response.context["possible"] == []
    assert "An approval is taken back on its own page." in response.content.decode()


@pytest.mark.parametrize(
    ("action", "state", "words"),
    [
        ("approve_selected", ReviewState.APPROVED, "2 versions approved."),
        ("reject_selected", ReviewState.REJECTED, "2 versions rejected."),
    ],
)
def test_action_decides_on_each_with_the_comment(client, reviewer, ask, action, state, words):
    versions = [ask("one"), ask("two")]

    response = choose(client, action, *versions, decide="yes", comment="same for all")

    assert [state_of(version) for version in versions] == [state, state]
    assert [version.events.latest("id").params["comment"] for version in versions] == ["same for all"] * 2
    assert said(response) == [words]


def test_action_to_reject_wants_a_comment(client, reviewer, ask):
    version = ask()

    response = choose(client, "reject_selected", version, decide="yes", comment=" ")

    assert response.status_code == 422
    assert "Say in the comment why it is rejected" in response.content.decode()
    assert state_of(version) == ReviewState.REQUESTED


def test_action_keeps_a_comment_that_is_too_long(client, reviewer, ask):
    comment = "x" * (LONGEST_COMMENT + 1)

    response = choose(client, "approve_selected", ask(), decide="yes", comment=comment)

    assert response.status_code == 422
    assert f">{comment}</textarea>" in response.content.decode()


def test_action_names_what_was_refused_and_why(client, reviewer, ask):
    good, own = ask("good"), ask("own", by=reviewer)

    response = choose(client, "approve_selected", good, own, decide="yes")

    assert (state_of(good), state_of(own)) == (ReviewState.APPROVED, ReviewState.REQUESTED)
    assert said(response)[0] == "1 version approved."
    assert said(response)[1].startswith("own 0.0.1: You imported this version yourself.")


def test_action_names_what_somebody_else_decided_meanwhile(client, reviewer, ask):
    mine, theirs = ask("mine"), ask("theirs")
    approve_version(theirs, by=make_member("boss", Role.ADMIN))

    response = choose(client, "reject_selected", mine, theirs, decide="yes", comment="no")

    assert (state_of(mine), state_of(theirs)) == (ReviewState.REJECTED, ReviewState.APPROVED)
    assert said(response)[0] == "1 version rejected."
    assert said(response)[1].startswith("theirs 0.0.1: boss decided on it, or asked again")


@pytest.mark.parametrize("chosen", ["x", "-1", "²", "1 or 1", "9" * 30])
def test_action_on_what_is_no_review_is_not_found(client, reviewer, ask, chosen):
    ask()

    response = client.post(QUEUE, {"action": "approve_selected", "_selected_action": [chosen]})

    assert response.status_code == 404


def test_action_names_what_a_role_does_not_allow(client, reviewer, ask):
    other = make_workspace("other")
    reviewer.memberships.create(workspace=other, role=Role.VIEWER)
    theirs = ask("theirs", by=make_member("carl", Role.DEVELOPER, other), workspace=other)

    response = choose(client, "approve_selected", theirs, decide="yes")

    assert said(response)[0].startswith("theirs 0.0.1: Your role in workspace “other” does not let you decide.")
    assert state_of(theirs) == ReviewState.REQUESTED


def test_action_takes_no_more_than_it_can_show(client, reviewer, ask, monkeypatch):
    monkeypatch.setattr("registry.admin_deciding.MOST_AT_ONCE", 1)
    versions = [ask("one"), ask("two")]

    choose(client, "approve_selected", *versions, decide="yes")

    assert [state_of(version) for version in versions] == [ReviewState.REQUESTED] * 2


def test_actions_are_offered_only_to_who_may_decide(client, ask):
    ask()
    person = make_member("vera", Role.VIEWER)
    User.objects.filter(pk=person.pk).update(is_staff=True)
    client.force_login(person)

    assert has_action(client) is False


def test_actions_are_offered_to_reviewers(client, reviewer, ask):
    ask()

    assert has_action(client) is True


def test_confirmation_costs_the_same_for_any_number_of_versions(client, reviewer, ask):
    versions = [ask(f"model-{i}") for i in range(30)]
    counts = []
    for count in (3, 30):
        chosen = [version.review_record.pk for version in versions[:count]]
        with CaptureQueriesContext(connection) as captured:
            client.post(QUEUE, {"action": "approve_selected", "_selected_action": chosen})
        counts.append(len(captured))

    assert counts == [15, 15]

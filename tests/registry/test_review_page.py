"""The review of a version on the console's pages."""

import re

import pytest

from accounts.models import Membership
from accounts.roles import Role
from registry.models import ModelVersion, Review, ReviewState, Status
from registry.services_review import approve_version, reject_version, request_review
from tests.factories import make_member, make_version, make_workspace

pytestmark = pytest.mark.django_db
CHINESE = {"Accept-Language": "zh-hans"}


@pytest.fixture
def author(client):
    person = make_member("ann")
    client.force_login(person)
    return person


@pytest.fixture
def reviewer(db):
    return make_member("rita", Role.REVIEWER)


@pytest.fixture
def version(author):
    return make_version(created_by=author, created_by_name="ann", digest="0" * 64)


def review(version):
    return f"/versions/{version.uuid}/review/"


def state_of(version):
    return ModelVersion.objects.get(pk=version.pk).review


def buttons(html):
    return re.findall(r'name="decision" value="(\w+)"', html)


def alerts(html):
    return re.findall(r'role="alert">.*?<span>(.*?)</span>', html, re.DOTALL)


def test_author_requests_a_review_with_a_note(client, version):
    answer = client.post(review(version), {"decision": "request", "comment": "ready"}, follow=True)

    html = answer.content.decode()
    assert answer.redirect_chain == [(version.get_absolute_url(), 302)]
    assert state_of(version) == ReviewState.REQUESTED
    assert re.findall(r'<blockquote class="review-words" dir="auto">(.*?)</blockquote>', html) == ["ready"]
    assert buttons(html) == ["withdraw"]


def test_reviewer_approves_from_the_version_page(client, version, author, reviewer):
    request_review(version, by=author)
    client.force_login(reviewer)
    offered = buttons(client.get(version.get_absolute_url()).content.decode())

    client.post(review(version), {"decision": "approve"})

    assert offered == ["approve", "reject", "withdraw"]
    assert state_of(version) == ReviewState.APPROVED


def test_rejection_without_a_comment_is_explained(client, version, author, reviewer):
    request_review(version, by=author)
    client.force_login(reviewer)

    answer = client.post(review(version), {"decision": "reject", "comment": " "})

    assert answer.status_code == 422
    assert alerts(answer.content.decode()) == [
        "Say in the comment why it is rejected, so that its author knows what to change."
    ]
    assert state_of(version) == ReviewState.REQUESTED


@pytest.mark.parametrize("seen", ["requested", ""])
def test_approval_nobody_saw_is_not_taken_back(client, version, author, reviewer, seen):
    request_review(version, by=author)
    approve_version(version, by=reviewer)
    client.force_login(make_member("boss", Role.ADMIN))

    answer = client.post(review(version), {"decision": "reject", "seen": seen, "comment": "a flaw"})

    assert alerts(answer.content.decode()) == [
        "rita decided on it, or asked again, while you looked at it: the page shows what holds now. "
        "Look again before you decide."
    ]
    assert state_of(version) == ReviewState.APPROVED


def test_approval_is_taken_back_from_its_own_page(client, version, author, reviewer):
    request_review(version, by=author)
    approve_version(version, by=reviewer)
    client.force_login(reviewer)
    seen = re.findall(r'name="seen" value="(\w+)"', client.get(review(version)).content.decode())

    client.post(review(version), {"decision": "reject", "seen": seen[0], "comment": "a\r\n" * 333 + "b"})

    assert (seen, state_of(version)) == (["approved"], ReviewState.REJECTED)
    assert Review.objects.get().comment == "a\n" * 333 + "b"


def test_refused_decision_keeps_what_was_typed(client, version, author, reviewer):
    request_review(version, by=author)
    client.force_login(reviewer)
    approve_version(version, by=reviewer)

    answer = client.post(review(version), {"decision": "approve", "comment": "a long thought"})

    html = answer.content.decode()
    assert answer.status_code == 422
    assert re.findall(r"<textarea[^>]*>\s*(.*?)</textarea>", html, re.DOTALL) == ["a long thought"]
    assert alerts(html) == ["The version is approved already."]


def test_author_with_the_role_is_told_why_they_cannot_decide(client, version):
    boss = make_member("boss", Role.ADMIN)
    ModelVersion.objects.filter(pk=version.pk).update(created_by=boss)
    version.refresh_from_db()
    request_review(version, by=boss)
    client.force_login(boss)

    html = client.get(version.get_absolute_url()).content.decode()
    answer = client.post(review(version), {"decision": "approve"})

    assert buttons(html) == ["withdraw"]
    assert re.findall(r'class="notice info">(You imported .*?)</p>', html) == [
        "You imported this version yourself. In this workspace somebody else has to decide on it: "
        "ask another reviewer or administrator."
    ]
    assert answer.status_code == 422
    assert state_of(version) == ReviewState.REQUESTED


def test_rejected_version_shows_the_reason_and_may_be_asked_for_again(client, version, author, reviewer):
    request_review(version, by=author)
    reject_version(version, comment="no <b>documents</b>", by=reviewer)

    html = client.get(version.get_absolute_url()).content.decode()

    assert re.findall(r'<blockquote class="review-words" dir="auto">(.*?)</blockquote>', html) == [
        "no &lt;b&gt;documents&lt;/b&gt;"
    ]
    assert buttons(html) == ["request"]


@pytest.mark.parametrize("decision", ["request", "withdraw", "approve", "reject"])
def test_viewer_may_read_the_review_and_change_nothing(client, version, author, viewer, decision):
    request_review(version, by=author)
    client.force_login(viewer)

    page = client.get(review(version))
    answer = client.post(review(version), {"decision": decision, "comment": "x"})

    assert (page.status_code, buttons(page.content.decode())) == (200, [])
    assert answer.status_code == 403
    assert state_of(version) == ReviewState.REQUESTED


def test_developer_may_not_decide(client, version, author):
    request_review(version, by=author)

    answer = client.post(review(version), {"decision": "approve"})

    assert answer.status_code == 403


def test_review_of_another_workspace_is_not_there(client, version):
    client.force_login(make_member("stranger", Role.ADMIN, make_workspace("elsewhere")))

    assert client.get(review(version)).status_code == 404
    assert client.post(review(version), {"decision": "request"}).status_code == 404


@pytest.mark.parametrize("decision", ["", "delete", "APPROVE"])
def test_unknown_decision_changes_nothing(client, version, decision):
    answer = client.post(review(version), {"decision": decision})

    assert answer.status_code == 422
    assert state_of(version) == ReviewState.NONE


def test_request_is_offered_for_normal_versions_alone(client, version):
    failed = make_version("failed", status=Status.FAILED)

    normal_page = client.get(version.get_absolute_url()).content.decode()
    failed_page = client.get(failed.get_absolute_url()).content.decode()

    assert (review(version) in normal_page, review(failed) in failed_page) == (True, False)


def test_list_and_version_table_show_the_review(client, version, author):
    request_review(version, by=author)

    pages = [client.get(f"/models/?open={version.model.uuid}", headers=headers) for headers in ({}, CHINESE)]

    shown = [
        re.findall(r'review-state"><span class="status warn">(.*?)</span>', page.content.decode()) for page in pages
    ]
    assert shown == [["Awaiting review"] * 2, ["待审核"] * 2]


@pytest.mark.parametrize("versions", [1, 3])
def test_review_costs_the_version_page_no_query_more(client, django_assert_num_queries, author, reviewer, versions):
    for number in range(1, versions + 1):
        version = make_version(number=(0, 0, number), created_by=author)
        request_review(version, by=author)
        approve_version(version, by=reviewer)
    client.get("/models/")

    with django_assert_num_queries(10):
        client.get(version.get_absolute_url())


def test_words_of_a_review_stand_in_the_events(client, version, author, reviewer):
    request_review(version, note="ready", by=author)
    reject_version(version, comment="no documents", by=reviewer)

    html = client.get(f"{version.get_absolute_url()}?tab=events").content.decode()

    events = html[html.index("event-table") :]
    assert re.findall(r'<blockquote class="review-words">(.*?)</blockquote>', events) == ["no documents", "ready"]


def test_delete_names_the_request_that_goes_too(client, version, author, admin):
    request_review(version, by=author)
    client.force_login(admin)

    html = client.get(f"/versions/{version.uuid}/delete/").content.decode()

    assert "The request for its review goes with it" in html


def test_page_of_another_workspace_of_mine_takes_me_there(client, version, author):
    elsewhere = make_workspace("aaa")
    Membership.objects.create(workspace=elsewhere, user=author, role=Role.VIEWER)
    before = client.get("/models/").wsgi_request.workspace

    page = client.get(version.get_absolute_url())

    assert (before, page.wsgi_request.workspace) == (elsewhere, version.model.workspace)
    assert [str(message) for message in page.context["messages"]] == [
        "This belongs to workspace default: you work there now."
    ]
    assert client.get("/models/").wsgi_request.workspace == version.model.workspace

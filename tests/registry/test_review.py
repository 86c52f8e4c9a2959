"""Asking for a decision on a version, deciding, and the gate that asks for the outcome."""

import threading

import pytest
from django.db import connection

from accounts.errors import NotAllowed
from accounts.models import AuditEvent
from accounts.roles import Role
from registry import services_review
from registry.errors import ReviewRefused, UseRefused
from registry.models import ModelVersion, Proof, Review, ReviewState, Status
from registry.queries_review import awaiting_review, last_approved
from registry.services import delete_version
from registry.services_desk import Decision, decide
from registry.services_review import (
    Use,
    approve_version,
    check_use,
    reject_version,
    request_review,
    withdraw_review,
)
from registry.values import LONGEST_COMMENT
from tests.factories import make_member, make_version, make_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def author(db):
    return make_member("ann")


@pytest.fixture
def reviewer(db):
    return make_member("rita", Role.REVIEWER)


@pytest.fixture
def version(author):
    return make_version(created_by=author, created_by_name="ann")


@pytest.fixture
def requested(version, author):
    request_review(version, note="please", by=author)
    return version


def state_of(version):
    return ModelVersion.objects.get(pk=version.pk).review


def events_of(version):
    return [(event.code, event.actor_name, event.params) for event in version.events.order_by("id")]


def refusal(command, *args, **kwargs):
    with pytest.raises(ReviewRefused) as refused:
        command(*args, **kwargs)
    return refused.value.code


def test_request_approval_and_its_record(requested, reviewer):
    approve_version(requested, comment="good", by=reviewer)

    record = Review.objects.get(version=requested)
    assert state_of(requested) == ReviewState.APPROVED
    assert (record.requested_by_name, record.note) == ("ann", "please")
    assert (record.decided_by_name, record.comment) == ("rita", "good")
    assert events_of(requested) == [
        ("review.requested", "ann", {"note": "please"}),
        ("review.approved", "rita", {"comment": "good"}),
    ]
    assert list(AuditEvent.objects.order_by("id").values_list("code", "actor_name", "params__version")) == [
        ("review.requested", "ann", "0.0.1"),
        ("review.approved", "rita", "0.0.1"),
    ]


def test_rejection_needs_a_comment(requested, reviewer):
    assert refusal(reject_version, requested, comment="  ", by=reviewer) == "review.comment_missing"
    assert state_of(requested) == ReviewState.REQUESTED


def test_rejected_version_may_be_asked_for_again_and_the_decision_stays_on_record(requested, author, reviewer):
    reject_version(requested, comment="no documents", by=reviewer)

    request_review(requested, note="documents added", by=author)

    record = Review.objects.get(version=requested)
    assert state_of(requested) == ReviewState.REQUESTED
    assert (record.note, record.decided_by_name, record.comment) == ("documents added", "rita", "no documents")


def test_request_withdrawn_after_a_rejection_leaves_the_version_rejected(requested, author, reviewer):
    reject_version(requested, comment="no documents", by=reviewer)
    request_review(requested, by=author)

    withdraw_review(requested, by=author)

    assert state_of(requested) == ReviewState.REJECTED
    assert Review.objects.get(version=requested).comment == "no documents"


def test_approval_can_be_taken_back(requested, reviewer):
    approve_version(requested, by=reviewer)

    reject_version(requested, comment="a flaw was found", by=reviewer)

    assert state_of(requested) == ReviewState.REJECTED


def test_author_cannot_decide_even_as_administrator(version):
    boss = make_member("boss", Role.ADMIN)
    ModelVersion.objects.filter(pk=version.pk).update(created_by=boss)
    version.refresh_from_db()
    request_review(version, by=boss)

    assert refusal(approve_version, version, by=boss) == "review.own_version"
    assert refusal(reject_version, version, comment="x", by=boss) == "review.own_version"


def test_author_may_decide_where_the_workspace_allows_it(version):
    boss = make_member("boss", Role.ADMIN)
    version.created_by = boss
    version.save(update_fields=["created_by"])
    version.model.workspace.four_eyes = False
    request_review(version, by=boss)

    approve_version(version, by=boss)

    assert state_of(version) == ReviewState.APPROVED


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEVELOPER])
def test_only_reviewers_and_administrators_decide(requested, role):
    person = make_member("other", role)

    with pytest.raises(NotAllowed):
        approve_version(requested, by=person)
    with pytest.raises(NotAllowed):
        reject_version(requested, comment="x", by=person)


def test_reviewer_of_another_workspace_does_not_decide(requested):
    stranger = make_member("stranger", Role.ADMIN, make_workspace("elsewhere"))

    with pytest.raises(NotAllowed):
        approve_version(requested, by=stranger)


def test_viewer_neither_requests_nor_withdraws(version, requested, viewer):
    with pytest.raises(NotAllowed):
        request_review(version, by=viewer)
    with pytest.raises(NotAllowed):
        withdraw_review(requested, by=viewer)


@pytest.mark.parametrize("status", [each for each in Status if each != Status.NORMAL])
def test_only_a_normal_version_is_reviewed(author, status):
    version = make_version("other", status=status)

    assert refusal(request_review, version, by=author) == "review.not_normal"


def test_request_is_withdrawn(requested, author):
    withdraw_review(requested, by=author)

    assert state_of(requested) == ReviewState.NONE
    assert Review.objects.count() == 0


@pytest.mark.parametrize(
    ("state", "command", "code"),
    [
        (ReviewState.REQUESTED, "request", "review.already_requested"),
        (ReviewState.APPROVED, "request", "review.already_approved"),
        (ReviewState.NONE, "withdraw", "review.already_none"),
        (ReviewState.APPROVED, "withdraw", "review.not_requested"),
        (ReviewState.NONE, "approve", "review.not_requested"),
        (ReviewState.APPROVED, "approve", "review.already_approved"),
        (ReviewState.REJECTED, "approve", "review.not_requested"),
        (ReviewState.NONE, "reject", "review.not_requested"),
        (ReviewState.REJECTED, "reject", "review.already_rejected"),
    ],
)
def test_command_that_comes_too_late_says_so(version, author, reviewer, state, command, code):
    ModelVersion.objects.filter(pk=version.pk).update(review=state)
    commands = {
        "request": lambda: request_review(version, by=author),
        "withdraw": lambda: withdraw_review(version, by=author),
        "approve": lambda: approve_version(version, by=reviewer),
        "reject": lambda: reject_version(version, comment="x", by=reviewer),
    }

    assert refusal(commands[command]) == code
    assert state_of(version) == state
    assert version.events.count() == 0


def test_decision_on_a_deleted_version_says_so(requested, reviewer):
    ModelVersion.objects.filter(pk=requested.pk).delete()

    assert refusal(approve_version, requested, by=reviewer) == "review.version_gone"


@pytest.mark.db
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "act",
    [
        lambda version, reviewer, author: approve_version(version, by=reviewer),
        lambda version, reviewer, author: withdraw_review(version, by=author),
        lambda version, reviewer, author: decide(
            version, Decision.APPROVE, seen=ReviewState.REQUESTED, comment="", by=reviewer
        ),
    ],
)
def test_version_is_deleted_while_somebody_acts_on_its_review(requested, author, reviewer, act, monkeypatch):
    acted, outcomes = threading.Event(), []

    def delete():
        acted.wait()
        try:
            outcomes.append(delete_version(requested, by=author))
        finally:
            connection.close()

    def audit_slowly(*args, **kwargs):
        acted.set()
        deleter.join(timeout=0.5)

    deleter = threading.Thread(target=delete)
    deleter.start()
    monkeypatch.setattr(services_review, "record_audit", audit_slowly)
    act(requested, reviewer, author)
    deleter.join()

    assert outcomes == [True]
    assert ModelVersion.objects.count() == 0


def test_text_that_is_too_long_is_refused(version, author):
    assert refusal(request_review, version, note="x" * (LONGEST_COMMENT + 1), by=author) == "review.text_too_long"


def test_publishing_waits_for_approval_until_the_workspace_says_otherwise(requested, reviewer):
    with pytest.raises(UseRefused, match=r"use\.not_approved"):
        check_use(requested, Use.PUBLISH)

    approve_version(requested, by=reviewer)

    check_use(requested, Use.PUBLISH)


@pytest.mark.parametrize(("use", "policy"), [(Use.PUBLISH, "approval_to_publish"), (Use.DEPLOY, "approval_to_deploy")])
@pytest.mark.parametrize("needed", [True, False])
@pytest.mark.parametrize("state", ReviewState)
def test_gate_follows_the_policy_of_the_workspace_and_the_present_state(version, use, policy, needed, state):
    workspace = version.model.workspace
    setattr(workspace, policy, needed)
    workspace.save(update_fields=[policy])
    ModelVersion.objects.filter(pk=version.pk).update(review=state)  # behind the back of the object at hand

    refused = None
    try:
        check_use(version, use)
    except UseRefused as error:
        refused = error.code

    assert refused == ("use.not_approved" if needed and state != ReviewState.APPROVED else None)


@pytest.mark.parametrize("status", [each for each in Status if each != Status.NORMAL])
@pytest.mark.parametrize("use", Use)
def test_gate_lets_only_normal_versions_pass(status, use):
    version = make_version(status=status, review=ReviewState.APPROVED)

    with pytest.raises(UseRefused, match=r"use\.not_normal"):
        check_use(version, use)


def test_gate_does_not_deploy_what_cannot_run_here_or_was_not_imported_for_it():
    retired = make_version(proof=Proof.CANNOT_RUN_HERE, proof_code="cannot_run.retired_engine")
    batch = make_version("other", deployment_types="batch")

    with pytest.raises(UseRefused, match=r"cannot_run\.retired_engine"):
        check_use(retired, Use.DEPLOY)
    with pytest.raises(UseRefused, match=r"use\.type_not_allowed"):
        check_use(batch, Use.DEPLOY, deployment_type="edge")
    check_use(batch, Use.DEPLOY, deployment_type="batch")


def test_queue_holds_what_a_reviewer_may_decide_on_longest_waiting_first(requested, author, reviewer):
    later = make_version(number=(0, 0, 2))
    request_review(later, by=author)
    elsewhere = make_version("foreign", workspace=make_workspace("elsewhere"))
    ModelVersion.objects.filter(pk=elsewhere.pk).update(review=ReviewState.REQUESTED)

    assert [str(version) for version in awaiting_review(reviewer)] == ["digits 0.0.1", "digits 0.0.2"]
    assert list(awaiting_review(author)) == []


def test_last_approved_is_the_last_decision_of_the_same_model(requested, author, reviewer):
    second, third = make_version(number=(0, 0, 2)), make_version(number=(0, 0, 3))
    make_version("other", review=ReviewState.APPROVED)
    request_review(second, by=author)
    approve_version(second, by=reviewer)
    approve_version(requested, by=reviewer)

    assert last_approved(third) == requested
    assert last_approved(requested) == second

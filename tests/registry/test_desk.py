"""The page of the reviewer's desk to judge one version, and the decision on it."""

import pytest

from accounts.models import AuditEvent
from accounts.roles import Role
from accounts.services import follow_memberships
from registry.findings import Finding, Severity, Where
from registry.models import ModelVersion, Review, ReviewState, StoredFile
from registry.services_desk import Decision, decide
from registry.services_review import LONGEST_COMMENT, approve_version, reject_version, withdraw_review
from tests.factories import make_member, make_workspace
from tests.registry.desk import QUEUE, page_of, queries_of, said, state_of

pytestmark = pytest.mark.django_db


# The page


def test_page_tells_what_is_needed_to_judge(client, reviewer, ask):
    warning = Finding("import.failed", Severity.WARNING, Where("model/<b>.py")).as_dict()
    version = ask(findings=[warning], description="Reads digits", source_path="/library/digits/")
    version.documents.create(name="Model card", url="https://example.com/card")
    version.labels.create(name="vision")

    html = client.get(page_of(version)).content.decode()

    for words in (
        "Reads digits",
        "/library/digits/",
        "https://example.com/card",
        "vision",
        "model/&lt;b&gt;.py",
        "please look",
        "Review requested",
        "No other version of this model is approved.",
    ):
        assert words in html


def test_page_lists_the_worst_files_first_and_says_how_many_there_are(client, reviewer, ask):
    scanned = [{"path": f"model/{i:03}.bin", "verdict": "clean", "imports": []} for i in range(150)]
    scanned[149] |= {"verdict": "could-not-scan"}
    scanned[140] |= {"verdict": "review", "imports": ["os.system"]}
    version = ask(file_count=150, scan={"verdict": "could-not-scan", "files": scanned, "tools": {}})
    StoredFile.objects.bulk_create(
        StoredFile(version=version, path=entry["path"], size=10, sha256="0" * 64) for entry in scanned
    )

    response = client.get(page_of(version))

    files = response.context["files"]
    assert [file.path for file in files[:3]] == ["model/149.bin", "model/140.bin", "model/000.bin"]
    assert len(files) == 100
    assert "100 of 150 files, the worst first." in response.content.decode()


def test_page_shows_what_changed_since_the_last_approved_version(client, reviewer, ask):
    old = ask(description="old words")
    approve_version(old, by=reviewer)
    new = ask(number=(0, 0, 2), description="new words")

    html = client.get(page_of(new)).content.decode()

    assert f"/models/{new.model.uuid}/compare/?a=0.0.1&amp;b=0.0.2" in html
    assert "old words" in html
    assert "new words" in html


def test_page_of_somebody_elses_comment_shows_it_as_text(client, reviewer, ask):
    version = ask()
    reject_version(version, comment="<script>alert(1)</script>", by=reviewer)

    html = client.get(page_of(version)).content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script>alert(1)" not in html


@pytest.mark.parametrize("pk", ["0", "999999", "99999999999999999999999", "x", "_", "%C2%B2"])
def test_page_of_no_review_leads_back_to_the_queue(client, reviewer, pk):
    response = client.get(f"{QUEUE}{pk}/change/")

    assert (response.status_code, response.url) == (302, QUEUE)


# Deciding on one


def test_approval_is_recorded_and_leads_to_the_next(client, reviewer, ask):
    first, second = ask("first"), ask("second")

    response = client.post(page_of(first), {"decision": "approve", "seen": "requested", "comment": "good"})

    assert response.url == page_of(second)
    assert state_of(first) == ReviewState.APPROVED
    event = first.events.latest("id")
    assert (event.code, event.actor_name, event.params) == ("review.approved", "rita", {"comment": "good"})
    assert AuditEvent.objects.get(code="review.approved").actor == reviewer


def test_last_decision_leads_back_to_the_queue(client, reviewer, ask):
    version = ask()

    response = client.post(page_of(version), {"decision": "approve", "seen": "requested"}, follow=True)

    assert response.redirect_chain == [(QUEUE, 302)]
    assert said(response) == ["digits 0.0.1 is approved. Nothing else awaits your decision."]


def test_rejection_without_a_comment_is_refused_beside_the_field(client, reviewer, ask):
    version = ask()

    response = client.post(page_of(version), {"decision": "reject", "seen": "requested", "comment": "  "})

    assert response.status_code == 422
    assert response.context["code"] == "review.comment_missing"
    assert state_of(version) == ReviewState.REQUESTED


def test_comment_that_is_too_long_is_refused_and_kept(client, reviewer, ask):
    version = ask()
    comment = "x" * (LONGEST_COMMENT + 1)

    response = client.post(page_of(version), {"decision": "reject", "seen": "requested", "comment": comment})

    assert response.status_code == 422
    assert f">{comment}</textarea>" in response.content.decode()
    assert state_of(version) == ReviewState.REQUESTED


def test_line_end_of_a_comment_counts_as_one_character(client, reviewer, ask):
    version = ask()
    comment = "x" * (LONGEST_COMMENT - 2) + "\r\ny\0"

    client.post(page_of(version), {"decision": "reject", "seen": "requested", "comment": comment})

    assert version.events.latest("id").params["comment"] == "x" * (LONGEST_COMMENT - 2) + "\ny"


def test_approval_is_taken_back_with_a_comment(client, reviewer, ask):
    version = ask()
    approve_version(version, by=reviewer)

    client.post(page_of(version), {"decision": "reject", "seen": "approved", "comment": "a flaw"})

    assert state_of(version) == ReviewState.REJECTED


def test_decision_somebody_else_took_meanwhile_is_told_and_stays(client, reviewer, ask):
    version = ask()
    approve_version(version, by=make_member("boss", Role.ADMIN))

    response = client.post(page_of(version), {"decision": "reject", "seen": "requested", "comment": "no"})

    assert response.status_code == 422
    assert "boss decided on it, or asked again" in response.content.decode()
    assert ">no</textarea>" in response.content.decode()
    assert state_of(version) == ReviewState.APPROVED


def test_request_withdrawn_meanwhile_leads_back_to_the_queue(client, reviewer, ask, author):
    version = ask()
    address = page_of(version)
    withdraw_review(version, by=author)

    response = client.post(address, {"decision": "approve", "seen": "requested"}, follow=True)

    assert response.redirect_chain == [(QUEUE, 302)]
    assert said(response) == ["Nobody asks for a review of this version any more."]


def test_decision_on_a_version_that_is_gone_is_refused(reviewer, ask):
    version = ask()
    ModelVersion.objects.filter(pk=version.pk).delete()

    with pytest.raises(Exception, match=r"review\.version_gone"):
        decide(version, Decision.APPROVE, seen="requested", comment="", by=reviewer)


def test_author_is_told_why_they_cannot_decide(client, ask):
    boss = make_member("boss", Role.ADMIN)
    follow_memberships(boss)
    client.force_login(boss)
    version = ask(by=boss)

    shown = client.get(page_of(version)).content.decode()
    refused = client.post(page_of(version), {"decision": "approve", "seen": "requested"})

    assert "You imported this version yourself." in shown
    assert 'name="decision"' not in shown
    assert (refused.status_code, state_of(version)) == (422, ReviewState.REQUESTED)


def test_reviewer_who_only_reads_a_workspace_is_told_and_refused(client, reviewer, ask):
    other = make_workspace("other")
    reviewer.memberships.create(workspace=other, role=Role.VIEWER)
    theirs = ask("theirs", by=make_member("carl", Role.DEVELOPER, other), workspace=other)

    shown = client.get(page_of(theirs)).content.decode()
    refused = client.post(page_of(theirs), {"decision": "approve", "seen": "requested"})

    assert "Your role in workspace “other” does not let you decide." in shown
    assert (refused.status_code, state_of(theirs)) == (403, ReviewState.REQUESTED)


@pytest.mark.parametrize("decision", ["", "delete", "APPROVE"])
def test_decision_that_is_none_is_not_found(client, reviewer, ask, decision):
    version = ask()

    response = client.post(page_of(version), {"decision": decision, "seen": "requested"})

    assert (response.status_code, state_of(version)) == (404, ReviewState.REQUESTED)


def test_next_in_line_is_the_one_after_not_one_left_behind(client, reviewer, ask):
    _left, chosen, after = ask("left"), ask("chosen"), ask("after")

    response = client.post(page_of(chosen), {"decision": "approve", "seen": "requested"})

    assert response.url == page_of(after)


def test_page_costs_the_same_for_any_number_of_files_findings_and_events(client, reviewer, ask):
    approve_version(ask(), by=reviewer)
    small, large = ask(number=(0, 0, 2)), ask(number=(0, 0, 3))
    for version, count in ((small, 3), (large, 30)):
        warning = Finding("import.failed", Severity.WARNING).as_dict()
        ModelVersion.objects.filter(pk=version.pk).update(findings=[warning] * count)
        for i in range(count):
            StoredFile.objects.create(version=version, path=f"model/{i}", size=1, sha256="0" * 64)
            version.events.create(code="import.done")
            version.labels.create(name=f"label-{i}")

    assert [queries_of(client, page_of(version)) for version in (small, large)] == [20, 20]


def test_review_survives_the_person_who_asked(client, reviewer, ask, author):
    version = ask()
    author.delete()

    assert Review.objects.get(version=version).requested_by_name == "ann"
    assert client.get(page_of(version)).status_code == 200

"""The reviewer's desk: the queue, the page to judge one version, and decisions on one and on several."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AuditEvent, User
from accounts.roles import Role
from accounts.services import follow_memberships
from registry.findings import Finding, Severity, Where
from registry.models import ModelVersion, Review, ReviewState, StoredFile
from registry.services_desk import Decision, decide
from registry.services_review import LONGEST_COMMENT, approve_version, reject_version, request_review, withdraw_review
from tests.factories import make_member, make_version, make_workspace

pytestmark = pytest.mark.django_db
QUEUE = reverse("admin:registry_review_changelist")


@pytest.fixture
def author():
    return make_member("ann")


@pytest.fixture
def reviewer(client):
    user = make_member("rita", Role.REVIEWER)
    follow_memberships(user)
    client.force_login(user)
    return user


@pytest.fixture
def ask(author):
    """`ask(name, …)` → a version whose author asked for a review."""

    def requested(name="digits", by=author, **values):
        version = make_version(name, created_by=by, created_by_name=by.username, **values)
        request_review(version, note="please look", by=by)
        return version

    return requested


def page_of(version):
    return reverse("admin:registry_review_change", args=[version.review_record.pk])


def state_of(version):
    return ModelVersion.objects.get(pk=version.pk).review


def listed(client, **query):
    response = client.get(QUEUE, query)
    return [str(review.version) for review in response.context["cl"].result_list]


def said(response):
    return [str(message) for message in response.context["messages"]]


def choose(client, action, *versions, **values):
    chosen = [version.review_record.pk for version in versions]
    return client.post(QUEUE, {"action": action, "_selected_action": chosen, "index": 0} | values, follow=True)


def has_action(client):
    return "_selected_action" in client.get(QUEUE).content.decode()


# The queue


def test_queue_opens_on_what_awaits_a_decision_longest_first(client, reviewer, ask):
    for name in ("first", "second", "third"):
        ask(name)
    approve_version(ModelVersion.objects.get(model__name="second"), by=reviewer)

    assert listed(client) == ["first 0.0.1", "third 0.0.1"]
    assert listed(client, review="approved") == ["second 0.0.1"]
    assert listed(client, review="all") == ["first 0.0.1", "second 0.0.1", "third 0.0.1"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "bbb"}, ["bbb 0.0.1"]),
        ({"q": "ann"}, ["aaa 0.0.1", "bbb 0.0.1"]),
        ({"engine": "ONNX"}, ["bbb 0.0.1"]),
        ({"scan": "review"}, ["bbb 0.0.1"]),
        ({"findings": "yes"}, ["bbb 0.0.1"]),
        ({"findings": "no"}, ["aaa 0.0.1"]),
        ({"workspace": "default"}, ["aaa 0.0.1", "bbb 0.0.1"]),
        ({"workspace": "other"}, []),
        ({"by": "me"}, []),
        ({"by": "others"}, ["aaa 0.0.1", "bbb 0.0.1"]),
        ({"requested_at__gte": "2099-01-01 00:00:00+00:00"}, []),
        ({"review": "rejected"}, []),
    ],
)
def test_queue_is_searched_and_filtered(client, reviewer, ask, query, found):
    warning = Finding("import.failed", Severity.WARNING).as_dict()
    ask("aaa", scan={"verdict": "clean"})
    ask("bbb", engine="ONNX", scan={"verdict": "review"}, findings=[warning])

    assert listed(client, **query) == found


def test_queue_counts_what_the_check_remarked(client, reviewer, ask):
    found = [Finding("import.failed", severity).as_dict() for severity in (Severity.ERROR, *[Severity.WARNING] * 2)]
    ask(findings=found)

    html = client.get(QUEUE).content.decode()

    assert '<bdi class="nowrap">1 error</bdi> · <bdi class="nowrap">2 warnings</bdi>' in html


def test_queue_holds_nothing_of_other_workspaces(client, reviewer, ask):
    stranger = make_member("stranger", Role.DEVELOPER, make_workspace("other"))
    theirs = ask("theirs", by=stranger, workspace=make_workspace("other"))

    answer = client.get(page_of(theirs))

    assert listed(client, review="all") == []
    assert (answer.status_code, answer.url) == (302, QUEUE)


def test_operator_sees_the_queue_of_every_workspace(client, admin_user, ask):
    client.force_login(admin_user)
    stranger = make_member("stranger", Role.DEVELOPER, make_workspace("other"))
    ask("mine")
    ask("theirs", by=stranger, workspace=make_workspace("other"))

    assert listed(client) == ["mine 0.0.1", "theirs 0.0.1"]


def test_overview_shows_the_longest_waiting(client, reviewer, ask):
    versions = [ask(f"model-{i}") for i in range(7)]

    response = client.get(reverse("admin:index"))

    assert [review.version for review in response.context["waiting"]] == versions[:6]
    assert "Awaiting review: 7" in response.content.decode()


def test_overview_says_that_nothing_waits(client, reviewer):
    assert "Nothing awaits your decision." in client.get(reverse("admin:index")).content.decode()


@pytest.mark.parametrize(("language", "words"), [("en", "Awaiting review: 1"), ("zh-hans", "待审核：1")])
def test_overview_speaks_both_languages(client, reviewer, ask, language, words):
    ask()
    client.post(reverse("set_language"), {"language": language})

    assert words in client.get(reverse("admin:index")).content.decode()


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


# Deciding on several


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


# What it costs


def queries_of(client, address):
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_queue_costs_the_same_for_any_number_of_rows(client, reviewer, ask):
    for i in range(3):
        ask(f"model-{i}")
    few = queries_of(client, QUEUE)
    for i in range(3, 30):
        ask(f"model-{i}")

    assert (few, queries_of(client, QUEUE)) == (11, 11)


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


def test_confirmation_costs_the_same_for_any_number_of_versions(client, reviewer, ask):
    versions = [ask(f"model-{i}") for i in range(30)]
    counts = []
    for count in (3, 30):
        chosen = [version.review_record.pk for version in versions[:count]]
        with CaptureQueriesContext(connection) as captured:
            client.post(QUEUE, {"action": "approve_selected", "_selected_action": chosen})
        counts.append(len(captured))

    assert counts == [15, 15]


def test_review_survives_the_person_who_asked(client, reviewer, ask, author):
    version = ask()
    author.delete()

    assert Review.objects.get(version=version).requested_by_name == "ann"
    assert client.get(page_of(version)).status_code == 200

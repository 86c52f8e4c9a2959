"""The queue of the reviewer's desk, and the longest waiting on the overview."""

import pytest
from django.urls import reverse

from accounts.roles import Role
from registry.findings import Finding, Severity
from registry.models import ModelVersion
from registry.services_review import approve_version
from tests.factories import make_member, make_workspace
from tests.registry.desk import QUEUE, page_of, queries_of

pytestmark = pytest.mark.django_db


def listed(client, **query):
    response = client.get(QUEUE, query)
    return [str(review.version) for review in response.context["cl"].result_list]


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


def test_queue_costs_the_same_for_any_number_of_rows(client, reviewer, ask):
    for i in range(3):
        ask(f"model-{i}")
    few = queries_of(client, QUEUE)
    for i in range(3, 30):
        ask(f"model-{i}")

    assert (few, queries_of(client, QUEUE)) == (11, 11)

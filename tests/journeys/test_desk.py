"""The reviewer's day: the queue, a version looked at, refused, rejected, and another approved from the list."""

import pytest
from playwright.sync_api import expect

from tests.journeys.people import Person, becomes_member, sign_in_by_form
from tests.journeys.words import LANGUAGES

PASSWORD = "battery-staple-9"


@pytest.fixture(scope="module")
def reviewers(console):
    """A reviewer for each language, who imported nothing."""
    for language in LANGUAGES:
        becomes_member(console, f"rita-{language}", "reviewer", PASSWORD)
    return {language: f"rita-{language}" for language in LANGUAGES}


@pytest.fixture
def queue(library, visitor):
    """`queue(language)` → the names of two models that await a decision."""

    def asked(language):
        names = [f"desk-{language}-{word}" for word in ("first", "second")]
        for name in names:
            visitor.imports(library.put(name), name)
            visitor.requests_review(visitor.address_when("Normal"))
        return names

    return asked


@pytest.fixture
def rita(visit, reviewers):
    """`rita(language, …)` → the reviewer on the overview."""

    def start(language, **options):
        page = visit(language, **options)
        sign_in_by_form(page, PASSWORD, language, name=reviewers[language])
        return Person(page, language)

    return start


@pytest.mark.parametrize("language", LANGUAGES)
def test_reviewer_rejects_one_and_approves_another_from_the_list(rita, queue, language):
    first, second = queue(language)
    rita = rita(language)
    page, words = rita.page, rita.words

    page.goto("/admin/")
    rita.link(words.open_queue).click()
    rita.link(f"{first} 0.0.1").click()
    expect(page.locator(".desk-decision textarea")).to_be_visible()
    rita.button(words.reject, exact=True).click()
    expect(page.locator("#comment-error")).to_contain_text(words.comment_missing)

    page.locator("#comment").fill("There is no document.")
    rita.button(words.reject, exact=True).click()
    expect(page.locator(".notice.success")).to_contain_text(words.was_rejected.format(first))

    page.goto("/admin/registry/review/")
    row = page.locator("#result_list tr", has=rita.link(f"{second} 0.0.1"))
    row.locator("input.action-select").check()
    page.locator("select[name=action]").select_option(label=words.approve_selected)
    page.locator("button[name=index]").click()
    expect(page.locator(".desk-list")).to_contain_text(f"{second} 0.0.1")
    page.locator("#comment").fill("Fine.")
    rita.button(words.approve, exact=True).click()
    expect(page.locator(".notice.success")).to_have_text(words.one_approved)
    expect(page.locator("#result_list", has_text=second)).to_have_count(0)

    page.goto("/admin/registry/review/?review=rejected")
    rita.link(f"{first} 0.0.1").click()
    expect(page.locator(".page-head .status")).to_have_text(words.rejected)
    expect(page.locator("#judge-events").locator("..")).to_contain_text("There is no document.")


def test_desk_works_without_javascript(rita, queue, console):
    name = "desk-plain"
    first, _second = queue(name)
    rita = rita("en", java_script_enabled=False)
    page = rita.page

    page.goto(f"/admin/registry/review/?q={first}")
    page.locator("input.action-select").first.check()
    page.locator("select[name=action]").select_option("approve_selected")
    page.locator("button[name=index]").click()
    rita.button("Approve", exact=True).click()

    expect(page.locator(".notice.success")).to_have_text("1 version approved.")


@pytest.mark.parametrize("language", LANGUAGES)
def test_author_cannot_decide(sign_in, queue, language):
    first, _second = queue(f"own-{language}")
    admin = sign_in(language)

    admin.page.goto(f"/admin/registry/review/?q={first}")
    admin.link(f"{first} 0.0.1").click()

    expect(admin.page.locator(".desk-decision")).to_contain_text(admin.words.own_version)
    expect(admin.page.locator("[name=decision]")).to_have_count(0)

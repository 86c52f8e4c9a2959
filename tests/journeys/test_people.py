"""Coming in, choosing a language, and leaving."""

import pytest
from playwright.sync_api import expect

from tests.journeys.words import LANGUAGES, words_of


@pytest.mark.parametrize("language", LANGUAGES)
def test_person_signs_in_after_a_wrong_password_and_comes_where_they_wanted(visit, console, language):
    page, words = visit(language), words_of(language)
    page.goto("/storage/")
    page.locator("#id_username").fill("admin")
    page.locator("#id_password").fill("not the password")
    page.get_by_role("button", name=words.sign_in, exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("#id_username")).to_have_value("admin")

    page.locator("#id_password").fill(console.password)
    page.get_by_role("button", name=words.sign_in, exact=True).click()

    expect(page.get_by_role("heading", level=1)).to_have_text(words.storage)
    page.locator(".header-user").click()
    page.get_by_role("button", name=words.sign_out).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(words.sign_in)
    page.goto("/storage/")
    expect(page.locator("#id_password")).to_be_visible()


def test_language_is_switched_in_the_header_and_stays(sign_in):
    ann = sign_in()
    ann.page.goto("/models/?q=nothing")

    ann.button("中文").click()
    expect(ann.page.get_by_role("heading", level=1)).to_have_text("模型列表")
    expect(ann.page.locator("#model-search")).to_have_value("nothing")
    ann.page.goto("/imports/new/")
    expect(ann.page.get_by_role("heading", level=1)).to_have_text("导入模型")
    ann.button("English").click()
    expect(ann.page.get_by_role("heading", level=1)).to_have_text("Import model")


def test_theme_is_chosen_and_stays(sign_in):
    ann = sign_in(theme="light")
    light = ann.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")

    ann.button("Dark", exact=True).click()
    ann.page.goto("/models/")

    expect(ann.button("Dark", exact=True)).to_have_attribute("aria-pressed", "true")
    assert ann.page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != light

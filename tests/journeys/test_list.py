"""Finding a model again, drilling down, and saying more about it."""

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.words import LANGUAGES

both_languages = pytest.mark.parametrize("language", LANGUAGES)


@both_languages
def test_model_opens_in_place_and_its_versions_are_searched(sign_in, library, language):
    ann = sign_in(language)
    name, path = f"opened-{language}", library.put(f"opened-{language}")
    for version in ("0.0.1", "0.0.2"):
        ann.imports(path, name, version)
    ann.page.goto("/models/")
    chevron = ann.link(ann.words.versions_of.format(name), exact=True)

    chevron.click()
    expect(ann.model(name).locator("tr.version-row")).to_have_count(2)
    expect(ann.page).to_have_url(re.compile(r"\?open="))
    ann.model(name).locator(".versions input[type=search]").fill("0.0.2")
    expect(ann.model(name).locator("tr.version-row")).to_have_count(1)
    expect(ann.row("0.0.2")).to_be_visible()

    chevron.click()
    expect(ann.row("0.0.2")).to_be_hidden()
    expect(ann.page).to_have_url(re.compile(r"/models/$"))


def test_list_is_searched_filtered_and_sorted_in_the_address(sign_in, library):
    ann = sign_in()
    ann.imports(library.put("sorted-b"), "sorted-b")
    ann.imports(library.put("sorted-a", engine="XGBoost"), "sorted-a")
    ann.awaits("Normal")
    ann.page.goto("/models/")

    ann.page.locator("#model-search").fill("sorted-")
    expect(ann.page.locator(".model-name")).to_have_text(["sorted-a", "sorted-b"])
    for order in ("name", "-name"):
        ann.link("Model name").click()
        expect(ann.page).to_have_url(re.compile(f"sort={order}"))
    expect(ann.page.locator(".model-name")).to_have_text(["sorted-b", "sorted-a"])
    ann.page.locator("select[name=engine]").select_option("XGBoost")
    expect(ann.page.locator(".model-name")).to_have_text(["sorted-a"])

    expect(ann.page).to_have_url(re.compile(r"\?(?=.*q=sorted-)(?=.*engine=XGBoost)(?=.*sort=-name)"))
    ann.page.reload()
    expect(ann.page.locator(".model-name")).to_have_text(["sorted-a"])
    expect(ann.page.locator("#model-search")).to_have_value("sorted-")
    ann.page.go_back()
    expect(ann.page.locator(".model-name")).to_have_text(["sorted-b", "sorted-a"])


@both_languages
def test_description_and_labels_are_edited_in_place(sign_in, library, language):
    ann = sign_in(language)
    name = f"described-{language}"
    ann.imports(library.put(name), name)
    ann.awaits(ann.words.normal)
    ann.opens_version("0.0.1")

    ann.link(ann.words.edit_description).click()
    expect(ann.page.locator("[data-editing] textarea")).to_be_focused()
    ann.page.keyboard.type("识别手写数字 digits")
    ann.button(ann.words.save).click()
    expect(ann.page.locator("bdi.description")).to_have_text("识别手写数字 digits")
    expect(ann.link(ann.words.edit_description)).to_be_focused()
    ann.page.keyboard.press("Enter")
    expect(ann.page.locator("[data-editing] textarea")).to_be_focused()
    ann.page.keyboard.type(" never")
    ann.page.keyboard.press("Escape")
    ann.link(ann.words.edit_labels).click()
    expect(ann.page.locator("[data-editing] input[name=labels]")).to_be_focused()
    ann.page.keyboard.type(f"视觉, {language}")
    ann.page.keyboard.press("Enter")
    expect(ann.page.locator(".facts .chip")).to_have_text(["视觉", language])

    ann.page.reload()
    expect(ann.page.locator("bdi.description")).to_have_text("识别手写数字 digits")
    ann.page.locator(".chip", has_text=language).get_by_role("link").click()
    expect(ann.page.locator(".model-name")).to_have_text([name])

"""Connecting a registry, looking around in it, and choosing an image for a field."""

import re

import pytest
from playwright.sync_api import expect

from tests.oci_registry import PASSWORD, USER

WORDS = {
    "en": ("Connection works.", "does not accept the user name or the password"),
    "zh": ("连接正常。", "不接受连接的用户名或密码"),
}
OPEN_PICKER = "htmx.ajax('GET', '/registries/?pick=image&field=id_name', {target: 'body', swap: 'beforeend'})"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_registry_is_tested_connected_and_looked_into(sign_in, passwords, language):
    digest, _ = passwords.push("team/journey", "1.0")
    ann, (works, refused) = sign_in(language), WORDS[language]

    ann.page.goto("/registries/new/")
    ann.types_registry(f"journey-{language}", f"http://{passwords.address}", USER, "wrong")
    ann.page.locator("#registry-try").click()
    expect(ann.page.locator("#trial")).to_contain_text(refused)
    expect(ann.page.locator("#id_password")).to_have_value("wrong")
    ann.page.locator("#id_password").fill(PASSWORD)
    ann.page.locator("#registry-try").click()
    expect(ann.page.locator("#trial")).to_contain_text(works)
    ann.page.locator("#registry-save").click()
    ann.page.locator("#repository-search").fill("journey")
    ann.page.keyboard.press("Enter")
    expect(ann.page).to_have_url(re.compile("q=journey"))
    ann.link("team/journey", exact=True).click()
    ann.link("1.0", exact=True).click()

    expect(ann.page.locator(".image-facts")).to_contain_text(digest)


def test_image_chosen_in_the_dialog_goes_into_the_field(sign_in, visitor, passwords):
    passwords.push("team/journey", "1.0")
    visitor.connects_registry("picked", passwords.address, USER, PASSWORD)
    ann = sign_in()
    ann.page.goto("/imports/new/")

    ann.page.evaluate(OPEN_PICKER)
    picker = ann.page.locator("#picker")
    picker.get_by_role("link", name="picked").click()
    picker.get_by_role("link", name="team/journey", exact=True).click()
    picker.get_by_role("link", name="1.0", exact=True).click()
    picker.get_by_role("button", name="Choose this image").click()

    expect(ann.page.locator("#id_name")).to_have_value(f"{passwords.address}/team/journey:1.0")
    expect(picker).not_to_be_visible()


def test_picker_without_javascript_comes_back_with_the_image(sign_in, visitor, passwords):
    passwords.push("team/journey", "1.0")
    visitor.connects_registry("plain", passwords.address, USER, PASSWORD)
    ann = sign_in(javascript=False)
    typed = f"{passwords.address}/team/journey:1.0"

    ann.page.goto("/registries/?pick=image&field=id_name&next=/imports/new/")
    ann.page.locator("#open-reference").fill(typed)
    ann.page.keyboard.press("Enter")
    ann.link("Choose this image").click()

    expect(ann.page.locator("#id_name")).to_have_value(typed)

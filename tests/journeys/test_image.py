"""From an image in a registry to a Normal version pinned to it, and what is shown when its tag moves."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.importers.images import CONFIG
from tests.oci_registry import PASSWORD, USER

BOTH = [("en", 1280), ("zh", 390)]


@pytest.fixture(scope="module")
def registry(visitor, passwords):
    visitor.connects_registry("greeters", passwords.address, USER, PASSWORD)
    return passwords


def picks_image(ann, repository):
    """Behind the folder icon."""
    ann.button(ann.words.browse_images).click()
    picker = ann.page.locator("#picker")
    picker.get_by_role("link", name="greeters").click()
    picker.get_by_role("link", name=repository, exact=True).click()
    picker.locator("[data-pick$=':1.0']").click()


@pytest.mark.parametrize(("language", "width"), BOTH)
def test_image_is_picked_agreed_to_and_imported(sign_in, registry, violations_of, language, width):
    repository = f"team/journey-{language}"
    digest, _ = registry.push(repository, "1.0")
    ann = sign_in(language, width=width)

    ann.opens_import_form()
    ann.names(f"by-image-{language}")
    ann.page.get_by_role("radio", name=ann.words.from_image, exact=True).check()
    expect(ann.page).to_have_url(re.compile(r"\?source=image$"))
    picks_image(ann, repository)
    expect(ann.page.locator("#image-facts")).to_contain_text(digest)
    ann.button(ann.words.begin_with_example).click()
    expect(ann.verdict).to_contain_text(ann.words.importable)
    expect(ann.page.locator("#id_config_text")).to_have_value(re.compile('"model_type": "Image"'))
    ann.creates()
    expect(ann.page.locator("#id_agreed_error")).to_be_visible()
    ann.page.locator("#id_health").check()
    ann.page.locator("#id_agreed").check()
    assert violations_of(ann.page) == ""
    ann.creates()

    ann.awaits(ann.words.normal)
    ann.opens_version("0.0.1")
    expect(ann.page.locator("#image-fate")).to_contain_text(ann.words.tag_stayed)
    expect(ann.page.locator(".image-facts")).to_contain_text(digest)
    moved, _ = registry.push(repository, "1.0", layer=b"another image")
    ann.page.reload()
    expect(ann.page.locator("#image-fate")).to_contain_text(ann.words.tag_moved)
    expect(ann.page.locator("#image-fate")).to_contain_text(moved)
    expect(ann.page.locator(".image-facts")).to_contain_text(digest)
    ann.opens_tab("config")
    expect(ann.page.locator(".listing-text").first).to_contain_text('"url": "/health"')


def test_configuration_of_an_image_is_taken_from_obs(sign_in, registry, library):
    registry.push("team/journey", "1.0")
    (library.folder / "image-config.json").write_text(json.dumps(CONFIG))
    ann = sign_in()
    ann.page.goto(f"/imports/new/?source=image&image={registry.address}/team/journey:1.0")

    ann.page.locator("#id_config_path").fill("/library/image-config.json")
    ann.page.locator("#id_config_path").blur()

    expect(ann.verdict).to_contain_text("Importable")
    expect(ann.page.locator("#id_config_text")).to_have_value(re.compile("greeter"))
    expect(ann.page.locator("#derived")).to_contain_text("/greet")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_image_is_imported_without_javascript(sign_in, registry, language):
    registry.push("team/plain", "1.0")
    ann = sign_in(language, javascript=False)
    ann.page.goto(f"/imports/new/?source=image&name=plain-image-{language}&image={registry.address}/team/plain:1.0")

    ann.page.locator("[name=example]").click()
    expect(ann.page.locator("#id_config_text")).to_be_visible()
    ann.page.locator("#id_agreed").check()
    ann.creates()
    ann.awaits_by_reloading(ann.row("0.0.1"), ann.words.normal)
    ann.opens_version("0.0.1")
    ann.page.locator("#image-fate a").click()

    expect(ann.page.locator("#image-fate")).to_contain_text(ann.words.tag_stayed)

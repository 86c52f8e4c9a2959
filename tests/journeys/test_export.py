"""A version leaves through a bucket and comes back as what it was."""

import pytest
from playwright.sync_api import expect

DIGEST = "main dd:has-text('sha256:') .mono"


def exports(ann, version, choose):
    """The whole form; ends when the file is in the bucket."""
    ann.page.goto(version)
    ann.link("Export", exact=True).click()
    ann.page.locator(".picker-button").click()
    ann.page.locator("#picker").get_by_role("link", name="library", exact=True).click()
    choose(ann)
    expect(ann.page.locator("#id_folder")).to_have_value("/library/")


@pytest.mark.parametrize("javascript", [True, False])
def test_version_is_saved_to_a_bucket_and_imported_elsewhere_with_the_same_digest(sign_in, library, javascript):
    ann = sign_in(javascript=javascript)
    name = f"export-{javascript}".lower()
    ann.page.goto("/imports/new/")
    ann.imports(library.put(name), name)
    ann.page.goto(ann.address("0.0.1"))
    ann.awaits_by_reloading(ann.page.locator(".version-status"), "Normal")
    version, digest = ann.page.url, ann.page.locator(DIGEST).text_content()

    exports(ann, version, lambda ann: ann.page.locator(".picker-actions [data-pick]").click())
    ann.button("Save to a bucket").locator("visible=true").click()
    ann.awaits_by_reloading(ann.page.locator("#export-live .job-state"), "Succeeded")
    archive = library.folder / f"{name}-0.0.1.zip"

    ann.creates_bucket(f"back-{name}")
    ann.uploads(archive)
    ann.page.goto(f"/imports/new/?path=/back-{name}/&name=back-{name}&version=0.0.1")
    ann.creates()
    ann.page.goto(ann.address("0.0.1"))
    ann.awaits_by_reloading(ann.page.locator(".version-status"), "Normal")
    assert ann.page.locator(DIGEST).text_content() == digest


def test_name_that_is_taken_is_told_in_the_dialog_and_replaced_when_ticked(sign_in, site_of_exports):
    ann = sign_in()
    version, path = site_of_exports
    path.write_bytes(b"older")
    ann.page.goto(version)
    ann.link("Export", exact=True).click()
    dialog = ann.page.locator("dialog[open]")
    dialog.locator("#id_folder").fill("/library/taken/")

    ann.page.keyboard.press("Enter")
    expect(dialog.locator(".field-error")).to_contain_text("exists already")
    dialog.locator("#id_replace").check()
    dialog.get_by_role("button", name="Save to a bucket").locator("visible=true").click()

    expect(ann.page.locator("#export-folder")).to_be_visible()
    assert path.read_bytes()[:2] == b"PK"


@pytest.fixture(scope="module")
def site_of_exports(library, visitor):
    """A version, and where the ZIP of it goes that is already there."""
    visitor.imports(library.put("taken"), "taken")
    version = visitor.address_when("Normal")
    (library.folder / "taken").mkdir(exist_ok=True)
    return version, library.folder / "taken" / "taken-0.0.1.zip"

"""Everything without a mouse: a person sees where the focus is and gets everywhere with it."""

import re

from playwright.sync_api import expect


def test_package_is_imported_by_keyboard_alone(sign_in, library):
    ann = sign_in()
    library.put("by-keyboard")
    ann.page.goto("/models/")

    ann.tabs_to(ann.link("Import", exact=True).first).press("Enter")
    expect(ann.page.locator("#import-form")).to_be_visible()
    ann.tabs_to(ann.page.locator("#id_name"))
    ann.types("by-keyboard")
    ann.tabs_to(ann.page.locator("#id_labels"))
    ann.types("keys", "Enter")
    ann.tabs_to(ann.button("Browse OBS for a folder")).press("Enter")
    expect(ann.page.locator("#picker")).to_be_visible()
    ann.tabs_to(ann.page.locator("#picker").get_by_role("link", name="library", exact=True)).press("Enter")
    ann.tabs_to(ann.button("Choose by-keyboard", exact=True)).press("Enter")
    expect(ann.page.locator("#id_path")).to_be_focused()
    expect(ann.verdict).to_contain_text("Importable")
    ann.tabs_to(ann.page.get_by_label("Edge services")).press("Space")
    ann.tabs_to(ann.button("Create now")).press("Enter")

    ann.awaits("Normal")
    expect(ann.row("0.0.1").locator(".types")).to_have_text(re.compile(r"^\s*Real-time/Batch\s*$"))
    ann.tabs_to(ann.row("0.0.1").get_by_role("link", name="0.0.1", exact=True)).press("Enter")
    expect(ann.page).to_have_url(re.compile("/versions/"))
    expect(ann.page.locator(".chip")).to_have_text(["keys"])


def test_focus_is_visible_at_every_stop(sign_in, library):
    ann = sign_in()
    path = library.put("stops")

    for address in ("/", "/models/", "/storage/", "/storage/library/", f"/imports/new/?path={path}", "/help/import/"):
        ann.page.goto(address)
        unseen = [stop for stop in ann.stops() if not stop["visible"]]
        assert unseen == [], address


def test_shortcuts_search_help_and_close(sign_in):
    ann = sign_in()
    ann.page.goto("/models/")

    ann.page.keyboard.press("/")
    expect(ann.page.locator("#model-search")).to_be_focused()
    ann.page.keyboard.type("?")
    expect(ann.page.locator("#model-search")).to_have_value("?")
    ann.page.locator("#model-search").blur()
    ann.page.keyboard.press("?")
    expect(ann.page.get_by_role("dialog")).to_be_visible()
    ann.page.keyboard.press("Escape")
    expect(ann.page.get_by_role("dialog")).to_have_count(0)

"""The same stories in a browser that runs no script."""

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.people import zipped
from tests.journeys.words import LANGUAGES
from tests.packages import build_package

both_languages = pytest.mark.parametrize("language", LANGUAGES)


@both_languages
def test_package_is_uploaded_looked_at_and_imported_without_javascript(sign_in, tmp_path, language):
    ann = sign_in(language, javascript=False)
    name = f"plain-{language}"
    ann.creates_bucket(name)
    ann.uploads(zipped(build_package(tmp_path, name="digits")))

    ann.opens_import_form()
    ann.names(name)
    ann.button(ann.words.browse).click()
    ann.page.locator("#picker").get_by_role("link", name=name, exact=True).click()
    ann.link(ann.words.choose.format("digits"), exact=True).click()
    expect(ann.page.locator("#id_name")).to_have_value(name)
    expect(ann.page.locator("#id_path")).to_have_value(f"/{name}/digits/")
    expect(ann.verdict).to_contain_text(ann.words.importable)
    ann.creates()

    expect(ann.page).to_have_url(re.compile(r"/models/\?open="))
    ann.opens_version("0.0.1")
    ann.awaits_by_reloading(ann.page.locator(".version-status"), ann.words.normal)


def test_broken_config_is_repaired_without_javascript(sign_in, library):
    ann = sign_in(javascript=False)
    path = library.put("plain-broken", config='{"model_algorithm": "x", "model_type": "Scikit_Learn",}')
    ann.page.goto(f"/imports/new/?name=plain-broken&path={path}")
    expect(ann.verdict).to_contain_text("Cannot be imported yet")

    ann.button(ann.words.repair).click()

    expect(ann.verdict).to_contain_text("Importable")
    ann.creates()
    expect(ann.row("0.0.1")).to_be_visible()


@both_languages
def test_drill_down_and_delete_without_javascript(sign_in, library, language):
    ann = sign_in(language, javascript=False)
    name = f"plain-deleted-{language}"
    ann.imports(library.put(name), name)

    ann.page.goto("/models/")
    ann.link(ann.words.versions_of.format(name), exact=True).click()
    expect(ann.page.get_by_role("heading", level=1)).to_have_text(name)
    ann.opens_version("0.0.1")
    for tab in ann.words.tabs:
        ann.opens_tab(tab)
    ann.link(ann.words.delete, exact=True).click()
    expect(ann.page.locator(".delete-page")).to_contain_text(ann.words.for_good)
    ann.button(ann.words.delete, exact=True).click()

    expect(ann.page.locator(".notice.success")).to_contain_text(f"{name} 0.0.1")
    expect(ann.model(name)).to_have_count(0)

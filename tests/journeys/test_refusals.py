"""Packages that are broken, incomplete or hostile: said before the button is pressed, or why the import failed."""

import json

import pytest
from playwright.sync_api import expect

from tests import hostile
from tests.journeys.people import IMPORT_MILLISECONDS
from tests.journeys.words import LANGUAGES
from tests.package_builder import PICKLE
from tests.packages import make_config

both_languages = pytest.mark.parametrize("language", LANGUAGES)
BROKEN = "// made by hand\n" + json.dumps(make_config(), indent=1)[:-2] + ",\n}"


@both_languages
def test_broken_config_is_repaired_and_imported(sign_in, library, language):
    ann = sign_in(language)
    ann.opens_import_form()
    ann.names(f"broken-{language}")
    ann.types_path(library.put(f"broken-{language}", config=BROKEN))
    expect(ann.verdict).to_contain_text(ann.words.refused)
    expect(ann.findings.locator(".finding.error .finding-place")).to_contain_text("model/config.json:1:1")

    ann.button(ann.words.repair).click()
    expect(ann.verdict).to_contain_text(ann.words.importable)
    ann.creates()
    ann.awaits(ann.words.normal)

    ann.opens_version("0.0.1")
    ann.opens_tab("config")
    used, found = ann.page.locator(".version-configs .listing-text").all()[:2]
    expect(ann.page.locator(".version-configs")).to_contain_text(ann.words.as_imported)
    assert json.loads(used.text_content()) == make_config()
    ann.page.get_by_text(ann.words.as_found).click()
    expect(found).to_have_text(BROKEN)


@both_languages
def test_finding_leads_to_its_place_in_the_editor(sign_in, library, language):
    ann = sign_in(language)
    ann.opens_import_form()
    ann.types_path(library.put(f"placed-{language}", config=BROKEN))

    ann.findings.locator("[data-jump-line]").first.click()

    editor = ann.page.locator("#id_config_text")
    expect(editor).to_be_focused()
    expect(editor).to_have_value(BROKEN)
    editor.fill(json.dumps(make_config()))
    expect(ann.verdict).to_contain_text(ann.words.importable)


def test_refused_package_keeps_everything_that_was_typed(sign_in, library):
    ann = sign_in()
    typed = {"#id_name": "refused", "#id_version": "1.2.3", "#id_description": "Sees digits", "#id_memory": "1024"}
    typed |= {"#id_path": library.put("refused", files={"notes.txt": "none"})}
    typed |= {"#id_documents-0-name": "Paper", "#id_documents-0-url": "https://example.com/paper"}
    ann.opens_import_form()
    ann.page.locator("#id_spec").check()
    ann.button("Add model document").click()
    for field, value in typed.items():
        ann.page.locator(field).fill(value)
    ann.page.locator("#id_labels").press_sequentially("vision,digits,")
    ann.page.get_by_label("Edge services").uncheck()
    ann.creates()

    expect(ann.page.locator("#problems")).to_be_visible()
    expect(ann.verdict).to_contain_text("Cannot be imported yet: 1 error")
    expect(ann.findings.locator(".finding.error")).to_have_count(1)
    assert {field: ann.page.locator(field).input_value() for field in typed} == typed
    assert ann.page.locator("[data-labels] .chip bdi").all_text_contents() == ["vision", "digits"]
    expect(ann.page.get_by_label("Edge services")).not_to_be_checked()
    expect(ann.page.locator("#id_spec")).to_be_checked()


@both_languages
def test_taken_version_is_said_at_its_field_and_the_next_one_goes(sign_in, library, language):
    ann = sign_in(language)
    name, path = f"taken-{language}", library.put(f"taken-{language}")
    ann.imports(path, name)
    ann.opens_import_form()
    ann.types_path(path)
    ann.names(name)
    ann.page.locator("#id_description").fill("another")  # the same request again counts as a second press
    ann.creates()
    expect(ann.page.locator("#id_version_error")).to_contain_text("0.0.1")

    ann.page.locator("#name-hint button[name=use_version]").click()
    expect(ann.page.locator("#id_version")).to_have_value("0.0.2")
    ann.creates()

    ann.awaits(ann.words.normal, "0.0.2")


@both_languages
def test_hostile_package_fails_with_its_reason_and_is_deleted(sign_in, library, language):
    ann = sign_in(language)
    name = f"hostile-{language}"
    ann.imports(library.put(name, files={"model.joblib": hostile.attack()}), name)
    ann.awaits(ann.words.failed)
    expect(ann.row("0.0.1")).to_contain_text(ann.words.package_refused)

    ann.opens_version("0.0.1")
    expect(ann.page.locator(".version-failure")).to_contain_text(ann.words.failed)
    ann.opens_tab("checks")
    expect(ann.page.locator(".scan-verdict")).to_contain_text(ann.words.blocked)
    ann.page.locator(".version-failure a.button").click()
    expect(ann.page.locator(".job-outcome")).to_contain_text(ann.words.import_failed)
    expect(ann.page.locator(".finding.error").first).to_contain_text("model/model.joblib")
    expect(ann.button(ann.words.retry)).to_be_visible()

    ann.page.locator("#job-version").click()
    ann.link(ann.words.delete, exact=True).click()
    dialog = ann.page.get_by_role("dialog")
    expect(dialog).to_contain_text(name)
    expect(dialog).to_contain_text(ann.words.for_good)
    dialog.get_by_role("button", name=ann.words.delete, exact=True).click()
    expect(ann.page.locator(".notice.success")).to_contain_text(f"{name} 0.0.1")
    expect(ann.model(name)).to_have_count(0)


def test_failed_import_is_retried_once_the_package_is_corrected(sign_in, library):
    ann = sign_in()
    path = library.put("corrected", files={"model.joblib": hostile.attack()})
    ann.imports(path, "corrected")
    ann.awaits("Failed")

    (library.folder / "corrected" / "model" / "model.joblib").write_bytes(PICKLE)
    ann.opens_version("0.0.1")
    ann.button("Retry").click()

    expect(ann.page.locator(".job-state .status")).to_contain_text("Normal", timeout=IMPORT_MILLISECONDS)
    ann.page.locator("#job-version").click()
    expect(ann.page.locator(".version-status")).to_contain_text("Normal")

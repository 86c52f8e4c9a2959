"""From weights without a configuration to a Normal version, by a model template."""

import re

import pytest
from playwright.sync_api import expect

from tests.package_builder import PICKLE

BOTH = [("en", 1280), ("zh", 390)]


def puts_weights(library, name):
    """The path of a model folder with nothing but weights in it."""
    return library.put(name, config=None, code=None, files={"model.joblib": PICKLE}) + "model/"


def chooses(ann, template):
    ann.page.locator(f"label[for=id_template_{template}]").click()
    expect(ann.page.locator(f"input[name=mode_for][value={template}]")).to_be_attached()


@pytest.mark.parametrize(("language", "width"), BOTH)
def test_weights_are_imported_with_a_template(sign_in, library, violations_of, language, width):
    ann = sign_in(language, width=width)
    name = f"by-template-{language}"
    path = puts_weights(library, name)

    ann.opens_import_form()
    ann.names(name)
    ann.page.get_by_role("radio", name=ann.words.from_template, exact=True).check()
    expect(ann.page).to_have_url(re.compile(r"\?source=template$"))
    ann.page.locator("#id_template_engine").select_option("Scikit_Learn")
    expect(ann.page.locator(".template-card")).to_have_count(1)
    chooses(ann, "own-sklearn")
    expect(ann.page.locator("#generated-config")).to_contain_text('"model_type": "Scikit_Learn"')
    ann.types_path(path)
    expect(ann.verdict).to_contain_text(ann.words.importable)
    expect(ann.page.locator("#id_name")).to_have_value(name)
    assert violations_of(ann.page) == ""
    ann.creates()

    ann.awaits(ann.words.normal)
    ann.opens_version("0.0.1")
    expect(ann.page.locator(".facts").first).to_contain_text("scikit-learn")
    ann.opens_tab("config")
    expect(ann.page.locator(".listing-text").first).to_contain_text('"req_data"')


def test_undefined_mode_takes_batch_away_and_gives_it_back(sign_in, library):
    ann = sign_in()
    path = puts_weights(library, "batch-or-not")
    batch = ann.page.locator("#id_deployment_types_1")
    ann.page.goto(f"/imports/new/?source=template&template=own-sklearn&path={path}&name=batch-or-not")

    ann.page.locator("#id_mode_undefined").check()
    expect(batch).to_be_disabled()
    expect(ann.page.locator("#id_deployment_types_1_refused")).to_contain_text("Batch services are impossible")
    expect(ann.page.locator("#id_mode_undefined")).to_be_focused()
    ann.page.locator("#id_mode_predict-analysis").check()

    expect(batch).to_be_checked()
    expect(ann.verdict).to_contain_text("Importable")


def test_cards_are_turned_and_their_rules_read(sign_in):
    ann = sign_in()
    ann.page.goto("/imports/new/?source=template&template=own-sklearn")
    cards = ann.page.locator(".template-card")

    ann.button("Page 2").click()
    expect(cards.first).to_contain_text("PyTorch template")
    expect(ann.page.locator(".template-chosen")).to_have_text("Chosen: scikit-learn template")
    ann.link("Package rules of PyTorch template").click()
    expect(ann.page.get_by_role("dialog")).to_contain_text("*.pth / *.pt")
    ann.page.get_by_role("dialog").locator(".dialog-actions [data-dialog-close]").click()
    ann.page.locator("#id_template_q").fill("ascend")

    expect(cards).to_have_count(1)
    expect(ann.page.locator("#id_template_q")).to_be_focused()
    expect(ann.page.locator("#id_mode_predict-analysis")).to_be_checked()


def test_template_is_chosen_by_keyboard(sign_in):
    ann = sign_in()
    ann.page.goto("/imports/new/?source=template")

    ann.tabs_to(ann.page.locator("#id_template_own-sklearn"))
    ann.page.keyboard.press("ArrowDown")
    expect(ann.page.locator("input[name=mode_for][value=own-xgboost]")).to_be_attached()
    expect(ann.page.locator("#id_template_own-xgboost")).to_be_focused()
    ann.tabs_to(ann.page.locator("#id_mode_predict-analysis"))
    ann.page.keyboard.press("ArrowRight")

    expect(ann.page.locator("#id_deployment_types_1")).to_be_disabled()


def test_editor_works_after_the_source_was_changed(sign_in, library):
    ann = sign_in()
    path = library.put("there-and-back")
    ann.page.goto(f"/imports/new/?source=template&path={path}")

    ann.page.get_by_role("radio", name="OBS", exact=True).check()
    expect(ann.page.locator("#engine-part input[readonly]")).to_have_value("Scikit_Learn")
    ann.page.locator("#id_config_edit").check()

    expect(ann.page.locator("#id_config_text")).to_have_value(re.compile("predict_analysis"))
    expect(ann.page.locator(".code-lines")).to_contain_text("1")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_weights_are_imported_with_a_template_without_javascript(sign_in, library, language):
    ann = sign_in(language, javascript=False)
    name = f"plain-template-{language}"
    path = puts_weights(library, name)
    show = ann.page.locator("[formaction='/imports/source/'].no-js-only")

    ann.page.goto(f"/imports/new/?name={name}")
    ann.page.get_by_role("radio", name=ann.words.from_template, exact=True).check()
    show.first.click()
    ann.page.locator("#id_template_type").select_option("own")
    ann.page.locator(".template-picker .search-box button").click()
    ann.page.locator("label[for=id_template_own-sklearn]").click()
    ann.page.locator("#id_path").fill(path)
    show.last.click()
    expect(ann.page.locator("#id_mode_predict-analysis")).to_be_checked()
    expect(ann.page.locator("#id_name")).to_have_value(name)
    expect(ann.verdict).to_contain_text(ann.words.importable)
    ann.creates()

    expect(ann.page).to_have_url(re.compile(r"/models/\?open="))
    ann.opens_version("0.0.1")
    ann.awaits_by_reloading(ann.page.locator(".version-status"), ann.words.normal)

"""From a package on somebody's disk to a Normal version with everything known about it one click away."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.journeys.people import zipped
from tests.journeys.words import LANGUAGES
from tests.package_builder import PICKLE
from tests.packages import build_package, make_config

both_languages = pytest.mark.parametrize("language", LANGUAGES)


@pytest.mark.parametrize(("language", "width"), [("en", 1280), ("zh", 1280), ("zh", 390)])
def test_package_is_uploaded_looked_at_and_imported(sign_in, tmp_path, language, width):
    ann = sign_in(language, width=width)
    name = f"story-{language}-{width}"
    ann.creates_bucket(name)
    ann.uploads(zipped(build_package(tmp_path, name="digits")))
    expect(ann.link("digits", exact=True)).to_be_visible()

    ann.opens_import_form()
    ann.names(name)
    ann.picks(name, "digits")
    expect(ann.verdict).to_contain_text(ann.words.importable)
    expect(ann.page.locator("#engine-part input[readonly]")).to_have_value("Scikit_Learn")
    expect(ann.page.locator("#inference-code")).to_have_value(f"obs://{name}/digits/model/customize_service.py")
    ann.creates()

    expect(ann.page).to_have_url(re.compile(r"/models/\?open="))
    ann.awaits(ann.words.normal)
    expect(ann.model(name).locator("tr.model-row .status")).to_contain_text(ann.words.normal)


@both_languages
def test_progress_is_seen_rising_in_the_row_and_on_the_job_page(sign_in, console, library, language):
    ann = sign_in(language)
    many = {f"part-{number:03}.txt": f"{language} {number}\n" * 2000 for number in range(500)}
    path = library.put(f"large-{language}", files={"model.joblib": PICKLE} | many)

    with console.slowed_worker():
        ann.imports(path, f"large-{language}")
        in_row = ann.percentages(".version-row progress", enough=3)
        ann.page.locator(".version-row .version-progress a").click()
        on_page = ann.percentages(".job-bytes progress", enough=3)

    expect(ann.page.locator(".job-state .status")).to_contain_text(ann.words.normal, timeout=60_000)
    assert (len(in_row), len(on_page)) == (3, 3)
    assert in_row + on_page == sorted(in_row + on_page)


@both_languages
def test_version_page_shows_everything_and_gives_the_files(sign_in, library, language):
    ann = sign_in(language)
    ann.imports(library.put(f"known-{language}"), f"known-{language}")
    ann.awaits(ann.words.normal)

    ann.opens_version("0.0.1")
    expect(ann.page.locator(".facts").first).to_contain_text(f"/library/known-{language}/")
    expect(ann.page.locator(".facts").first).to_contain_text(ann.words.to_review)
    for tab, sight in {
        "parameters": ann.words.input,
        "dependencies": "--",
        "checks": ann.words.to_review,
        "config": "predict_analysis",
        "events": ann.words.normal,
        "files": "model/customize_service.py",
    }.items():
        ann.opens_tab(tab)
        expect(ann.page.locator(".tab-panel")).to_contain_text(sight)
    with ann.page.expect_download() as download:
        ann.link(ann.words.download.format("model/model.joblib")).click()

    shown = ann.page.locator("tr", has_text="model/model.joblib").locator("[title]").first.get_attribute("title")
    assert hashlib.sha256(Path(download.value.path()).read_bytes()).hexdigest() == shown


def test_import_is_cancelled_while_it_runs(sign_in, console, library, violations_of):
    ann = sign_in()
    many = {f"part-{number:03}.txt": f"cancelled {number}\n" * 2000 for number in range(300)}
    path = library.put("cancelled", files={"model.joblib": PICKLE} | many)

    with console.slowed_worker():
        ann.imports(path, "cancelled")
        assert violations_of(ann.page) == ""
        ann.opens_version("0.0.1")
        assert violations_of(ann.page) == ""
        ann.page.locator(".version-progress a").click()
        assert violations_of(ann.page) == ""
        ann.page.locator("#job-cancel").click()
        expect(ann.page.get_by_role("dialog")).to_contain_text("Version 0.0.1 of cancelled is deleted")
        ann.page.get_by_role("dialog").get_by_role("button", name="Cancel the import").click()

    expect(ann.page.locator(".job-outcome")).to_contain_text("its number is free again")
    ann.page.goto("/models/")
    expect(ann.model("cancelled")).to_have_count(0)


def test_config_is_taken_from_another_place_in_obs(sign_in, library):
    ann = sign_in()
    path = library.put("other-config", config=None)
    (library.folder / "configs").mkdir()
    (library.folder / "configs" / "mine.json").write_text(json.dumps(make_config(model_algorithm="mine")))
    ann.opens_import_form()
    ann.names("other-config")
    ann.types_path(path)
    expect(ann.verdict).to_contain_text("Cannot be imported yet")

    ann.page.locator("#id_config_edit").check()
    ann.button("Browse OBS for a file").click()
    picker = ann.page.locator("#picker")
    picker.get_by_role("link", name="configs", exact=True).click()
    ann.button("Choose mine.json").click()
    ann.button("Load this file").click()

    expect(ann.page.locator("#id_config_text")).to_have_value(re.compile('"mine"'))
    expect(ann.verdict).to_contain_text("Importable")
    ann.creates()
    ann.awaits("Normal")

"""From a package on somebody's disk to a Normal version with everything known about it one click away."""

import hashlib
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.journeys.people import zipped
from tests.journeys.words import LANGUAGES
from tests.package_builder import PICKLE
from tests.packages import build_package

both_languages = pytest.mark.parametrize("language", LANGUAGES)


@both_languages
def test_package_is_uploaded_looked_at_and_imported(sign_in, tmp_path, language):
    ann = sign_in(language)
    ann.creates_bucket(f"story-{language}")
    ann.uploads(zipped(build_package(tmp_path, name="digits")))
    expect(ann.link("digits", exact=True)).to_be_visible()

    ann.opens_import_form()
    ann.names(f"story-{language}")
    ann.picks(f"story-{language}", "digits")
    expect(ann.verdict).to_contain_text(ann.words.importable)
    expect(ann.page.locator("#engine-part input[readonly]")).to_have_value("Scikit_Learn")
    expect(ann.page.locator("#inference-code")).to_have_value(
        f"obs://story-{language}/digits/model/customize_service.py"
    )
    ann.creates()

    expect(ann.page).to_have_url(re.compile(r"/models/\?open="))
    ann.awaits(ann.words.normal)
    expect(ann.model(f"story-{language}").locator("tr.model-row .status")).to_contain_text(ann.words.normal)


@both_languages
def test_progress_is_seen_rising_in_the_row_and_on_the_job_page(sign_in, console, library, language):
    ann = sign_in(language)
    many = {f"part-{number:03}.txt": f"{language} {number}\n" * 2000 for number in range(300)}
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

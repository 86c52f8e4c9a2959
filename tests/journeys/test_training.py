"""From the last lines of a training script to a Normal version."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests import hostile
from tests.journeys.words import LANGUAGES
from tests.packages import build_package

ROOT = Path(__file__).parents[2]
COLUMNS = """{"target": "cultivar", "classes": ["a", "b"], "packages": {"numpy": "2.3.1"},
 "features": [{"name": "alcohol", "type": "number"}]}"""


@pytest.fixture(scope="package")
def token(visitor):
    """Made on the page for tokens, where it is shown once."""
    visitor.page.goto("/workspace/tokens/new/")
    visitor.page.locator("#id_name").fill("training")
    visitor.page.locator("#id_role").select_option("developer")
    visitor.page.locator("main form button[type=submit]").click()
    return visitor.page.locator(".secret code").first.text_content()


def registers(console, token, **changes):
    """Runs the lines of README with other values, as a script does; returns what it printed."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = "import json" + readme.partition("```\nimport json")[2].partition("\n```")[0]
    script = lines.replace("http://localhost:8000", console.url)
    script = script.replace("request = urllib", f"run |= {changes!r}\nrequest = urllib")
    done = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"TRAINING_TOKEN": token}, capture_output=True, text=True
    )
    return done.stdout, done.stderr


@pytest.mark.parametrize(("language", "width"), [("en", 1280), ("zh", 390)])
def test_run_a_script_registered_becomes_a_model(sign_in, console, library, token, language, width):
    ann = sign_in(language, width=width)
    name = f"trained-{language}"
    build_package(library.folder / name, name="V0001")
    said = {"job": name, "output_path": f"/library/{name}/V0001/"}

    first, again = registers(console, token, **said), registers(console, token, **said)
    conflict = registers(console, token, **said, status="failed")

    assert '"outcome": "created"' in first[0]
    assert '"outcome": "unchanged"' in again[0]
    assert conflict[0].startswith("409 ")
    assert "its status only advances" in conflict[0]
    ann.shows_navigation()
    ann.link(ann.words.training_jobs, exact=True).click()
    ann.page.locator("#training-jobs").get_by_role("link", name=name, exact=True).click()
    expect(ann.page.locator(".metric-chip").first).to_contain_text("0.94")
    ann.page.get_by_text(ann.words.create_model, exact=True).click()
    expect(ann.page.locator("#id_job")).to_have_value(name)
    expect(ann.page.locator("#id_run")).to_have_value("V0001")
    expect(ann.verdict).to_contain_text(ann.words.importable)
    expect(ann.page.locator("#inference-code")).to_have_value(f"obs://library/{name}/V0001/model/customize_service.py")
    ann.names(name)
    ann.creates()
    ann.awaits(ann.words.normal)
    ann.page.goto(f"/training-jobs/?q={name}")
    ann.page.locator("#training-jobs").get_by_role("link", name=name, exact=True).click()
    expect(ann.page.locator(".run-said").get_by_role("link", name=f"{name} 0.0.1")).to_be_visible()


@pytest.mark.parametrize("language", LANGUAGES)
def test_choosing_another_job_brings_its_versions_and_checks_them(sign_in, console, library, token, language):
    ann = sign_in(language)
    names = [f"{which}-{language}" for which in ("whole", "broken")]
    for name, package in zip(names, ({}, {"config": "{,}"}), strict=True):
        build_package(library.folder / name, name="V0001", **package)
        registers(console, token, job=name, output_path=f"/library/{name}/V0001/")

    ann.page.goto("/imports/new/")
    ann.page.locator("input[name=source][value=training]").check(force=True)
    expect(ann.page.locator("#id_job")).to_have_value(names[1])
    expect(ann.verdict).to_contain_text(ann.words.refused)
    ann.page.locator("#id_job").select_option(names[0])
    expect(ann.page.locator("#id_run")).to_have_value("V0001")
    expect(ann.verdict).to_contain_text(ann.words.importable)


def test_run_is_entered_by_hand_without_javascript(sign_in, library):
    ann = sign_in(javascript=False)
    model = library.folder / "wine" / "model"
    model.mkdir(parents=True)
    (model / "model.ubj").write_bytes(hostile.ubjson())
    (model / "columns.json").write_text(COLUMNS)

    ann.page.goto("/training-jobs/new/")
    ann.page.locator("#id_job").fill("wine")
    ann.page.locator("[name=kind][value=built-in]").check(force=True)
    ann.page.locator("#id_algorithm").select_option("tabular-classification")
    ann.page.locator("#id_output_path").fill("/library/wine/")
    ann.page.locator("#id_metrics").fill("accuracy = 0.91\nrows")
    ann.button("Add", exact=True).click()
    expect(ann.page.locator("#id_metrics_error")).to_contain_text("Line 2")
    ann.page.locator("#id_metrics").fill("accuracy = 0.91")
    ann.button("Add", exact=True).click()
    ann.page.get_by_text("Create model", exact=True).click()
    expect(ann.verdict).to_contain_text("Importable")
    ann.names("wine")
    ann.creates()

    ann.awaits_by_reloading(ann.row("0.0.1").locator(".status"), "Normal")

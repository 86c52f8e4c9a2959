"""The demo: what it ships is as it says, and a console says how far it is."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys

import pytest

from console.demo_state import DemoState, Stage, read_demo_state, write_demo_state
from demo.train import HERE
from tests.console_process import running_console
from tests.packages import check_folder


@pytest.fixture
def broken(tmp_path):
    """The broken package as it lies in the demo's bucket, with weights beside it."""
    shutil.copytree(HERE / "broken", tmp_path / "broken")
    (tmp_path / "broken" / "model" / "diabetes.ubj").write_bytes(b"{L\x00")
    return tmp_path / "broken"


def test_demo_state_is_nothing_before_the_demo_ran(settings, tmp_path):
    settings.DATA = tmp_path

    assert read_demo_state() == DemoState()


def test_demo_state_is_read_as_it_was_written(settings, tmp_path):
    settings.DATA = tmp_path
    write_demo_state(Stage.FAILED, "no network\nsecond line")

    assert read_demo_state() == DemoState(Stage.FAILED, "no network\nsecond line")


def test_broken_package_is_refused_with_a_repair_that_makes_it_importable(broken):
    report = check_folder(broken)
    repaired = check_folder(broken, config_text=report.repair)

    assert (report.importable, repaired.importable) == (False, True)
    assert {finding.code for finding in report.findings if finding.severity == "error"} == {"config.repairable"}


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "words"), [("en", "The demo is on its way"), ("zh-hans", "演示正在准备")])
def test_pages_say_that_the_demo_is_on_its_way(client, developer, settings, tmp_path, language, words):
    settings.DATA = tmp_path
    write_demo_state(Stage.PREPARING)
    client.force_login(developer)

    pages = [client.get(url, headers={"Accept-Language": language}).content.decode() for url in ("/", "/models/")]

    assert [words in page for page in pages] == [True, True]


@pytest.mark.faults
def test_first_start_brings_the_demo_models_to_normal(tmp_path):
    with running_console(tmp_path / "data", arguments=(), MODELPORT_VERSION_PREPARER="serving.prepare") as console:
        console.await_output(
            "The demo is ready: the models digits, diabetes, digit-pictures, digits-by-template are Normal.",
            seconds=300,
        )
        proofs = proofs_in(tmp_path / "data")
        imported = [import_run(tmp_path / "data", job) for job in ("wine", "diabetes-progression")]

    assert runs_in(tmp_path / "data") == [
        ("diabetes-progression", "tabular-regression", "successful"),
        ("wine", "tabular-classification", "failed"),
        ("wine", "tabular-classification", "successful"),
    ]
    assert imported == ["published", "published"]
    assert proofs == ["answered"] * 4


def proofs_in(data):
    with sqlite3.connect(data / "modelport.sqlite3") as database:
        return [proof for (proof,) in database.execute("SELECT proof FROM registry_modelversion")]


def runs_in(data):
    query = """SELECT job.name, algorithm, status FROM importers_trainingrun run
               JOIN importers_trainingjob job ON job.id = run.job_id ORDER BY job.name, number"""
    with sqlite3.connect(data / "modelport.sqlite3") as database:
        return database.execute(query).fetchall()


def import_run(data, job):
    """What becomes of the newest run of the job when it is imported by the command."""
    run = "V0002" if job == "wine" else "V0001"
    source = ("--source", "training", "--job", job, "--run", run)
    command = (sys.executable, "manage.py", "import_model", "--workspace", "default", "--name", job, *source)
    environment = os.environ | {"MODELPORT_DATA": str(data), "DJANGO_SETTINGS_MODULE": "console.settings"}
    done = subprocess.run([*command, "--wait", "--json"], cwd=HERE.parent, env=environment, capture_output=True)
    return json.loads(done.stdout)["status"]

"""Settings come from the environment, once, and fail loudly."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "console.settings",
    "MODELPORT_SECRET_KEY": "k" * 30 + "0123456789abcdefghijklmnopqrstuvwxyz",
    "MODELPORT_HTTPS": "1",
    "MODELPORT_HOSTS": "models.example.org",
}


def manage(*arguments, **environment):
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False)


def test_production_settings_pass_the_deployment_checks(tmp_path):
    done = manage("check", "--deploy", "--fail-level", "WARNING", MODELPORT_DATA=str(tmp_path), **PRODUCTION)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "0"),
        ("MODELPORT_HTTPS", "perhaps"),
        ("MODELPORT_IMPORT_LEASE_SECONDS", "nan"),
        ("MODELPORT_BIND", "localhost"),
        ("MODELPORT_TIME_ZONE", "Mars"),
        ("MODELPORT_LOG_LEVEL", "LOUD"),
    ],
)
def test_setting_that_makes_no_sense_stops_with_its_name(tmp_path, name, value):
    done = manage("check", MODELPORT_DATA=str(tmp_path), **(PRODUCTION | {name: value}))

    assert done.returncode == 2
    assert re.findall(r"^modelport: (\S+): write ", done.stderr, re.MULTILINE) == [f"{name}={value!r}"]
    assert len(done.stderr.splitlines()) == 1


def test_models_and_migrations_agree(tmp_path):
    done = manage("makemigrations", "--check", "--dry-run", MODELPORT_DATA=str(tmp_path), **PRODUCTION)

    assert done.returncode == 0, done.stdout

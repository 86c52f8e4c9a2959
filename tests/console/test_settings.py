"""Settings come from the environment, once, and fail loudly."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from console.launcher import write_keys

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "console.settings",
    "MODELPORT_SECRET_KEY": "k" * 30 + "0123456789abcdefghijklmnopqrstuvwxyz",
    "MODELPORT_HTTPS": "1",
    "MODELPORT_HOSTS": "models.example.org",
    "MODELPORT_TRUSTED_PROXIES": "127.0.0.1, ::1, 10.0.0.0/8",
}
ENCRYPTION_KEY = Fernet.generate_key().decode()


def manage(*arguments, **environment):
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False)


def test_production_settings_pass_the_deployment_checks(tmp_path):
    done = manage("check", "--deploy", "--fail-level", "WARNING", MODELPORT_DATA=str(tmp_path), **PRODUCTION)

    assert done.returncode == 0, done.stderr


def test_installation_with_a_database_of_its_own_needs_shared_keys(tmp_path):
    environment = PRODUCTION | {
        "MODELPORT_DATA": str(tmp_path),
        "DATABASE_URL": "postgres://modelport@db.example.org/modelport",
    }

    without = manage("check", "--deploy", **environment)
    started = manage("run", "web", **environment)
    given = manage("check", "--deploy", MODELPORT_ENCRYPTION_KEYS=ENCRYPTION_KEY, **environment)
    (tmp_path / "run").mkdir(exist_ok=True)
    write_keys(tmp_path / "run")
    recorded = manage("check", "--deploy", **environment)

    assert re.findall(r"\((modelport\.\w+)\) (\w+)", without.stderr) == [
        ("modelport.E001", "MODELPORT_ENCRYPTION_KEYS")
    ]
    assert started.stderr == (
        "modelport: set MODELPORT_ENCRYPTION_KEYS: it must be the same in every process of every host\n"
    )
    assert [without.returncode, started.returncode, given.returncode, recorded.returncode] == [1, 2, 0, 0]


def test_https_without_a_trusted_proxy_is_warned_of(tmp_path):
    environment = PRODUCTION | {"MODELPORT_TRUSTED_PROXIES": ""}

    done = manage("check", "--deploy", "--fail-level", "WARNING", MODELPORT_DATA=str(tmp_path), **environment)

    assert re.findall(r"\((modelport\.\w+)\)", done.stderr) == ["modelport.W001"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "0"),
        ("MODELPORT_HTTPS", "perhaps"),
        ("MODELPORT_IMPORT_LEASE_SECONDS", "nan"),
        ("MODELPORT_IMPORT_SWEEP_SECONDS", "0"),
        ("MODELPORT_S3_READ_SECONDS", "0"),
        ("MODELPORT_IMPORT_HEARTBEAT_SECONDS", "45"),
        ("MODELPORT_ARTIFACT_GRACE_SECONDS", "1e12"),
        ("MODELPORT_PACKAGE_MAX_FILES", "9" * 5000),
        ("PORT", "65536"),
        ("MODELPORT_BIND", "localhost"),
        ("MODELPORT_TIME_ZONE", "Mars"),
        ("MODELPORT_LOG_LEVEL", "LOUD"),
        ("MODELPORT_LOG_FORMAT", "xml"),
        ("MODELPORT_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("MODELPORT_WORKERS", "0"),
    ],
)
def test_setting_that_makes_no_sense_stops_with_its_name(tmp_path, name, value):
    done = manage("check", MODELPORT_DATA=str(tmp_path), **(PRODUCTION | {name: value}))

    assert done.returncode == 2
    assert re.findall(r"^modelport: (\S+): write ", done.stderr, re.MULTILINE) == [f"{name}={value!r}"]
    assert len(done.stderr.splitlines()) == 1


def test_first_admin_is_made_once(tmp_path):
    environment = PRODUCTION | {"MODELPORT_DATA": str(tmp_path)}
    manage("migrate", **environment)

    first = manage("create_admin", "ann", **environment)
    second = manage("create_admin", "bob", **environment)

    assert re.fullmatch(r"Sign in as ann with the password \S{16}\n", first.stdout)
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr.startswith("modelport: somebody exists already")


def test_models_and_migrations_agree(tmp_path):
    done = manage("makemigrations", "--check", "--dry-run", MODELPORT_DATA=str(tmp_path), **PRODUCTION)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("there", [True, False])
def test_command_that_finds_no_console_says_where_it_looked(tmp_path, monkeypatch, there):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    folder = tmp_path / "var"
    if there:
        folder.mkdir()

    own = {"DJANGO_SETTINGS_MODULE": "console.settings", "MODELPORT_DATA": str(folder)}
    done = manage("create_admin", "ann", **own)

    reason = "no such table: accounts_user" if there else "unable to open database file"
    told = f"no console keeps its data in {folder} ({reason}): set MODELPORT_DATA as it was set for `make run`"
    assert (done.returncode, done.stderr) == (1, f"modelport: {told}\n")


def test_command_whose_database_is_away_says_so(tmp_path):
    away = "postgres://modelport@127.0.0.1:1/modelport"

    own = {"DJANGO_SETTINGS_MODULE": "console.settings", "MODELPORT_DATA": str(tmp_path)}
    done = manage("create_admin", "ann", DATABASE_URL=away, **own)

    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert done.stderr.startswith("modelport: the database does not answer: check DATABASE_URL (")

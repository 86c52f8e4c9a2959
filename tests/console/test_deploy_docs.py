"""What the documentation names exists, and what exists is named: settings, programs, commands, files."""

import ast
import configparser
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands

from console.launcher import ROLES, command
from tests.test_architecture import APPS

ROOT = Path(__file__).resolve().parent.parent.parent
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
VARIABLE = re.compile(r"(?:MODELPORT_[A-Z0-9_]*[A-Z0-9]|\bPORT|DATABASE_URL|REDIS_URL)\b")


@cache
def variables_read():
    """Whole string constants of the source that look like a variable of ours; one is read by dj-database-url."""
    found = {"DATABASE_URL"}
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            constants = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
            found |= {text for text in constants if isinstance(text, str) and VARIABLE.fullmatch(text)}
    return found


def variables_named(*paths):
    return {name for path in paths for name in VARIABLE.findall(path.read_text())}


def directives(unit):
    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(unit)
    return parser


def test_every_variable_has_its_line_in_the_settings():
    assert variables_named(ROOT / "docs" / "settings.md") == variables_read()


@pytest.mark.parametrize("path", [*DOCS, *UNITS, ROOT / "deploy" / "nginx.conf"], ids=lambda path: path.name)
def test_every_variable_that_is_named_exists(path):
    assert variables_named(path) - variables_read() == set()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_unit_runs_a_process_of_the_console(unit, tmp_path):
    service = directives(unit)["Service"]
    program, script, subcommand, role, *options = service["ExecStart"].split()

    assert (program, script, subcommand) == ("/opt/modelport/.venv/bin/python", "manage.py", "run")
    started = command(role, run=tmp_path, node="worker-1")
    assert started[2] in ({"gunicorn", "celery"} if started[1] == "-m" else get_commands())
    assert options == (["--node", "worker-%i"] if role == "worker" else [])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_unit_gains_nothing_and_stops_its_first_process(unit):
    service = directives(unit)["Service"]

    wanted = {"NoNewPrivileges": "yes", "ProtectSystem": "strict", "CapabilityBoundingSet": "", "KillMode": "mixed"}
    assert {name: service[name] for name in wanted} == wanted
    assert (service["User"], service["EnvironmentFile"]) == ("modelport", "/etc/modelport/environment")


def test_every_process_has_its_unit():
    named = {directives(unit)["Service"]["ExecStart"].split()[3] for unit in UNITS}

    assert named == set(ROLES)


# Each of these covers part of /proc, or takes away what bubblewrap does.
COVERING = {"ProtectKernelTunables", "ProtectKernelLogs", "ProtectProc", "ProtectHostname", "ProtectControlGroups"}
CONFINING = ("modelport-builder", "modelport-supervisor")


@pytest.mark.parametrize("name", CONFINING)
def test_who_runs_code_of_others_may_make_sandboxes_and_groups(name):
    service = directives(ROOT / "deploy" / "systemd" / f"{name}.service")["Service"]

    assert service["Delegate"] == "cpu memory pids"
    assert COVERING & set(service) == set()
    assert "@mount" in service["SystemCallFilter"].split()


def test_nobody_else_may_make_sandboxes():
    services = [directives(unit)["Service"] for unit in UNITS if unit.stem not in CONFINING]

    assert {service["RestrictNamespaces"] for service in services} == {"yes"}
    assert all(set(service) >= COVERING for service in services)


def test_commands_in_the_deployment_guide_exist():
    text = (ROOT / "docs" / "deploy.md").read_text()
    named = set(re.findall(r"^deploy/manage (\w+)", text, re.MULTILINE))

    assert named <= set(get_commands())
    assert {"check", "check_artifacts", "collectstatic", "create_admin", "migrate"} <= named


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path):
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())

    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_wrapper_of_commands_is_a_program():
    wrapper = ROOT / "deploy" / "manage"

    assert wrapper.stat().st_mode & 0o111
    assert subprocess.run([shutil.which("sh"), "-n", wrapper], check=False).returncode == 0

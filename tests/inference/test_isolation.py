"""The server conflicts with nothing a model needs: standard library, old syntax, none of ours, no common names."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.inference.serving import package_with, serving

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "inference").rglob("*.py"))
APPS = ["accounts", "console", "importers", "registry", "serving", "stores"]


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module


def interpreter(version):
    """An interpreter of that version, wherever this machine has one."""
    tries = [[f"python{version}"], ["pyenv", "exec", "python"]]
    for command in tries:
        told = [*command, "-c", "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"]
        try:
            environment = os.environ | {"PYENV_VERSION": version}
            found = subprocess.run(told, capture_output=True, text=True, env=environment, check=False).stdout.split()
        except FileNotFoundError:
            continue
        if found[:1] == [version]:
            return found[1]
    return None


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_source_is_python_3_8(path):
    ast.parse(path.read_text(), feature_version=(3, 8))


def test_sources_import_only_the_standard_library_and_each_other():
    foreign = {
        (str(path.relative_to(ROOT)), module)
        for path in SOURCES
        for module in imported(path)
        if module.split(".")[0] not in sys.stdlib_module_names
    }

    assert foreign == set()


def test_nothing_of_the_console_imports_the_server():
    importers = {
        str(path.relative_to(ROOT))
        for app in APPS
        for path in (ROOT / app).rglob("*.py")
        for module in imported(path)
        if module and module.split(".")[0] == "inference"
    }

    assert importers == set()


def test_server_needs_no_installed_package_and_leaves_common_names_free(tmp_path):
    """Packages have modules called `inference`, `server`, `settings`: they get their own."""
    names = ["inference", "server", "settings", "engines", "services", "contract", "compat", "log", "model"]
    before = "import sys\nimport " + ", ".join(names)
    methods = f"""
    def _preprocess(self, data):
        return None

    def _inference(self, data):
        return [sys.modules[name].MINE for name in {names!r}] + sorted(set(sys.modules) & {{"django", "pytest"}})
"""
    files = {f"{name}.py": f"MINE = {name!r}\n" for name in names} | {"net.pth": b"w"}
    with serving(package_with(tmp_path, methods, before=before, files=files)) as server:
        answer = server.ask({})

    assert answer.value == names


def test_server_writes_nothing_into_the_package(tmp_path):
    package = package_with(tmp_path, before="import helper", files={"net.pth": b"w", "helper.py": "x = 1"})
    before = sorted(package.rglob("*"))
    with serving(package) as server:
        server.ask({"a": 1})

    assert sorted(package.rglob("*")) == before


@pytest.mark.parametrize("version", [version for version in ("3.8", "3.9", "3.12", "3.13") if interpreter(version)])
def test_server_runs_on_every_other_python_of_the_machine(tmp_path, version):
    with serving(package_with(tmp_path), python=interpreter(version)) as server:
        answers = [server.ask({"a": [1.5, None, "é"]}), server.ask({"b": 2})]
        code = server.stop()

    assert [answer.value for answer in answers] == [{"a": [1.5, None, "é"]}, {"b": 2}]
    assert code == 0

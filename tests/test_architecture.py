"""The house rules of imports, read from the source itself."""

import ast
import re
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings

ROOT = Path(__file__).resolve().parent.parent
APPS = ("console", "accounts", "stores", "registry", "importers", "serving")
# Inside an app a file imports only what stands to its right; one group is one step.
STEPS = [
    {"urls"},
    {"views", "tasks", "management", "admin", "apps", "middleware", "supervisor", "gateway"},
    {"forms", "requests"},
    {"services"},
    {"pipeline", "preparation", "exports", "uploads", "building", "proof", "rollout"},
    {"environments", "backends"},
    {"scanner", "scan_child", "sources", "package", "fetching", "known", "heartbeat", "shutdown", "archive", "mlflow"},
    {"artifacts", "drivers", "oci", "sandbox", "packages", "snapshots", "instance_logs", "calls"},
    {"transitions", "details"},
    {"queries"},
    {"values", "request"},
    {"models"},
    {"config", "catalogue", "specs", "roles", "secrets", "paths", "keyset", "digests", "storable", "comparison"}
    | {"asking", "locks"},
    {"validators", "engines", "versions", "findings", "errors", "messages", "job_messages", "scan_messages"}
    | {"routing", "latencies", "charts"},
]
SUBPROCESS_USERS = {
    "console/launcher.py",
    "demo/train.py",
    "importers/scanner.py",
    "serving/environments.py",
    "serving/sandbox_processes.py",
}
# How the queue's entry points are called.
TASK = re.compile(r"(importers|registry|stores|serving)\.((run|sweep)_[a-z_]+|prepare|reconcile|instance_changed)")
PURE_PACKAGE_FORBIDDEN = ("django.db", "django.http", "requests", "urllib", "subprocess", "multiprocessing", "celery")


def sources():
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def imports_of(path, *, top_level_only=False):
    tree = ast.parse(path.read_text())
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = node.module in APPS
            yield from ((f"{node.module}.{alias.name}" if whole else node.module, node.lineno) for alias in node.names)


def step_of(module):
    name = [*module.split("."), ""][1]
    return next((i for i, names in enumerate(STEPS) if any(name == n or name.startswith(n + "_") for n in names)), None)


def test_files_of_an_app_import_only_to_their_right():
    wrong = []
    for path in sources():
        own = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        step = step_of(own)
        for module, line in imports_of(path):
            same_app = module.split(".")[0] == own.split(".")[0]
            target = step_of(module)
            if same_app and step is not None and target is not None and target < step:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {module}")

    assert wrong == []


def test_every_file_of_an_app_has_its_step():
    unplaced = [
        str(path.relative_to(ROOT))
        for path in sources()
        if path.parent.parent == ROOT and path.parent.name != "console" and path.name != "__init__.py"
        if step_of(f"{path.parent.name}.{path.stem}") is None
    ]

    assert unplaced == []


def test_no_function_imports():
    wrong = []
    for path in sources():
        tree = ast.parse(path.read_text())
        for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)):
            inner = [n for n in ast.walk(function) if isinstance(n, ast.Import | ast.ImportFrom)]
            wrong += [f"{path.relative_to(ROOT)}:{node.lineno}" for node in inner]

    assert wrong == []


def test_processes_are_started_only_where_the_design_says():
    users = {
        str(path.relative_to(ROOT))
        for path in [*sources(), *(ROOT / "demo").glob("*.py")]
        if any(module.split(".")[0] == "subprocess" for module, _ in imports_of(path))
    }

    assert users <= SUBPROCESS_USERS


def test_object_storage_is_reached_only_where_the_design_says():
    """Its client comes from one driver, or from Django's storage, whose failures the artifact store must know."""
    users = {
        (str(path.relative_to(ROOT)), module)
        for path in sources()
        for module, _ in imports_of(path)
        if module.split(".")[0] in {"boto3", "botocore", "s3transfer"}
        if not (path.parent == ROOT / "stores" / "drivers" and path.name.startswith("s3"))
    }

    assert users <= {
        ("console/artifact_storage.py", "boto3.s3.transfer"),
        ("console/artifact_storage.py", "botocore.config"),
        ("registry/artifacts_place.py", "botocore.exceptions"),
        ("registry/artifacts_place.py", "botocore.response"),
        ("registry/artifacts_stream.py", "botocore.exceptions"),
        ("registry/artifacts_stream.py", "botocore.response"),
    }


def test_requests_are_sent_only_where_the_design_says():
    """Registries alone are reached beside object storage; what guards their connections is in one place."""
    users = {
        str(path.relative_to(ROOT))
        for path in sources()
        if any(module.split(".")[0] in {"urllib3", "requests", "httpx"} for module, _ in imports_of(path))
        if not (path.parent == ROOT / "stores" / "drivers" and path.name.startswith("s3"))
    }

    assert {user for user in users if user.startswith("stores/")} == {"stores/oci_http.py"}


def test_package_checks_use_no_database_network_or_process():
    wrong = [
        f"{path.name}:{line} imports {module}"
        for path in (ROOT / "importers" / "package").glob("*.py")
        for module, line in imports_of(path)
        if module.startswith(PURE_PACKAGE_FORBIDDEN)
    ]

    assert wrong == []


def test_shared_tasks_are_declared_only_in_tasks_modules():
    users = [
        str(path.relative_to(ROOT))
        for path in sources()
        if "shared_task" in path.read_text() and path.name != "tasks.py"
    ]

    assert users == []


@pytest.mark.parametrize("entry", sorted(settings.CELERY_BEAT_SCHEDULE))
def test_every_scheduled_task_exists(entry):
    current_app.loader.import_default_modules()

    assert settings.CELERY_BEAT_SCHEDULE[entry]["task"] in current_app.tasks


def test_every_task_rung_by_name_exists():
    current_app.loader.import_default_modules()
    rung = {
        node.value
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and TASK.fullmatch(node.value)
    }

    assert {"importers.run_import", "registry.run_export", "serving.run_proof", "serving.prepare"} <= rung
    assert rung <= set(current_app.tasks)

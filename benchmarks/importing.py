"""An installation in a temporary folder in which benchmarks import packages; import it before the product's modules."""

import atexit
import json
import logging
import os
import shutil
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

DATA = Path(tempfile.mkdtemp(prefix="modelport-benchmark-"))
atexit.register(shutil.rmtree, DATA, ignore_errors=True)
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "tests.faults_settings",
    "MODELPORT_DATA": str(DATA),
    "REDIS_URL": f"redis+socket://{DATA}/no-broker",
    "DATABASE_URL": f"sqlite:///{DATA}/benchmark.sqlite3",
    "MODELPORT_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
}

import django  # noqa: E402

django.setup()
logging.disable(logging.WARNING)

from django.core.management import call_command  # noqa: E402

from accounts.models import Workspace  # noqa: E402
from importers.models import ImportJob  # noqa: E402
from importers.services import ImportRequest, submit_import  # noqa: E402
from registry.versions import FIRST, Version  # noqa: E402
from stores.models import Bucket  # noqa: E402

MEBIBYTE = 1024 * 1024
CONFIG = {"model_algorithm": "benchmark", "model_type": "Scikit_Learn"}
WEIGHTS = b"\x80\x04}\x94."  # an empty dict, pickled


def prepare() -> None:
    """Tables, a workspace and a bucket."""
    call_command("migrate", run_syncdb=True, verbosity=0)
    workspace = Workspace.objects.create(name="default")
    Bucket.objects.create(workspace=workspace, name="packages")


def write_package(name: str, *, files: int, size: int, sparse: bool = False) -> Path:
    """A package in the bucket: small weights and `files` files of `size` bytes, random or (sparse) all zero."""
    model = DATA / "buckets" / "packages" / name / "model"
    (model / "data").mkdir(parents=True)
    (model / "config.json").write_text(json.dumps(CONFIG))
    (model / "model.pkl").write_bytes(WEIGHTS)
    for number in range(files):
        path = model / "data" / f"{number:05}.bin"
        path.write_bytes(b"" if sparse else os.urandom(size))
        os.truncate(path, size)
    return model


def submit(name: str, *, bucket: str = "packages", number: Version = FIRST) -> ImportJob:
    request = ImportRequest(name="benchmark", number=number, source={"path": f"/{bucket}/{name}/"})
    return submit_import(request, workspace=Workspace.objects.get(), by=None)

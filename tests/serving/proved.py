"""A package with a real library, locked, built, started in the sandbox and asked as an import does it."""

import base64
import json
import subprocess
from pathlib import Path

from django.conf import settings

from registry.models import DeploymentType, ModelVersion, Status
from serving.locks import pins_of
from serving.models import ProofRecord
from serving.tasks import prepare, run_proof
from tests.inference import environments
from tests.package_builder import build_package, make_config
from tests.registry.exporting import exportable
from tests.serving.models_asked import config_of
from tests.serving.supervising import await_state

# What a console that nobody has set up gives its instances.
DEFAULTS = {
    "MODELPORT_SANDBOX_PROCESSES": "512",
    "MODELPORT_SANDBOX_TEMPORARY_BYTES": str(256 * 1024**2),
    "MODELPORT_INSTANCE_HEALTH_SECONDS": "5",
    "MODELPORT_INSTANCE_UNHEALTHY_SECONDS": "60",
}
PICTURE = """
import sys
from PIL import Image
picture = Image.new("L", (2, 2))
picture.putpixel((1, 1), 255)
picture.save(sys.argv[1])
"""
# As the documentation of the platform writes it.
API = {
    "protocol": "https",
    "url": "/",
    "method": "post",
    "request": {
        "Content-type": "multipart/form-data",
        "data": {"type": "object", "properties": {"images": {"type": "file"}}},
    },
}


def package_of(folder, built, *, engine, code, train, runtime):
    """A package that declares what its environment holds and whose weights `train` writes, given the model's folder."""
    rows = [
        {"package_name": pin.name, "package_version": pin.version.partition("+")[0], "restraint": "EXACT"}
        for pin in pins_of(built.lock)
    ]
    config = make_config(engine, runtime=runtime, apis=[API], dependencies=[{"installer": "pip", "packages": rows}])
    package = build_package(folder, engine, config=config, code=code, files={})
    runs(built, train, package / "model")
    return package


def proved(package, built, *, engine):
    """The proof of a version of that package, once it has ended; its answer is decoded."""
    version = _building(package, built, engine)
    _place(built)
    prepare(version.pk)
    record = ProofRecord.objects.get(version=version)
    await_state(record.instance, "ready", "failed")
    run_proof(record.pk)
    return ProofRecord.objects.select_related("version__environment_record__environment", "instance").get(pk=record.pk)


def answer_of(record):
    return json.loads(base64.b64decode(record.answer["body"]))


def runs(built, code, *arguments):
    python = environments.place(built) / "bin" / "python"
    subprocess.run([python, "-c", code, *arguments], check=True, capture_output=True)


def _building(package, built, engine):
    picture = package.parent / "picture.png"
    runs(built, PICTURE, picture)
    sent = {"parameter": "images", "name": "picture.png", "type": "image/png"}
    sample = {"json": "", "files": [sent | {"data": base64.b64encode(picture.read_bytes()).decode()}]}
    files = {str(path.relative_to(package)): path.read_bytes() for path in package.rglob("*") if path.is_file()}
    values = {"deployment_types": DeploymentType.REAL_TIME, "config": config_of(package), "sample": sample}
    version = exportable(engine, files, engine=engine, status=Status.BUILDING, **values)
    return ModelVersion.objects.get(pk=version.pk)


def _place(built):
    """Where the console looks for it, so that it is built again only where its requirements come to something else."""
    target = Path(settings.DATA) / "environments" / built.digest
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        target.symlink_to(environments.place(built))

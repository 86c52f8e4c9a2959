"""Small wheels, versions that need them, and a data folder for their environments."""

import io
import subprocess
import zipfile

from registry import artifacts
from registry.config import Dependency, ModelConfig, Requirement
from registry.models import ModelVersion, Status, StoredFile
from serving import environments
from serving.environments import python_of
from serving.tasks import prepare
from tests.factories import make_version


def wheel_bytes(name="tool", version="1.0", files=None, requires=()):
    """A pure wheel as bytes; `files` go into it beside its metadata."""
    info = f"{name}-{version}.dist-info"
    contents = {f"{name}.py": f"VERSION = {version!r}\n"} | (files or {})
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    contents[f"{info}/METADATA"] = "\n".join(metadata) + "\n"
    contents[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    contents[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*contents, f"{info}/RECORD"])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in contents.items():
            archive.writestr(path, text)
    return buffer.getvalue()


def requirement(text, wheel=""):
    """`name==1.0`, `name>=1.0` or `name`, as the checks of a package keep it."""
    for word, operator in (("EXACT", "=="), ("ATLEAST", ">="), ("ATMOST", "<=")):
        name, found, version = text.partition(operator)
        if found:
            return Requirement(name, version=version, restraint=word, wheel=wheel)
    return Requirement(text, wheel=wheel)


def config_of(*texts, engine="Scikit_Learn", installer="pip"):
    packages = tuple(text if isinstance(text, Requirement) else requirement(text) for text in texts)
    return ModelConfig(engine=engine, dependencies=(Dependency(installer, packages),) if packages else ())


def building_version(*texts, name="digits", wheels=None, **values):
    """A version in Building that declares these requirements; `wheels` are files of its package."""
    config = config_of(*texts).as_dict()
    version = make_version(name, status=Status.BUILDING, digest="d" * 64, config=config, proof_wanted=False, **values)
    for path, data in (wheels or {}).items():
        stored = artifacts.ingest([data])
        StoredFile.objects.create(version=version, path=path, size=stored.size, sha256=stored.sha256)
    return version


def fresh(version):
    return ModelVersion.objects.get(pk=version.pk)


def codes(version):
    return [event.code for event in version.events.order_by("id")]


def run(version):
    prepare(version.pk)
    return fresh(version)


def answer(environment, code):
    """What Python code prints in an environment; only what the test itself put there runs."""
    command = [python_of(environment), "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def left_over():
    return [path.name for path in environments.unfinished().iterdir()]

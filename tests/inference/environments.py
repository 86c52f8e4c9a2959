"""Environments with real libraries, built once for each lock below `.cache/` and shared by the tests."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import uv
from django.test import override_settings

from serving.environments import digest_of, is_built, lock_of, place_of, put_in_place, python_of, workshop
from serving.models import Environment

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "inference"
REQUIREMENTS = Path(__file__).parent / "requirements.txt"
TORCH = ("torch==2.13.0", "numpy", "pillow")
TENSORFLOW = ("tensorflow-cpu==2.21.0", "numpy", "pillow")


def classic():
    """The Python of an environment with scikit-learn, XGBoost, ONNX and pandas."""
    digest = hashlib.sha256(f"{REQUIREMENTS.read_text()}{sys.version}".encode()).hexdigest()[:12]
    folder = CACHE / f"classic-{digest}"
    python = folder / "bin" / "python"
    with _alone("classic"):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _run(uv.find_uv_bin(), "venv", "--quiet", "--python", sys.executable, folder)
            sync = ["pip", "sync", "--quiet", "--require-hashes", str(REQUIREMENTS)]
            _run(uv.find_uv_bin(), *sync, "--python", python)
            (folder / "complete").touch()
    return python


def pytorch():
    """The Python of an environment with PyTorch, built as the environments of models are."""
    return _python(pytorch_built())


def tensorflow():
    """The Python of an environment with TensorFlow, built as the environments of models are."""
    return _python(tensorflow_built())


def pytorch_built():
    return _built("pytorch", TORCH, torch_wheels())


def tensorflow_built():
    return _built("tensorflow", TENSORFLOW, [])


def torch_wheels():
    """Folders with the wheel of PyTorch that pip finds, which may know a build for the processor alone."""
    if named := os.environ.get("MODELPORT_FIND_LINKS"):
        return named.split(",")
    folder = CACHE / "wheels"
    with _alone("wheels"):
        if not list(folder.glob("torch-*.whl")):
            download = ["-m", "pip", "download", "--quiet", "--no-deps", TORCH[0], "--dest", folder]
            _run(sys.executable, *download)
    return [str(folder)]


def place(environment):
    """The folder of what was built here."""
    with override_settings(DATA=CACHE):
        return place_of(environment)


def _python(environment):
    with override_settings(DATA=CACHE):
        return python_of(environment)


def _built(name, lines, folders):
    """The environment of the lock these lines once came to, which is kept: what is published later changes nothing."""
    key = hashlib.sha256(repr([lines, folders, digest_of("")]).encode()).hexdigest()[:12]
    kept = CACHE / f"{name}-{key}.lock.txt"
    with _alone(name), override_settings(DATA=CACHE, FIND_LINKS=folders):
        _share_downloads()
        with workshop(lambda: None) as shop:
            lock = kept.read_text() if kept.exists() else _locked(shop, lines)
            environment = Environment(digest=digest_of(lock), lock=lock)
            if not is_built(environment):
                put_in_place(shop.install(lock), environment)
        kept.write_text(lock)
    return environment


def _locked(shop, lines):
    found, log = shop.resolve(lines)
    assert found, log
    return lock_of(found, (), {}, {})


def _share_downloads():
    """With everything else on this machine."""
    downloads = CACHE / "environments" / ".cache"
    if not downloads.exists():
        downloads.parent.mkdir(parents=True, exist_ok=True)
        downloads.symlink_to(_run(uv.find_uv_bin(), "cache", "dir").strip())


@contextmanager
def _alone(name):
    """One process at a time; the others find what it built."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout

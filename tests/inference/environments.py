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

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "inference"
REQUIREMENTS = Path(__file__).parent / "requirements.txt"
TORCH = "torch==2.13.0"
TENSORFLOW = "tensorflow-cpu==2.21.0"


def classic():
    """The Python of an environment with scikit-learn, XGBoost, ONNX and pandas."""
    sync = ["pip", "sync", "--quiet", "--require-hashes", str(REQUIREMENTS)]
    return _environment("classic", REQUIREMENTS.read_text(), [sync])


def pytorch():
    """The Python of an environment with PyTorch.

    Its wheel is the one pip finds, which may know a build for the processor alone that the index has not; folders of
    wheels are named by MODELPORT_FIND_LINKS.
    """
    wheels = os.environ.get("MODELPORT_FIND_LINKS") or str(_torch_wheels())
    links = [option for folder in wheels.split() for option in ("--find-links", folder)]
    return _environment("pytorch", TORCH + wheels, [["pip", "install", "--quiet", *links, TORCH, "numpy"]])


def tensorflow():
    """The Python of an environment with TensorFlow."""
    return _environment("tensorflow", TENSORFLOW, [["pip", "install", "--quiet", TENSORFLOW]])


def _torch_wheels():
    folder = CACHE / "wheels"
    with _alone("wheels"):
        if not list(folder.glob("torch-*.whl")):
            _run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", TORCH, "--dest", folder)
    return folder


def _environment(name, lock, commands):
    digest = hashlib.sha256(f"{lock}{sys.version}".encode()).hexdigest()[:12]
    folder = CACHE / f"{name}-{digest}"
    python = folder / "bin" / "python"
    with _alone(name):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _run(uv.find_uv_bin(), "venv", "--quiet", "--python", sys.executable, folder)
            for command in commands:
                _run(uv.find_uv_bin(), *command, "--python", python)
            (folder / "complete").touch()
    return python


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

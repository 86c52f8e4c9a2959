"""Trains the demo models in an environment of their own; the console never imports what they need."""

import shutil
import subprocess
import sys
from pathlib import Path

import uv

HERE = Path(__file__).resolve().parent
MODELS = ("digits", "diabetes")


class TrainingFailed(Exception):
    """A step ended with an error; the text is the last lines it printed."""


def train_models(work: Path) -> dict[str, Path]:
    """Train each demo model below `work`; returns name → package folder (the one that holds `model/`).

    Builds the environment once (hashes of demo/requirements.txt). Raises TrainingFailed when a step does not end well.
    """
    python = _environment(work / "environment")
    return {name: _train(name, python, work / "packages" / name) for name in MODELS}


def _environment(folder: Path) -> Path:
    tool = uv.find_uv_bin()
    python = folder / "bin" / "python"
    _run(tool, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(folder))
    requirements = str(HERE / "requirements.txt")
    _run(tool, "pip", "sync", "--quiet", "--require-hashes", "--python", str(python), requirements)
    return python


def _train(name: str, python: Path, package: Path) -> Path:
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(HERE / name / "model", package / "model")
    _run(str(python), "-I", str(HERE / name / "train.py"), str(package / "model"))
    return package


def _run(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if done.returncode:
        raise TrainingFailed("\n".join((done.stderr or done.stdout).strip().splitlines()[-5:]))

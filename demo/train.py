"""Trains the demo models in an environment of their own; the console never imports what they need."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import uv

HERE = Path(__file__).resolve().parent
MODELS = ("digits", "diabetes", "digit-pictures")


class TrainingFailed(Exception):
    """A step ended with an error; the text is the last lines it printed."""


@dataclass(frozen=True)
class Trained:
    """One run of a built-in algorithm: where its output lies, and what it said; no folder when it failed."""

    started_at: datetime
    finished_at: datetime
    folder: Path | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, object] = field(default_factory=dict)


def train_models(work: Path) -> dict[str, Path]:
    """Train each demo model below `work`; returns name → package folder (the one that holds `model/`).

    Builds the environment once (hashes of demo/requirements.txt). Raises TrainingFailed when a step does not end well.
    """
    python = _environment(work / "environment")
    return {name: _train(name, python, work / "packages" / name) for name in MODELS}


def write_tables(work: Path) -> Path:
    """The folder with the tables the built-in algorithms learn from. Raises as `train_models`."""
    folder = work / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    _run(str(_environment(work / "environment")), "-I", str(HERE / "tables" / "write.py"), str(folder))
    return folder


def train_table(work: Path, script: Path, *, data: Path, target: str, output: str) -> Trained:
    """Run the script of a built-in algorithm; one that ends with an error is a run that failed."""
    python, folder = work / "environment" / "bin" / "python", work / "training" / output
    shutil.rmtree(folder, ignore_errors=True)
    begun = datetime.now(UTC)
    try:
        options = ("--data", str(data), "--target", target, "--output", str(folder))
        said = json.loads(_run(str(python), "-I", str(script), *options, OMP_NUM_THREADS="1").splitlines()[-1])
    except TrainingFailed:
        return Trained(begun, datetime.now(UTC))
    return Trained(begun, datetime.now(UTC), folder, said["metrics"], said["parameters"])


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


def _run(*command: str, **variables: str) -> str:
    environment = os.environ | variables
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", env=environment
    )
    if done.returncode:
        raise TrainingFailed("\n".join((done.stderr or done.stdout).strip().splitlines()[-5:]))
    return done.stdout

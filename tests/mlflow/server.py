"""A real MLflow server in an environment of its own; its runs lie in a shared folder and on object storage."""

import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3
import uv

from tests.seaweedfs import _die_with_parent

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache" / "mlflow"
REQUIREMENTS = HERE / "requirements.txt"
READY_SECONDS = 600
USERNAME, PASSWORD = "reader", "correct-horse-1"
SETTINGS = """[mlflow]
default_permission = READ
database_uri = sqlite:///{folder}/people.db
admin_username = {username}
admin_password = {password}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""


@dataclass(frozen=True)
class Tracking:
    """Where it listens, the folder that holds its buckets, and the bucket at object storage for the rest."""

    address: str
    buckets: Path
    cloud: str
    python: Path


@contextmanager
def tracking(s3):
    """A server on loopback with the runs of `train.py`; its data goes with it."""
    python = environment()
    folder = Path(tempfile.mkdtemp(prefix="modelport-mlflow-"))
    (folder / "buckets" / "mlflow").mkdir(parents=True)
    process, address = _start(python, folder)
    try:
        running = Tracking(address, folder / "buckets", s3.make_bucket(), python)
        _await_ready(address, process, folder / "mlflow.log")
        _train(running, s3)
        yield running
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # the server's own workers, too, outlive it otherwise
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def environment():
    """The Python of the environment, built once for its lock below `.cache/`; other processes wait for it."""
    digest = hashlib.sha256(f"{REQUIREMENTS.read_text()}{sys.version}".encode()).hexdigest()[:12]
    folder = CACHE / digest
    python = folder / "bin" / "python"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _run(uv.find_uv_bin(), "venv", "--quiet", "--python", sys.executable, folder)
            _run(uv.find_uv_bin(), "pip", "sync", "--quiet", "--require-hashes", REQUIREMENTS, "--python", python)
            (folder / "complete").touch()
    return python


def _start(python, folder):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "people.ini"
    config.write_text(SETTINGS.format(folder=folder, username=USERNAME, password=PASSWORD))
    command = f"server --app-name basic-auth --backend-store-uri sqlite:///{folder}/runs.db --workers 1 --port {port}"
    options = f"--default-artifact-root {folder}/buckets/mlflow --no-serve-artifacts"
    own = {"MLFLOW_AUTH_CONFIG_PATH": str(config), "MLFLOW_FLASK_SERVER_SECRET_KEY": "only-here"}
    with (folder / "mlflow.log").open("ab") as log:
        process = subprocess.Popen(
            [python, "-m", "mlflow", *command.split(), *options.split()],
            env=_clean() | own,
            cwd=folder,
            stdout=log,
            stderr=log,
            preexec_fn=_die_with_parent,
            start_new_session=True,
        )
    return process, f"http://127.0.0.1:{port}"


def _await_ready(address, process, log):
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            if urllib3.request("GET", f"{address}/health", retries=False, timeout=2).status == 200:
                return
        except urllib3.exceptions.HTTPError:
            pass
        assert process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.2)


def _train(running, s3):
    keys = {"AWS_ACCESS_KEY_ID": s3.access_key, "AWS_SECRET_ACCESS_KEY": s3.secret_key}
    place = {"MLFLOW_S3_ENDPOINT_URL": s3.endpoint, "AWS_DEFAULT_REGION": s3.region}
    person = {"MLFLOW_TRACKING_USERNAME": USERNAME, "MLFLOW_TRACKING_PASSWORD": PASSWORD}
    script = (HERE / "train.py", running.address, running.buckets / "mlflow", f"s3://{running.cloud}/runs")
    _run(running.python, *script, env=_clean() | keys | place | person)


def _clean():
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "DJANGO_", "AWS_"))}
    return kept | {"MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet", "OMP_NUM_THREADS": "1"}


def _run(*command, env=None):
    done = subprocess.run([str(part) for part in command], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout

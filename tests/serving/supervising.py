"""A real supervisor on the database of the tests, and instances for it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils.timezone import now

from registry.models import DeploymentType
from serving.models import Environment, EnvironmentState, Instance, Purpose, VersionEnvironment, Wanted
from tests.inference import environments
from tests.registry.exporting import exportable

ROOT = Path(__file__).resolve().parents[2]
WAIT_SECONDS = 90
QUICK = {
    "MODELPORT_INSTANCE_HEALTH_SECONDS": "1",
    "MODELPORT_INSTANCE_UNHEALTHY_SECONDS": "2",
    "MODELPORT_INSTANCE_RETRY_SECONDS": "0.5",
    "MODELPORT_INSTANCE_GRACE_SECONDS": "2",
    "MODELPORT_INSTANCE_CRASHES": "2",
    "MODELPORT_INSTANCE_LOG_BYTES": str(256 * 1024),
    "MODELPORT_SANDBOX_TEMPORARY_BYTES": str(8 * 1024**2),
    "MODELPORT_SANDBOX_PROCESSES": "64",
    "MODELPORT_LOG_LEVEL": "INFO",
    "REDIS_URL": "memory://",
}


class SupervisorProcess:
    """A running `manage.py supervise`; what it logs grows in `log`."""

    def __init__(self, data=None, host="here", command=("manage.py", "supervise"), **environment):
        self.data = Path(data or settings.DATA)
        self.data.mkdir(parents=True, exist_ok=True)
        self.log = self.data / "supervisor.log"
        own = {"DJANGO_SETTINGS_MODULE": "console.settings"}
        own |= {"MODELPORT_DATA": str(self.data), "MODELPORT_HOST_NAME": host, "DATABASE_URL": database_url()}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=os.environ | QUICK | own | environment,
                stdout=output,
                stderr=output,
            )

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=30):
        self.process.terminate()
        return self.process.wait(seconds)


def database_url():
    values = connection.settings_dict
    assert connection.vendor == "sqlite", "these tests share the file of SQLite"
    return f"sqlite:///{values['NAME']}"


@contextmanager
def supervising(data=None, **options):
    running = SupervisorProcess(data, **options)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGCONT)
            running.stop()


def make_environment(python, digest="5" * 64, data=None):
    """The environment of that interpreter, where versions look for theirs."""
    folder = Path(data or settings.DATA) / "environments"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / digest).exists():
        (folder / digest).symlink_to(Path(python).parent.parent)
    values = {"lock": "", "interpreter": "CPython", "state": EnvironmentState.READY, "used_at": now()}
    return Environment.objects.get_or_create(digest=digest, defaults=values)[0]


def make_instance(package, environment, name="model", engine="PyTorch", host="here", **values):
    """One instance of a package folder, wanted to run."""
    files = {str(path.relative_to(package)): path.read_bytes() for path in package.rglob("*") if path.is_file()}
    version = exportable(name, files, engine=engine, deployment_types=DeploymentType.REAL_TIME)
    VersionEnvironment.objects.create(version=version, environment=environment)
    fields = {"purpose": Purpose.SERVICE, "cpu_limit": 1, "memory_limit": 256, "load_seconds": 60} | values
    return Instance.objects.create(version=version, host=host, **fields)


def want(instance, wanted):
    Instance.objects.filter(pk=instance.pk).update(wanted=wanted)


def stop(instance):
    want(instance, Wanted.STOPPED)
    return await_state(instance, "stopped", "failed")


def await_state(instance, *states, seconds=WAIT_SECONDS):
    """The row, once it is in one of the states."""
    return await_row(instance, lambda row: row.state in states, seconds)


def await_row(instance, condition, seconds=WAIT_SECONDS):
    until = time.monotonic() + seconds
    while not condition(row := Instance.objects.get(pk=instance.pk)):
        assert time.monotonic() < until, (row.state, row.reason_code, row.reason_params, log_of(row))
        time.sleep(0.1)
    return row


def log_of(row, data=None):
    folder = Path(data or settings.DATA) / "instances" / str(row.uuid)
    return "".join(path.read_text(errors="replace")[-3000:] for path in sorted(folder.glob("log*")))


class _Connection(http.client.HTTPConnection):
    def __init__(self, path, seconds):
        super().__init__("model", timeout=seconds)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(row, value, seconds=30):
    """The status and value of one prediction, asked as the gateway does."""
    plug = _Connection(row.socket, seconds)
    try:
        plug.request("POST", "/", json.dumps(value).encode(), {"Content-Type": "application/json"})
        response = plug.getresponse()
        return response.status, json.loads(response.read())
    finally:
        plug.close()


def processes_with(text):
    """The processes of this host whose command line has this text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            state = (path.parent / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if text in command and state != "Z":
            found.append(int(path.parent.name))
    return found


def plain_environment():
    """An environment without any library."""
    folder = environments.CACHE / "plain"
    if not (folder / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return make_environment(folder / "bin" / "python")


def cpu_seconds(pid):
    """What a process has worked so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

"""The model list with 10 and with 10,000 models of five versions: queries, p50 and p95 on a kept connection.

    python benchmarks/model_list.py                                                (SQLite in a temporary folder)
    python -m tests.postgres python benchmarks/model_list.py                       (PostgreSQL)

A workspace of 25 models stands between them, because a full page shows that many rows and 10 models fill no page.
"""

import http.client
import os
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = tempfile.mkdtemp(prefix="modelport-benchmark-")
os.environ |= {
    "MODELPORT_DATA": DATA,
    "MODELPORT_SECRET_KEY": secrets.token_urlsafe(50),
    "DJANGO_SETTINGS_MODULE": "console.settings",
}
sys.path.insert(0, str(ROOT))

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.utils.timezone import now  # noqa: E402

from accounts.models import Membership, User, Workspace  # noqa: E402
from registry.models import Label, ModelVersion, RegisteredModel, SourceKind, Status  # noqa: E402

SIZES = (10, 25, 10_000)
VERSIONS = 5
ROUNDS = 100
MOST_QUERIES = 8
STALL = 0.040  # what Nagle's algorithm and a delayed acknowledgement cost together
ENGINES = ("Scikit_Learn", "XGBoost", "PyTorch", "ONNX", "TensorFlow")
ADDRESSES = {
    "list": "/models/",
    "sorted by name": "/models/?sort=name",
    "filtered": "/models/?status=published",
    "searched": "/models/?q=model-0000",
    "labelled": "/models/?label=demo",
}


def fill(size: int) -> User:
    """A workspace of `size` models, as imports leave them, and somebody who may see it."""
    workspace = Workspace.objects.create(name=f"bench-{size}")
    user = User.objects.create_user(f"bench-{size}")
    Membership.objects.create(workspace=workspace, user=user, role="developer")
    names = [f"model-{i:05}" for i in range(size)]
    models = RegisteredModel.objects.bulk_create([RegisteredModel(workspace=workspace, name=n) for n in names], 1000)
    versions = ModelVersion.objects.bulk_create(
        [version_of(model, i, patch) for i, model in enumerate(models) for patch in range(VERSIONS)], 500
    )
    Label.objects.bulk_create([Label(version=version, name="demo") for version in versions], 1000)
    start = now()
    for i, model in enumerate(models):
        follow(model, versions[i * VERSIONS + VERSIONS - 1])
        model.created_at = start + timedelta(seconds=i)
    changed = [field.name for field in RegisteredModel._meta.fields if field.name.startswith("latest")]
    RegisteredModel.objects.bulk_update(models, [*changed, "created_at", "version_count"], 200)
    return user


def version_of(model: RegisteredModel, i: int, patch: int) -> ModelVersion:
    return ModelVersion(
        model=model,
        major=0,
        minor=0,
        patch=patch,
        status=Status.NORMAL,
        source_kind=SourceKind.OBS,
        engine=ENGINES[i % len(ENGINES)],
        deployment_types="real-time,batch,edge",
        config_used="x" * 3000,
        size=i * 1000,
    )


def follow(model: RegisteredModel, latest: ModelVersion) -> None:
    model.latest, model.version_count = latest, VERSIONS
    model.latest_status, model.latest_engine, model.latest_source = latest.status, latest.engine, latest.model_source
    model.latest_types = latest.deployment_types
    model.latest_real_time = model.latest_batch = model.latest_edge = True


def session_of(user: User) -> str:
    client = Client()
    client.force_login(user, settings.AUTHENTICATION_BACKENDS[-1])
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def queries(session: str, address: str) -> int:
    client = Client(HTTP_HOST="localhost")
    client.cookies[settings.SESSION_COOKIE_NAME] = session
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(address)
    if answer.status_code != 200:
        sys.exit(f"{address} answered {answer.status_code}")
    return len(captured)


@contextmanager
def server():
    """The console as `up` starts it, with one process; yields its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"--bind 127.0.0.1:{port} --worker-class gthread --workers 1 --threads 8 --log-level warning"
    command = [sys.executable, "-m", "gunicorn", "console.wsgi", *options.split(), "--keep-alive", "75"]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def wait_for(port: int) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    sys.exit("the server did not start")


class Reader:
    """One signed-in person on one kept connection."""

    def __init__(self, port: int, session: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}", "Host": "localhost"}
        self.local = self.connection.sock.getsockname()

    def seconds(self, address: str) -> float:
        start = time.perf_counter()
        self.connection.request("GET", address, headers=self.headers)
        answer = self.connection.getresponse()
        answer.read()
        taken = time.perf_counter() - start
        if answer.status != 200 or self.connection.sock.getsockname() != self.local:
            sys.exit(f"{address} answered {answer.status}, or the connection was not kept")
        return taken


def measure(readers: dict[int, Reader], address: str) -> dict[int, list[float]]:
    """The sizes take turns, so that whatever else the machine does touches them alike."""
    for reader in readers.values():
        for _ in range(10):
            reader.seconds(address)
    taken: dict[int, list[float]] = {size: [] for size in readers}
    for _ in range(ROUNDS):
        for size, reader in readers.items():
            taken[size].append(reader.seconds(address))
    return taken


def report(label: str, taken: dict[int, list[float]], counts: dict[int, int]) -> bool:
    """Print one line for each size; says whether all of it is within reach."""
    middle = {size: statistics.median(values) for size, values in taken.items()}
    for size, values in taken.items():
        high = statistics.quantiles(values, n=20)[-1]
        line = f"{size:>6} models  {counts[size]} queries  p50 {middle[size] * 1000:6.1f} ms  p95 {high * 1000:6.1f} ms"
        print(f"{label:<16}{line}")
    small, page, large = middle.values()
    print(f"{label:<16}10,000 : 10 = {large / small:.2f}   10,000 : a full page = {large / page:.2f}")
    same = len(set(counts.values())) == 1 and max(counts.values()) <= MOST_QUERIES
    if not same:
        print(f"{label:<16}queries differ or exceed {MOST_QUERIES}")
    return same


def answers_at_once(reader: Reader) -> bool:
    """Whether a page that costs nothing (head and body are two writes) comes without the stall."""
    taken = [reader.seconds("/healthz") for _ in range(ROUNDS)]
    print(f"healthz         p50 {statistics.median(taken) * 1000:.1f} ms, least {min(taken) * 1000:.1f} ms")
    return min(taken) < STALL


def main() -> int:
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    sessions = {size: session_of(fill(size)) for size in SIZES}
    good = True
    with server() as port:
        readers = {size: Reader(port, session) for size, session in sessions.items()}
        good &= answers_at_once(readers[SIZES[0]])
        for label, address in ADDRESSES.items():
            counts = {size: queries(session, address) for size, session in sessions.items()}
            good &= report(label, measure(readers, address), counts)
    print(
        f"database: {connection.vendor}; {ROUNDS} requests each on one kept connection; no stall and at most", end=" "
    )
    print(f"{MOST_QUERIES} queries, the same for every size: {'yes' if good else 'NO'}")
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        shutil.rmtree(DATA, ignore_errors=True)

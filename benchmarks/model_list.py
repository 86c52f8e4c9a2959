"""The pages of models at 100, 10,000 and 100,000 models of five versions: queries, p50 and p95 on a kept connection.

    python -m benchmarks.model_list                                        (a PostgreSQL of its own)
    DATABASE_URL=sqlite:////tmp/m.sqlite3 python -m benchmarks.model_list  (that database, which is empty)

The workspaces lie in one database and take turns; 100 models were also measured before the others were there.
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
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests import postgres

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__" and "DATABASE_URL" not in os.environ:
    with postgres.server() as url:
        command = [sys.executable, "-m", "benchmarks.model_list"]
        sys.exit(subprocess.run(command, env=os.environ | {"DATABASE_URL": url}, check=False).returncode)

DATA = tempfile.mkdtemp(prefix="modelport-benchmark-")
os.environ |= {
    "MODELPORT_DATA": DATA,
    "MODELPORT_SECRET_KEY": secrets.token_urlsafe(50),
    "DJANGO_SETTINGS_MODULE": "console.settings",
}
import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import F, Model, OuterRef, Subquery  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.utils.timezone import now  # noqa: E402

from accounts.models import Membership, User, Workspace  # noqa: E402
from registry.models import (  # noqa: E402
    Label,
    ModelSource,
    ModelVersion,
    RegisteredModel,
    SourceKind,
    Status,
    StoredFile,
    VersionEvent,
)

SIZES = (100, 10_000, 100_000)
VERSIONS = 5
ROUNDS = 100
MOST_QUERIES = 9
REACH = 1.5
STALL = 0.040  # what Nagle's algorithm and a delayed acknowledgement cost together
ENGINES = ("Scikit_Learn", "XGBoost", "PyTorch", "ONNX", "TensorFlow")
TYPES = "real-time,batch,edge"
ADDRESSES = {
    "list": "/models/",
    "sorted by name": "/models/?sort=name",
    "filtered": "/models/?status=published",
    "of an engine": "/models/?engine=ONNX",
    "searched": "/models/?q=model-0000",
    "searched, most": "/models/?q=odel",
    "searched, none": "/models/?q=nothing",
    "labelled": "/models/?label=demo",
    "drill-down": "/models/{model}/versions/",
    "version": "/versions/{version}/",
    "version's files": "/versions/{version}/?tab=files",
}


@dataclass(frozen=True)
class Person:
    """Somebody who sees one workspace, and the addresses of a model in the middle of it."""

    session: str
    model: str
    version: str

    def address(self, pattern: str) -> str:
        return pattern.format(model=self.model, version=self.version)


def fill(size: int) -> Person:
    """A workspace of `size` models, as imports leave them, and somebody who may see it."""
    workspace = Workspace.objects.create(name=f"bench-{size}")
    user = User.objects.create_user(f"bench-{size}")
    Membership.objects.create(workspace=workspace, user=user, role="developer")
    models = RegisteredModel.objects.filter(workspace=workspace)
    multiply(first_of(workspace), size)
    latest = ModelVersion.objects.filter(model=OuterRef("pk"), patch=VERSIONS - 1)
    models.update(latest=Subquery(latest.values("pk")), created_at=now() + F("id") * timedelta(milliseconds=1))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    middle = models.get(name=f"model-{size // 2:05}")
    return Person(session_of(user), str(middle.uuid), str(middle.latest.uuid))


def first_of(workspace: Workspace) -> RegisteredModel:
    """The model of which the others are copies."""
    model = RegisteredModel.objects.create(
        workspace=workspace,
        name="model-00000",
        version_count=VERSIONS,
        latest_status=Status.NORMAL,
        latest_engine=ENGINES[0],
        latest_source=ModelSource.CUSTOM,
        latest_source_kind=SourceKind.OBS,
        latest_types=TYPES,
        latest_real_time=True,
        latest_batch=True,
        latest_edge=True,
    )
    for patch in range(VERSIONS):
        version = ModelVersion.objects.create(
            model=model,
            major=0,
            minor=0,
            patch=patch,
            status=Status.NORMAL,
            source_kind=SourceKind.OBS,
            engine=ENGINES[0],
            deployment_types=TYPES,
            config_used="x" * 3000,
        )
        Label.objects.create(version=version, name="demo")
        StoredFile.objects.create(version=version, path="model/model.pkl", size=1000, sha256="0" * 64)
        VersionEvent.objects.create(version=version, code="import.done")
    return model


def multiply(first: RegisteredModel, size: int) -> None:
    """Copy the model in the database itself, with all that belongs to it, until there are `size`."""
    uuid = "gen_random_uuid()" if connection.vendor == "postgresql" else "lower(hex(randomblob(16)))"
    engine = " ".join(f"WHEN {i} THEN '{name}'" for i, name in enumerate(ENGINES))
    numbers = (
        f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {size - 1}) SELECT n FROM s) s"
    )
    changes = {
        "uuid": uuid,
        "name": f"'model-' || substr(CAST({10**5} + n AS text), 2)",
        "latest_engine": f"CASE n % 5 {engine} END",
    }
    copy_rows(RegisteredModel, changes, f"{numbers} WHERE old.id = {first.pk}")
    models = f"registry_registeredmodel m WHERE m.workspace_id = {first.workspace_id} AND m.id <> {first.pk}"
    changes = {"uuid": uuid, "model_id": "m.id", "engine": "m.latest_engine", "size": "m.id * 1000"}
    copy_rows(ModelVersion, changes, f"{models} AND old.model_id = {first.pk}")
    versions = f"registry_modelversion v JOIN {models.replace('WHERE', 'ON v.model_id = m.id WHERE')}"
    latest = first.versions.earliest("patch").pk
    for kind in (Label, StoredFile, VersionEvent):
        copy_rows(kind, {"version_id": "v.id"}, f"{versions} AND old.version_id = {latest}")


def copy_rows(kind: type[Model], changes: dict[str, str], source: str) -> None:
    """Insert a copy of each row `old` of a table for each row of the source, with other values in some columns."""
    columns = [field.column for field in kind._meta.concrete_fields if not field.primary_key]
    values = [changes.get(column, f"old.{column}") for column in columns]
    table = kind._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table} old, {source}"
        )


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


def measure(readers: dict[int, Reader], addresses: dict[int, str]) -> dict[int, list[float]]:
    """The sizes take turns, so that whatever else the machine does touches them alike."""
    for size, reader in readers.items():
        for _ in range(10):
            reader.seconds(addresses[size])
    taken: dict[int, list[float]] = {size: [] for size in readers}
    for _ in range(ROUNDS):
        for size, reader in readers.items():
            taken[size].append(reader.seconds(addresses[size]))
    return taken


def report(label: str, taken: dict[int, list[float]], counts: dict[int, int], alone: float) -> bool:
    """Print one line for each size; says whether all of it is within reach."""
    middle = {size: statistics.median(values) for size, values in taken.items()}
    for size, values in taken.items():
        high = statistics.quantiles(values, n=20)[-1]
        line = f"{size:>7} models  {counts[size]} queries  p50 {middle[size] * 1000:6.1f} ms  p95 {high * 1000:6.1f} ms"
        print(f"{label:<16}{line}")
    ratio = middle[SIZES[-1]] / middle[SIZES[0]]
    quick, few = ratio <= REACH, len(set(counts.values())) == 1 and max(counts.values()) <= MOST_QUERIES
    print(f"{label:<16}100,000 : 100 = {ratio:.2f}{'' if quick else '  TOO SLOW'}", end="   ")
    print(f"(100 alone in the database: p50 {alone * 1000:.1f} ms){'' if few else '  QUERIES DIFFER OR ARE MANY'}")
    return quick and few


def answers_at_once(reader: Reader) -> bool:
    """Whether a page that costs nothing (head and body are two writes) comes without the stall."""
    taken = [reader.seconds("/healthz") for _ in range(ROUNDS)]
    print(f"healthz         p50 {statistics.median(taken) * 1000:.1f} ms, least {min(taken) * 1000:.1f} ms")
    return min(taken) < STALL


def main() -> int:
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    people = {SIZES[0]: fill(SIZES[0])}
    good = True
    with server() as port:
        first = Reader(port, people[SIZES[0]].session)
        good &= answers_at_once(first)
        alone = {
            label: statistics.median(measure({0: first}, {0: people[SIZES[0]].address(pattern)})[0])
            for label, pattern in ADDRESSES.items()
        }
        start = time.perf_counter()
        people |= {size: fill(size) for size in SIZES[1:]}
        print(f"filled in {time.perf_counter() - start:.0f} s", flush=True)
        readers = {size: Reader(port, person.session) for size, person in people.items()}
        for label, pattern in ADDRESSES.items():
            addresses = {size: person.address(pattern) for size, person in people.items()}
            counts = {size: queries(person.session, addresses[size]) for size, person in people.items()}
            good &= report(label, measure(readers, addresses), counts, alone[label])
    print(f"database: {connection.vendor}; {ROUNDS} requests each on one kept connection; no stall, at most", end=" ")
    print(f"{MOST_QUERIES} queries, the same for every size, p50 at most {REACH} times: {'yes' if good else 'NO'}")
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        shutil.rmtree(DATA, ignore_errors=True)

"""Many imports while workers, the broker and the database are killed and started again at random, and how they ended.

Bytes come from and go to object storage where a server is given, and folders where not.
"""

import hashlib
import json
import os
import pickle
import random
import signal
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar

from tests.faults import Installation, await_that
from tests.importers.jobs import CONFIG, GOOD
from tests.postgres import postgresql

KIBIBYTE = 1024
# Nobody here should give up: a job is killed as often as it happens.
PATIENT = {
    "MODELPORT_IMPORT_ATTEMPTS": "200",
    "MODELPORT_IMPORT_LEASE_SECONDS": "5",
    "MODELPORT_IMPORT_HEARTBEAT_SECONDS": "0.2",
    "MODELPORT_IMPORT_RETRY_SECONDS": "0.5",
    "MODELPORT_IMPORT_SWEEP_SECONDS": "0.5",
    "MODELPORT_ARTIFACT_SWEEP_SECONDS": "2",
}
SIZES = (1, 10, 100, 1000, 4000, 20_000)  # KiB beside the weights
SHARED = b"the same in many packages" * 10_000


class Attack:
    def __reduce__(self):
        return os.system, ("true",)


# What is wrong with a package, by the code that says so.
BAD = {
    "scan.blocked_import": {"model/model.pkl": pickle.dumps(Attack())},
    "config.image_forbidden": {"model/config.json": json.dumps(CONFIG | {"swr_location": "x"}).encode()},
    "config.syntax_ended": {"model/config.json": b"{"},
}


@dataclass(frozen=True)
class Package:
    """What was put into the bucket: SHA-256 by path; `bad` is the code of why it cannot be imported, empty for most."""

    name: str
    bad: str
    files: dict[str, str]


@dataclass
class Outcome:
    """How it ended; `wrong` has one line for everything that is not as it should be."""

    imports: int = 0
    seconds: float = 0.0
    kills: Counter = field(default_factory=Counter)
    attempts: Counter = field(default_factory=Counter)
    wrong: list = field(default_factory=list)

    def __str__(self):
        kills = ", ".join(f"{count} × {name}" for name, count in sorted(self.kills.items()))
        attempts = ", ".join(f"{count} in {tries}" for tries, count in sorted(self.attempts.items()))
        return (
            f"{self.imports} imports over {self.seconds:.0f} s; killed: {kills}\n"
            f"imports by attempts: {attempts}\n"
            + ("\n".join(["WRONG", *self.wrong]) if self.wrong else "all ended right")
        )


def make_packages(count, put, seed):
    """Packages of mixed sizes, some of them bad, each given to `put(name, files)`."""
    dice = random.Random(seed)
    packages = []
    for number in range(count):
        name, bad = f"chaos-{number:03}", dice.choice([*BAD]) if number % 8 == 7 else ""
        noise = dice.randbytes(dice.choice(SIZES) * KIBIBYTE)
        files = GOOD | {"model/data/noise.bin": noise, "model/data/shared.bin": SHARED} | BAD.get(bad, {})
        put(name, files)
        digests = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
        packages.append(Package(name, bad, digests))
    return packages


class Chaos:
    """An installation with a PostgreSQL of its own, and somebody who pulls its plugs."""

    def __init__(self, installation, database, seed):
        self.installation, self.database = installation, database
        self.dice = random.Random(seed)
        self.kills = Counter()
        self.frozen = []

    def rage(self, seconds):
        """Kill and restart for so long; at the end everything runs."""
        ways = {self.kill_worker: 5, self.freeze_worker: 1, self.kill_beat: 1, self.kill_broker: 2}
        ways |= {self.kill_database: 2, self.kill_connection: 1}
        bag, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            bag = bag or self.dice.sample([*ways], sum(ways.values()), counts=[*ways.values()])
            way = bag.pop()
            way()
            self.kills[way.__name__.replace("_", " ")] += 1
            time.sleep(self.dice.uniform(0.2, 2.5))
        for pid in self.frozen:
            thaw(pid)

    def pause(self):
        time.sleep(self.dice.uniform(0.0, 3.0))

    def kill_worker(self):
        workers = self.installation.living("worker")
        for pid in self.dice.sample(workers, self.dice.randint(1, len(workers))):
            os.killpg(pid, signal.SIGKILL)

    def freeze_worker(self):
        """It stands still until others have taken its job, and then goes on."""
        for pid in self.frozen:
            thaw(pid)
        self.frozen = [self.dice.choice(self.installation.living("worker"))]
        os.killpg(self.frozen[0], signal.SIGSTOP)

    def kill_beat(self):
        os.killpg(self.installation.living("beat")[0], signal.SIGKILL)

    def kill_broker(self):
        self.installation.kill_broker(lose_data=self.dice.random() < 0.5)
        self.pause()
        self.installation.start_broker()

    def kill_database(self):
        self.database.kill()
        self.pause()
        self.database.start()

    def kill_connection(self):
        self.database.kill_backend()


def thaw(pid):
    try:
        os.killpg(pid, signal.SIGCONT)
    except ProcessLookupError:
        return


@contextmanager
def installed(workers, environment):
    """An installation with running workers, and its database."""
    with postgresql() as database, Installation(database.url, **PATIENT, **environment) as installation:
        for _ in range(workers):
            installation.start("worker")
        installation.start("beat")
        yield installation, database


class Folders:
    """A bucket and an artifact store on the disk of the installation."""

    environment: ClassVar = {}

    def prepare(self, installation):
        self.data = installation.data
        installation("make_place", "packages", {})

    def put(self, name, files):
        for path, content in files.items():
            target = self.data / "buckets" / "packages" / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    def kept(self):
        """The names of all files in the artifact store."""
        return {path.name for path in (self.data / "artifacts").rglob("*") if path.is_file()}


class Objects:
    """The same on an S3 server."""

    def __init__(self, s3):
        self.s3, self.client = s3, s3.client()
        self.bucket, self.artifacts = s3.make_bucket(), s3.make_bucket()
        self.environment = {
            "MODELPORT_ARTIFACTS_BUCKET": self.artifacts,
            "MODELPORT_ARTIFACTS_ENDPOINT": s3.endpoint,
            "MODELPORT_ARTIFACTS_ACCESS_KEY": s3.access_key,
            "MODELPORT_ARTIFACTS_SECRET_KEY": s3.secret_key,
        }

    def prepare(self, installation):
        keys = {"access_key": self.s3.access_key, "secret_key": self.s3.secret_key, "session_token": ""}
        place = {"driver": "s3", "endpoint": self.s3.endpoint, "remote_name": self.bucket}
        installation("make_place", "packages", keys, **place)

    def put(self, name, files):
        for path, content in files.items():
            self.client.put_object(Bucket=self.bucket, Key=f"{name}/{path}", Body=content)

    def kept(self):
        """The names of all objects in the artifact store, and of uploads that nobody finished."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.artifacts)
        names = {found["Key"].rpartition("/")[2] for page in pages for found in page.get("Contents", [])}
        uploads = self.client.list_multipart_uploads(Bucket=self.artifacts).get("Uploads", [])
        return names | {upload["Key"] for upload in uploads}


def run(*, imports, workers, seconds, seed, s3=None):
    """Queue the imports, rage, wait until all have ended; the Outcome. `s3` is a server, or nothing for folders."""
    storage = Objects(s3) if s3 else Folders()
    with installed(workers, storage.environment) as (installation, database):
        storage.prepare(installation)
        packages = make_packages(imports, storage.put, seed)
        started = time.monotonic()
        pks = installation("submit_many", [package.name for package in packages], "packages")
        chaos = Chaos(installation, database, seed)
        chaos.rage(seconds)
        outcome = Outcome(imports, kills=chaos.kills)
        if stuck := await_all(installation):
            outcome.wrong.append(f"{stuck} imports are stuck")
        outcome.seconds = time.monotonic() - started
        for package in packages:
            judge(installation, package, pks[package.name], outcome)
        judge_store(installation, storage, outcome)
        return outcome


def await_all(installation, patience=60):
    """Wait for the end of all imports as long as one ends now and then; how many are left."""
    left, changed = installation("unfinished"), time.monotonic()
    while left and time.monotonic() < changed + patience:
        time.sleep(0.2)
        if (now_left := installation("unfinished")) != left:
            left, changed = now_left, time.monotonic()
    return left


def judge(installation, package, pk, outcome):
    end = installation("look", pk)
    outcome.attempts[end["attempts"]] += 1
    once = (end["timeline"].count("succeeded"), end["events"].count("import.done"))
    if package.bad:
        right = (end["state"], end["version"], end["reason"]) == ("failed", "failed", "import.refused")
        right = right and package.bad in end["findings"] and once[0] == 0
    else:
        right = (end["state"], end["version"], once) == ("succeeded", "published", (1, 1))
        right = right and installation("contents", pk) == package.files
    if not right:
        outcome.wrong.append(f"{package.name} {package.bad or 'good'}: {end}")


def judge_store(installation, storage, outcome):
    """Sweeps leave what is younger than a second or two to the next one."""

    def orphans():
        referred = set(installation("referred"))
        return storage.kept() - referred

    try:
        await_that(lambda: not orphans(), 20)
    except AssertionError:
        outcome.wrong.append(f"orphans: {sorted(orphans())[:10]} ({len(orphans())})")

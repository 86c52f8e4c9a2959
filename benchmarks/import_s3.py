"""Importing from object storage against plain boto3: download, SHA-256, write and fsync of the same objects by hand.

    python -m benchmarks.import_s3

Both sides take turns in the same run, against a SeaweedFS of its own, without the scan; the ratio says how much of the
speed by hand is reached: 0.7 is wanted for a folder as artifact store. Then a package is imported again with one small
file changed, scan and all, through a proxy that counts the bytes which are fetched.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from statistics import median
from uuid import uuid4

from tests import seaweedfs
from tests.fault_proxy import fault_proxy

if __name__ == "__main__" and len(sys.argv) == 1:
    with seaweedfs.server() as started:
        for kind in ("folder", "S3"):
            artifacts = {
                "MODELPORT_ARTIFACTS_BUCKET": started.make_bucket(),
                "MODELPORT_ARTIFACTS_ENDPOINT": started.endpoint,
                "MODELPORT_ARTIFACTS_ACCESS_KEY": started.access_key,
                "MODELPORT_ARTIFACTS_SECRET_KEY": started.secret_key,
            }
            environment = os.environ | started.environment | (artifacts if kind == "S3" else {})
            subprocess.run([sys.executable, "-m", "benchmarks.import_s3", kind], check=True, env=environment)
    sys.exit()

from benchmarks.importing import CONFIG, DATA, MEBIBYTE, WEIGHTS, prepare, submit

# isort: split
from django.conf import settings

from accounts.models import Workspace
from accounts.secrets import seal
from importers import pipeline
from importers.models import ImportJob, State
from importers.scanner import ScanReport
from importers.services import sweep_artifacts
from registry.models import ModelVersion
from registry.versions import Version
from stores.models import Bucket

SHAPES = [("one file of 512 MiB", 1, 512 * MEBIBYTE), ("500 files of 128 KiB", 500, 128 * 1024)]
ROUNDS = 3


class Remote:
    """A bucket at the server, and what the console calls it."""

    def __init__(self, name, s3):
        self.name, self.client, self.bucket = name, s3.client(), s3.make_bucket()
        keys = {"access_key": s3.access_key, "secret_key": s3.secret_key, "session_token": ""}
        place = {"driver": "s3", "endpoint": s3.endpoint, "remote_name": self.bucket}
        Bucket.objects.create(workspace=Workspace.objects.get(), name=name, credentials=seal(keys), **place)

    def put(self, key, content):
        self.client.put_object(Bucket=self.bucket, Key=key, Body=content)

    def write_package(self, name, files, size):
        self.put(f"{name}/model/config.json", json.dumps(CONFIG).encode())
        self.put(f"{name}/model/model.pkl", WEIGHTS)
        for number in range(files):
            self.put(f"{name}/model/data/{number:05}.bin", os.urandom(size))

    def by_hand(self, name):
        """Seconds for every object of the package, one after the other."""
        target = DATA / "by-hand"
        target.mkdir()
        start = time.perf_counter()
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{name}/")
        for key in [found["Key"] for page in pages for found in page["Contents"]]:
            digest = hashlib.sha256()
            body = self.client.get_object(Bucket=self.bucket, Key=key)["Body"]
            with (target / uuid4().hex).open("wb") as copy:
                for chunk in body.iter_chunks(MEBIBYTE):
                    digest.update(chunk)
                    copy.write(chunk)
                copy.flush()
                os.fsync(copy.fileno())
        seconds = time.perf_counter() - start
        shutil.rmtree(target)
        return seconds

    def imported(self, name, patch=1):
        """Seconds from claim to hand-over."""
        job = submit(name, bucket=self.name, number=Version(0, 0, patch))
        start = time.perf_counter()
        pipeline.run(job)
        seconds = time.perf_counter() - start
        job = ImportJob.objects.get(pk=job.pk)
        assert job.state == State.SUCCEEDED, (job.state, job.reason_code, job.findings)
        return seconds


def forget():
    """Leave nothing that would make the next import cheaper."""
    ModelVersion.objects.all().delete()
    sweep_artifacts()


def against_by_hand(remote, kind):
    for label, files, size in SHAPES:
        name = f"package-{files}"
        remote.write_package(name, files, size)
        rounds = []
        for _ in range(ROUNDS):
            rounds.append((remote.by_hand(name), remote.imported(name)))
            forget()
        ratio = median(hand / imported for hand, imported in rounds)
        hand, imported = (files * size / MEBIBYTE / median(side) for side in zip(*rounds, strict=True))
        wanted = " (wanted: 0.70)" if kind == "folder" else ""
        speeds = f"by hand {hand:.0f} MiB/s, imported {imported:.0f} MiB/s"
        print(f"S3 to {kind}, {label}: {speeds}, ratio {ratio:.2f}{wanted}", flush=True)


def again(s3, kind):
    """The same package with one small file changed."""
    with fault_proxy(s3.endpoint) as proxy:
        remote = Remote("counted", replace(s3, endpoint=proxy.endpoint))
        remote.write_package("again", 40, 4 * MEBIBYTE)
        seconds, fetched = [], []
        for patch in (1, 2):
            proxy.reset()
            seconds.append(remote.imported("again", patch))
            fetched.append(proxy.fetched())
            remote.put("again/model/data/00000.bin", os.urandom(1000))
        print(
            f"S3 to {kind}, 160 MiB in 40 files with one small file changed: first {fetched[0]:,} bytes in "
            f"{seconds[0]:.1f} s, second {fetched[1]:,} bytes in {seconds[1]:.1f} s, "
            f"ratio of bytes {fetched[1] / fetched[0]:.5f}, of time {seconds[1] / seconds[0]:.2f}",
            flush=True,
        )


def main(kind):
    prepare()
    settings.ARTIFACT_GRACE_SECONDS = 0
    with seaweedfs.server() as s3:
        again(s3, kind)
        forget()
        scan, pipeline.scan = pipeline.scan, lambda *arguments: ScanReport("clean", (), (), {})
        settings.TRUST_FINGERPRINTS = False
        against_by_hand(Remote("remote", s3), kind)
        pipeline.scan = scan


if __name__ == "__main__":
    main(sys.argv[1])

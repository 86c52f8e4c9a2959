"""Runs a command beside a real S3 server of its own: `python -m tests.seaweedfs COMMAND …` sets the S3_* variables."""

import ctypes
import json
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
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

WEED = Path(sys.executable).parent / "weed"
READY_SECONDS = 60
PR_SET_PDEATHSIG = 1
REGION = "us-east-1"
ACCESS_KEY, SECRET_KEY = "modelport-key", "modelport-secret"
READER_KEY, READER_SECRET = "reader-key", "reader-secret"
IDENTITIES = {
    "identities": [
        {
            "name": "modelport",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        },
        {
            "name": "reader",
            "credentials": [{"accessKey": READER_KEY, "secretKey": READER_SECRET}],
            "actions": ["Read", "List"],
        },
    ]
}
# Each bucket grows several volumes; telemetry phones home unless it is told not to.
FLAGS = """-ip=127.0.0.1 -ip.bind=127.0.0.1 -filer=true -s3=true -master.volumeSizeLimitMB=256 -volume.max=400
-master.telemetry=false -s3.allowDeleteBucketNotEmpty=false -s3.port.iceberg=0 -s3.port.lance=0"""


@dataclass(frozen=True)
class S3Server:
    """Where it listens and who may do everything (`access_key`) or only read (`READER_KEY`)."""

    endpoint: str
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY
    region: str = REGION

    def client(self, **options):
        """A plain boto3 client, to look at the server from outside."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=self.region,
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, **options),
        )

    def make_bucket(self, name=""):
        """A new bucket; its name."""
        name = name or f"b-{uuid4().hex[:16]}"
        self.client().create_bucket(Bucket=name)
        return name

    @property
    def environment(self):
        return {
            "S3_ENDPOINT": self.endpoint,
            "S3_ACCESS_KEY": self.access_key,
            "S3_SECRET_KEY": self.secret_key,
            "S3_REGION": self.region,
        }


def free_ports(count):
    """Ports below 20,000, because each service listens at its port and 10,000 above it."""
    found = []
    # Far from where a process of a neighbouring number looks, which may start its own at the same moment.
    for port in range(11_000 + os.getpid() * 16 % 8_000, 20_000):
        if len(found) == count:
            break
        if _is_free(port) and _is_free(port + 10_000):
            found.append(port)
    return found


def _is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(folder, ports):
    """The server's process, with its data in `folder`; used again to start it after a kill."""
    config = folder / "s3.json"
    config.write_text(json.dumps(IDENTITIES))
    master, volume, filer, s3 = ports
    numbers = f"-master.port={master} -volume.port={volume} -filer.port={filer} -s3.port={s3}"
    with (folder / "weed.log").open("ab") as log:
        return subprocess.Popen(
            [WEED, "server", f"-dir={folder}", f"-s3.config={config}", *FLAGS.split(), *numbers.split()],
            env=os.environ | {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1", "GOMEMLIMIT": "384MiB"},
            cwd=folder,
            stdout=log,
            stderr=log,
            preexec_fn=_die_with_parent,
        )


def await_ready(server, process, log):
    """It answers before it can store: wait until an object was really written and removed."""
    client = server.client(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=5)
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            if "ready" not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
                client.create_bucket(Bucket="ready")
            client.put_object(Bucket="ready", Key="probe", Body=b"?")
            client.delete_object(Bucket="ready", Key="probe")
            return
        except (BotoCoreError, ClientError):
            assert process.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.1)


@contextmanager
def server():
    """A SeaweedFS on loopback, fresh unless the S3_* variables name one that runs; yields an S3Server."""
    if "S3_ENDPOINT" in os.environ:
        yield S3Server(os.environ["S3_ENDPOINT"])
        return
    folder = Path(tempfile.mkdtemp(prefix="modelport-s3-"))
    ports = free_ports(4)
    process = start(folder, ports)
    try:
        running = S3Server(f"http://127.0.0.1:{ports[-1]}")
        await_ready(running, process, folder / "weed.log")
        yield running
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    with server() as running:
        environment = os.environ | running.environment
        sys.exit(subprocess.run(sys.argv[1:], env=environment, check=False).returncode)

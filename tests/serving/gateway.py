"""Runs the real gateway as a process of its own, and talks to it: politely, or byte by byte."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

from accounts.digests import digest_of
from serving.routing import RevisionRoute, Routes, ServiceRoute, TokenRoute, document_of, encode
from tests.inference.serving import Answer, read_all
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
SECRET = "mp_a-token-of-workspace-one"
OTHERS = "mp_a-token-of-workspace-two"
WAIT_SECONDS = 240
CHUNKED = "Transfer-Encoding: chunked"


def wait_for(condition, seconds=WAIT_SECONDS):
    """The first true value of a condition."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return found


class Gateway:
    """A running gateway: its process, port and data folder."""

    def __init__(self, process, port, data):
        self.process = process
        self.port = port
        self.data = data
        self.serial = 0

    @property
    def snapshot(self):
        return self.data / "run" / "routes"

    def connect(self):
        plug = socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_SECONDS)
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plug

    def ask(self, path="/", method="POST", body=None, token=SECRET, **headers):
        """One request on a connection of its own."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        if token:
            named.setdefault("X-Auth-Token", token)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_SECONDS)
        try:
            connection.request(method, path, body, named)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def send(self, data, silence=0.6):
        """All that is answered to these bytes until the gateway closes, or is silent for a moment."""
        with self.connect() as plug:
            plug.sendall(data)
            return read_all(plug, silence)

    def health(self):
        return self.ask("/healthz", method="GET", token="")

    def tell(self, services, tokens=((SECRET, 1), (OTHERS, 2))):
        """Replace the snapshot by these {uuid: (workspace, [(version, weight, sockets)])}; it is in force then."""
        routes = Routes(
            {
                str(key): ServiceRoute(workspace, tuple(RevisionRoute(*part) for part in parts))
                for key, (workspace, parts) in services.items()
            },
            {digest_of(token): TokenRoute(*rest, *([None] if len(rest) == 1 else [])) for token, *rest in tokens},
        )
        self.serial += 1
        self.put(encode(document_of(routes), self.serial))
        wait_for(lambda: self.health().value["snapshot"] == self.serial)

    def put(self, data):
        """Replace the file of the snapshot."""
        half = self.snapshot.with_suffix(".new")
        half.write_bytes(data)
        half.replace(self.snapshot)

    def counted(self):
        """The minutes of all files in the spool, oldest first."""
        files = sorted((self.data / "run" / "calls").glob("*.json"))
        return [row for file in files for row in json.loads(file.read_bytes())["minutes"]]

    def await_counted(self, calls):
        wait_for(lambda: sum(row[3] for row in self.counted()) >= calls)
        return self.counted()


@contextmanager
def gateway(data, port=None, *, most_files=None, log=None, **environment):
    """A gateway on this data folder, once it listens; it may have so many files open, unless it asks for more.

    What it logs goes into the open file `log`, where there is one.
    """
    (data / "run").mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    named = {f"MODELPORT_{name}": str(value) for name, value in environment.items()}
    own = {"MODELPORT_DATA": str(data), "GATEWAY_PORT": str(port), "DJANGO_SETTINGS_MODULE": "console.settings"}
    # Nothing of the database or the broker is there for it to lean on.
    nowhere = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing", "REDIS_URL": "redis://127.0.0.1:1/0"}
    process = subprocess.Popen(
        [*limited(most_files), sys.executable, "manage.py", "gateway"],
        cwd=ROOT,
        env=os.environ | own | nowhere | named,
        stderr=log,
    )
    running = Gateway(process, port, data)
    try:
        wait_for(lambda: _listens(port) or process.poll() is not None)
        assert process.poll() is None, "the gateway has ended"
        yield running
    finally:
        process.kill()
        process.wait()


def limited(most_files):
    """What stands before a command that begins with so many open files at most."""
    if most_files is None:
        return []
    limit = f"resource.setrlimit(kind := resource.RLIMIT_NOFILE, ({most_files}, resource.getrlimit(kind)[1]))"
    return [sys.executable, "-c", f"import os, resource, sys; {limit}; os.execv(sys.argv[1], sys.argv[1:])"]


def _listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def service_of(*sockets, workspace=1, version=None):
    """A uuid and the snapshot's entry of a service with one version."""
    key = str(uuid.uuid4())
    return key, {key: (workspace, [(version or str(uuid.uuid4()), 100, tuple(map(str, sockets)))])}


def tell(door, *sockets):
    key, services = service_of(*sockets)
    door.tell(services)
    return f"/infer/{key}"


def request(path, *lines, method="POST", body=b"", version="1.1", host=True):
    head = [f"{method} {path} HTTP/{version}", *(["Host: m"] if host else []), f"X-Auth-Token: {SECRET}", *lines]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def length(size):
    return f"Content-Length: {size}"

"""Uploading 2 GB in one file and in 10,000 files into a folder bucket, through the console's web server on PostgreSQL.

    python -m benchmarks.upload

The baseline is a plain HTTP server that writes and syncs the same bodies below a folder, fed by the same client, which
sends four files at a time as the upload page does; the ratio says how much of its speed the console reaches.
"""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from tests import postgres
from tests.console_process import running_console
from tests.ports import free_port

TOTAL = 2_000_000_000
SHAPES = [("one file of 2 GB", 1), ("10,000 files of 200 kB", 10_000)]
PARALLEL = 4
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BLOCK = os.urandom(1024 * 1024)


class Plain(BaseHTTPRequestHandler):
    """Writes the body of PUT /NAME to a file of that name below the current folder."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        left = int(self.headers["Content-Length"])
        with Path(self.path.rpartition("/")[2]).open("wb") as file:
            while left:
                piece = self.rfile.read(min(left, len(BLOCK)))
                file.write(piece)
                left -= len(piece)
            file.flush()
            os.fsync(file.fileno())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


class Client:
    """Sends files over kept connections, one for each thread."""

    def __init__(self, port, headers=None):
        self.port, self.headers, self.own = port, headers or {}, threading.local()

    def ask(self, method, address, body=None, length=None, **headers):
        if not hasattr(self.own, "connection"):
            self.own.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
            self.own.connection.connect()
            self.own.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if length is not None:
            headers["Content-Length"] = str(length)
        self.own.connection.request(method, address, body, self.headers | headers)
        answer = self.own.connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            sys.exit(f"{method} {address} answered {answer.status}: {text[:500]!r}")
        return answer, text

    def send(self, addresses, size):
        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(lambda address: self.ask("PUT", address, blocks(size), size), addresses))


def blocks(size):
    for start in range(0, size, len(BLOCK)):
        yield BLOCK[: size - start]


def signed_in(port, password):
    """A client with the session of the administrator."""
    client = Client(port)
    answer, text = client.ask("GET", "/accounts/login/")
    cookie = cookies(answer)
    token = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', text)[1].decode()
    form = urlencode({"csrfmiddlewaretoken": token, "username": "admin", "password": password})
    answer, _ = client.ask("POST", "/accounts/login/", form, None, Cookie=cookie, **FORM)
    cookie = cookies(answer)
    token = re.search(r"csrftoken=(\w+)", cookie)[1]
    return Client(port, {"Cookie": cookie, "X-CSRFToken": token, "Accept": "application/json"})


def cookies(answer):
    return "; ".join(value.partition(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie")


def upload(client, bucket, folder, count):
    """Seconds from the plan to the end, the way the page does it."""
    size = TOTAL // count
    files = [[f"{number:05}.bin", size] for number in range(count)]
    wish = json.dumps({"folder": folder, "files": files, "conflict": "replace"})
    start = time.perf_counter()
    _, text = client.ask("POST", f"/storage/{bucket}/uploads/", wish)
    address = urlsplit(json.loads(text)["address"]).path
    client.send([f"{address}{number}/" for number in range(count)], size)
    client.own = threading.local()  # the server closes connections that were idle meanwhile
    client.ask("POST", f"{address}finish/", "")
    while not (summary := json.loads(client.ask("GET", address)[1]))["finished"]:
        time.sleep(0.1)
    seconds = time.perf_counter() - start
    if (summary["state"], summary["files_done"], summary["bytes_done"]) != ("done", count, TOTAL):
        sys.exit(f"the upload ended as {summary}")
    return seconds


def plain(client, count):
    start = time.perf_counter()
    client.send([f"/{number:05}.bin" for number in range(count)], TOTAL // count)
    return time.perf_counter() - start


@contextmanager
def plain_server(folder):
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.upload", str(port), str(folder)]
    process = subprocess.Popen(command)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port
    finally:
        process.kill()
        process.wait()


def main():
    with (
        tempfile.TemporaryDirectory(prefix="modelport-benchmark-") as folder,
        postgres.server() as database,
        running_console(Path(folder) / "console", DATABASE_URL=database) as console,
    ):
        client = signed_in(console.port, console.password)
        client.ask("POST", "/storage/-/new/", urlencode({"kind": "folder", "name": "uploads"}), None, **FORM)
        bucket = Path(folder) / "console" / "buckets" / "uploads"
        for label, count in SHAPES:
            written = Path(folder) / "plain"
            written.mkdir()
            with plain_server(written) as port:
                baseline = plain(Client(port), count)
            shutil.rmtree(written)
            seconds = upload(client, bucket.name, f"upload-{count}", count)
            stored = sum(path.stat().st_size for path in bucket.rglob("*.bin"))
            assert stored == TOTAL, stored
            shutil.rmtree(bucket / f"upload-{count}")
            print(
                f"{label}: plain server {baseline:.1f} s ({TOTAL / baseline / 1e6:.0f} MB/s), console {seconds:.1f} s "
                f"({TOTAL / seconds / 1e6:.0f} MB/s), ratio {baseline / seconds:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        os.chdir(sys.argv[2])
        ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Plain).serve_forever()
    main()

"""Runs the real server on a package, and talks to it over its socket: politely, or byte by byte."""

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
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.package_builder import build_package

SERVER = Path(__file__).resolve().parents[2] / "inference" / "server.py"
WAIT_SECONDS = 240


class Answer:
    """A status, headers and body, and the body's value where it is JSON."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def value(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()


class _Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("model", timeout=WAIT_SECONDS)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Server:
    """A running server: its process, socket and log lines."""

    def __init__(self, process, path):
        self.process = process
        self.path = path
        self.lines = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            try:
                self.lines.append(json.loads(line))
            except ValueError:
                self.lines.append({"event": "noise", "text": line.decode(errors="replace")})

    def events(self, event):
        return [line for line in self.lines if line["event"] == event]

    def await_event(self, event, count=1):
        return wait_for(lambda: self.events(event)[count - 1 :], self.process)[0]

    def connect(self):
        """A bare connection."""
        plug = socket.socket(socket.AF_UNIX)
        plug.settimeout(WAIT_SECONDS)
        plug.connect(str(self.path))
        return plug

    def ask(self, value=None, method="POST", path="/", body=None, **headers):
        """One request; `value` is sent as JSON."""
        if body is None and value is not None:
            body, headers = json.dumps(value).encode(), {"Content-Type": "application/json"} | headers
        connection = _Connection(self.path)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def health(self):
        return self.ask(method="GET", path="/health")

    def send(self, data, then_close=False, silence=0.4):
        """All that is answered to these bytes until the server closes, or is silent for a moment."""
        with self.connect() as plug:
            # It may have answered and closed before it was sent anything.
            with suppress(BrokenPipeError):
                plug.sendall(data)
                if then_close:
                    plug.shutdown(socket.SHUT_WR)
            return read_all(plug, silence)

    def stop(self):
        """Ask it to stop; its exit code."""
        self.process.terminate()
        return self.process.wait(WAIT_SECONDS)

    def ended(self):
        """Its exit code and its log, once it has ended."""
        code = self.process.wait(WAIT_SECONDS)
        self._reader.join(WAIT_SECONDS)
        return code


def read_all(plug, silence=0.4):
    """What arrives until the end, or until nothing more does."""
    found = b""
    plug.settimeout(silence)
    try:
        while piece := plug.recv(65536):
            found += piece
    except TimeoutError:
        pass
    except ConnectionResetError:
        found += b"<reset>"
    return found


def statuses(data):
    """The statuses of all answers in what a connection received."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) [A-Z]", data)]


def wait_for(condition, process=None):
    """The first true value of a condition."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        if found := condition():
            return found
        assert process is None or process.poll() is None, "the server has ended"
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


@contextmanager
def starting(package, *options, python=sys.executable, environment=None):
    """A server that may still be loading, or fail to."""
    folder = Path(tempfile.mkdtemp(prefix="mp-"))
    path = folder / "s"
    command = [python, "-I", SERVER, "--package", package, "--socket", path, *map(str, options)]
    # Libraries with a thread for each processor slow each other down where tests run beside one another.
    environment = {"OMP_NUM_THREADS": "1"} | (os.environ if environment is None else environment)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    server = Server(process, path)
    try:
        yield server
    finally:
        process.kill()
        server.ended()
        process.stderr.close()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def serving(package, *options, **more):
    """A server that has loaded."""
    with starting(package, *options, **more) as server:
        server.await_event("ready")
        wait_for(lambda: server.health().status == 200, server.process)
        yield server


def failing(package, *options, **more):
    """A server that does not load: its exit code and the line of its failure."""
    with starting(package, *options, **more) as server:
        code = server.ended()
        (line,) = server.events("failed")
        return code, line


ECHO = """
    def _preprocess(self, data):
        return data

    def _inference(self, data):
        return data
"""
IMPORTS = {
    "PyTorch": ("model_service.pytorch_model_service", "PTServingBaseService"),
    "TensorFlow": ("model_service.tfserving_model_service", "TfServingBaseService"),
    "MindSpore": ("model_service.model_service", "SingleNodeService"),
    "MXNet": ("mms.model_service.mxnet_model_service", "MXNetBaseService"),
    "Scikit_Learn": ("model_service.python_model_service", "XgSklServingBaseService"),
    "XGBoost": ("model_service.python_model_service", "XgSklServingBaseService"),
    "Spark_MLlib": ("model_service.spark_model_service", "SparkServingBaseService"),
    "Caffe": ("model_service.caffe_model_service", "CaffeBaseService"),
}


def package_with(tmp_path, methods=ECHO, engine="PyTorch", before="", **more):
    """A package whose service has these methods (indented by four), and nothing but the platform's names."""
    module, base = IMPORTS[engine]
    code = f"import json\nimport time\n{before}\nfrom {module} import {base}\n\n\nclass Service({base}):\n{methods}"
    return build_package(tmp_path, engine, code=code, **more)

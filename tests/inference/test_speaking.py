"""The thread that speaks HTTP, in a process of its own, for it takes over the signals."""

import subprocess
import sys

from tests.console_process import ROOT

ANSWERS_WITHOUT_END = """
import os, socket
from inference.front import Front
from inference.jobs import Jobs
from inference.settings import Limits, parse
from inference.speaking import Speaker

listener = socket.create_server(("127.0.0.1", 0))
listener.setblocking(False)
jobs = Jobs(1, 1, lambda call: speaker.deliver(call), lambda call: speaker.soon(call))
speaker = Speaker(parse(["--package", PACKAGE, "--port", "0"]), Front(Limits(), jobs), listener)


def answer():
    speaker.deliver(answer)


speaker.start()
speaker.deliver(answer)
with socket.create_connection(listener.getsockname(), timeout=20) as plug:
    plug.sendall(b"GET /health HTTP/1.1\\r\\nHost: m\\r\\n\\r\\n")
    print(plug.recv(12).decode(), flush=True)
os._exit(0)
"""


def test_health_has_its_turn_beside_answers_that_bring_further_ones(tmp_path):
    (tmp_path / "model").mkdir()
    code = f"PACKAGE = {str(tmp_path)!r}\n{ANSWERS_WITHOUT_END}"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)

    assert (done.stdout, done.returncode) == ("HTTP/1.1 503\n", 0)

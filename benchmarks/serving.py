"""What serving costs: the demo's digits model through us, against the same model behind uvicorn.

    python -m benchmarks.serving [--seconds 0.5] [--rounds 8] [--work FOLDER]
                                 [--deployed http://localhost:8001/infer/UUID --token TOKEN]

The baseline is the least an engineer could write: an ASGI application that calls the model in the event loop, behind
uvicorn with uvloop and httptools, in the same Python and with the same steps. It, an instance asked directly, and an
instance behind the gateway (authenticated, counted) are asked in turn, with one and with eight kept connections of
which each waits for its answer. Every round gives a ratio to the baseline of that round; printed is the median one, so
that another load of the machine weighs on both. Also: times of the median and the slowest percent, the processor time
of each process for a call, the gateway's share, and the memory of an idle instance beyond the model's own.

The instance behind the gateway is not confined here. With `--deployed` the demo's digits model as a service of a
running console on this machine is asked as well: sandbox, gateway and counting as they are for everybody.
"""

import argparse
import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import uv
import uvloop

from accounts.digests import digest_of
from demo.train import train_models
from serving.routing import RevisionRoute, Routes, ServiceRoute, TokenRoute, document_of, encode
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[1]
SERVER = ROOT / "inference" / "server.py"
TOKEN = "mp_benchmark"
REACH = {
    ("deployed", 1): 0.5,
    ("deployed", 8): 0.8,
    ("direct", 1): 0.9,
    ("direct", 8): 0.9,
    ("gateway", 1): 0.5,
    ("gateway", 8): 0.8,
}
BASELINE = """
import json, joblib, numpy as np
model = joblib.load("digits.m")
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    rows = json.loads(body)["data"]["req_data"]
    data = np.asarray([row["pixels"] for row in rows], dtype="float64")
    found = model.predict_proba(data)
    rows = [{"digit": int(row.argmax()), "probability": round(float(row.max()), 4)} for row in found]
    body = json.dumps({"data": {"resp_data": rows}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
"""
# What the model needs of memory by itself: loaded, and asked once.
ALONE = """
import joblib, numpy as np, time
model = joblib.load("digits.m")
model.predict_proba(np.zeros((1, 64)))
print("loaded", flush=True)
time.sleep(60)
"""
PIXELS = [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0, 0, 3, 15, 2, 0, 11, 8, 0, 0, 4, 12, 0, 0, 8, 8, 0]
BODY = json.dumps({"data": {"req_data": [{"pixels": PIXELS * 2}]}}).encode()


class Client(asyncio.Protocol):
    """Sends the same bytes as soon as they are answered, and keeps how long that took."""

    def __init__(self, request: bytes, times: list[float], done: asyncio.Future[None]) -> None:
        self.request, self.times, self.done = request, times, done
        self.seen, self.wanted, self.until = b"", 0, 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def begin(self, until: float) -> None:
        self.until = until
        self._send()

    def _send(self) -> None:
        self.begun = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.seen += data
        if not self.wanted:
            head, end, _rest = self.seen.partition(b"\r\n\r\n")
            if not end:
                return
            assert head.startswith(b"HTTP/1.1 200"), self.seen
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            self.wanted = len(head) + 4 + length
        if len(self.seen) < self.wanted:
            return
        now = time.perf_counter()
        self.times.append(now - self.begun)
        self.seen, self.wanted = b"", 0
        if now < self.until:
            self._send()
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


@dataclass
class Contestant:
    """A port that is asked, the processes behind it, and what came of it by number of connections."""

    name: str
    port: int
    request: bytes
    processes: dict[str, int]
    rates: dict[int, list[float]] = field(default_factory=dict)
    times: dict[int, list[float]] = field(default_factory=dict)
    spent: dict[int, dict[str, float]] = field(default_factory=dict)

    def run(self, connections: int, seconds: float) -> None:
        before = {name: processor_seconds(pid) for name, pid in self.processes.items()}
        times = uvloop.run(load(self.port, self.request, connections, seconds))
        spent = self.spent.setdefault(connections, {})
        for name, pid in self.processes.items():
            spent[name] = spent.get(name, 0) + processor_seconds(pid) - before[name]
        self.rates.setdefault(connections, []).append(len(times) / seconds)
        self.times.setdefault(connections, []).extend(times)


async def load(port: int, request: bytes, connections: int, seconds: float) -> list[float]:
    loop = asyncio.get_running_loop()
    times: list[float] = []
    ends = [loop.create_future() for _ in range(connections)]
    clients = []
    for done in ends:
        _transport, client = await loop.create_connection(
            lambda done=done: Client(request, times, done), "127.0.0.1", port
        )
        clients.append(client)
    until = time.perf_counter() + seconds
    for client in clients:
        client.begin(until)
    await asyncio.gather(*ends)
    return times


def request_to(path: str, *lines: str) -> bytes:
    kind = ["Content-Type: application/json", f"Content-Length: {len(BODY)}"]
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: m", *kind, *lines]).encode() + b"\r\n\r\n" + BODY


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> int:
    """The proportional set size in KiB: what is shared with others counts only in part."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def await_answer(port: int, request: bytes) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as plug:
                plug.sendall(request)
                if plug.recv(64).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit(f"nothing answers at port {port}")


@contextmanager
def running(*command: object, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"} | variables
    folder = variables.get("WORK", str(ROOT))
    process = subprocess.Popen([str(part) for part in command], env=environment, cwd=folder, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def prepare(work: Path) -> tuple[Path, Path]:
    """The Python with scikit-learn and uvicorn, and the package of the digits model."""
    package = train_models(work)["digits"]
    python = work / "environment" / "bin" / "python"
    wanted = [f"{name}=={version(name)}" for name in ("uvicorn", "uvloop", "httptools")]
    subprocess.run([uv.find_uv_bin(), "pip", "install", "--quiet", "--python", python, *wanted], check=True)
    (package / "model" / "baseline.py").write_text(BASELINE)
    return python, package


def contestants(stack: ExitStack, work: Path, python: Path, package: Path) -> list[Contestant]:
    ports = {name: free_port() for name in ("uvicorn", "direct", "gateway")}
    model = package / "model"
    uvicorn = stack.enter_context(
        running(
            *(python, "-m", "uvicorn", "baseline:app", "--loop", "uvloop", "--http", "httptools"),
            *("--port", ports["uvicorn"], "--no-access-log", "--log-level", "error"),
            WORK=str(model),
        )
    )
    plugs = Path(tempfile.mkdtemp(prefix="mp-"))
    stack.callback(shutil.rmtree, plugs, ignore_errors=True)
    server = (python, "-I", SERVER, "--package", package)
    direct = stack.enter_context(running(*server, "--port", ports["direct"]))
    behind = stack.enter_context(running(*server, "--socket", plugs / "s"))
    service = str(uuid.uuid4())
    data = work / "data"
    (data / "run").mkdir(parents=True, exist_ok=True)
    revision = RevisionRoute(str(uuid.uuid4()), 100, (str(plugs / "s"),))
    routes = Routes({service: ServiceRoute(1, (revision,))}, {digest_of(TOKEN): TokenRoute(1, None)})
    (data / "run" / "routes").write_bytes(encode(document_of(routes), 1))
    gateway = stack.enter_context(
        running(sys.executable, "manage.py", "gateway", MODELPORT_DATA=str(data), GATEWAY_PORT=str(ports["gateway"]))
    )
    through = request_to(f"/infer/{service}", f"X-Auth-Token: {TOKEN}")
    found = [
        Contestant("uvicorn", ports["uvicorn"], request_to("/"), {"server": uvicorn.pid}),
        Contestant("direct", ports["direct"], request_to("/"), {"instance": direct.pid}),
        Contestant("gateway", ports["gateway"], through, {"gateway": gateway.pid, "instance": behind.pid}),
    ]
    for each in found:
        await_answer(each.port, each.request)
    return found


def deployed(address: str, token: str) -> Contestant:
    """A service of a running console."""
    parts = urlsplit(address)
    assert parts.port, address
    contestant = Contestant("deployed", parts.port, request_to(parts.path, f"X-Auth-Token: {token}"), {})
    await_answer(contestant.port, contestant.request)
    return contestant


def tell(found: list[Contestant], connections: int) -> None:
    base = found[0].rates[connections]
    for each in found:
        times = sorted(each.times[connections])
        median, slowest = (times[len(times) * share // 100] * 1000 for share in (50, 99))
        spent = ", ".join(
            f"{name} {seconds / len(times) * 1e6:.0f} µs" for name, seconds in each.spent[connections].items()
        )
        spent = spent or "not known"
        ratio = statistics.median(own / other for own, other in zip(each.rates[connections], base, strict=True))
        middle = sorted(found[0].times[connections])[len(found[0].times[connections]) // 2] * 1000 / median
        reach = REACH.get((each.name, connections))
        wanted = f" (reach {reach}: {'yes' if ratio >= reach else 'NO'})" if reach else ""
        print(
            f"{connections} connections, {each.name}: {statistics.median(each.rates[connections]):.0f}/s, "
            f"p50 {median:.2f} ms, p99 {slowest:.2f} ms, longest {times[-1] * 1000:.0f} ms, "
            f"processor: {spent}, ratio {ratio:.2f}{wanted}, "
            f"of the median times {middle:.2f}"
        )
    gateway = found[2].spent[connections]
    share = gateway["gateway"] / (sum(gateway.values()) or 1)
    print(f"{connections} connections: the gateway's share of the processor time is {share:.0%}")


def tell_memory(python: Path, package: Path, instance: int) -> None:
    with running(python, "-c", ALONE, WORK=str(package / "model")) as alone:
        assert alone.stdout is not None
        alone.stdout.readline()
        own, whole = memory(alone.pid), memory(instance)
    print(f"memory of an idle instance: {whole / 1024:.1f} MiB, beyond the model's own: {(whole - own) / 1024:.1f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--deployed")
    parser.add_argument("--token", default="")
    wanted = parser.parse_args()
    work = (wanted.work or Path(tempfile.mkdtemp(prefix="mp-"))).absolute()
    python, package = prepare(work)
    with ExitStack() as stack:
        found = contestants(stack, work, python, package)
        if wanted.deployed:
            found.append(deployed(wanted.deployed, wanted.token))
        tell_memory(python, package, found[1].processes["instance"])
        for connections in (1, 8):
            for _round in range(wanted.rounds):
                for each in found:
                    each.run(connections, wanted.seconds)
            tell(found, connections)


if __name__ == "__main__":
    main()

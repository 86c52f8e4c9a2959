"""What the model's own process costs in HTTP: a trivial model through it, against a bare echo server of asyncio.

    python -m benchmarks.inference_http [--seconds 3] [--clients 8]

Both are processes of their own on a Unix socket and are asked in turn, three times, by the same clients with the same
bytes; each client waits for its answer. Prints requests a second and the times of the median and the slowest percent,
and the best rate of ours as a ratio of the best one of the echo server.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SERVER = Path(__file__).resolve().parents[1] / "inference" / "server.py"
BODY = b'{"data": {"req_data": [{"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4}]}}'
HEAD = b"POST / HTTP/1.1\r\nHost: m\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
SERVICE = """
from model_service.pytorch_model_service import PTServingBaseService


class Service(PTServingBaseService):
    def _inference(self, data):
        return data
"""
# Knows neither HTTP nor threads: answers as many bytes as it was sent, once they end as the request does.
ECHO = """
import asyncio, sys
size = int(sys.argv[2])
class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.seen = transport, b""
    def data_received(self, data):
        self.seen += data
        while len(self.seen) >= size:
            self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
            self.seen = self.seen[size:]
async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(Echo, sys.argv[1])
    await server.serve_forever()
asyncio.run(main())
"""


async def client(path: Path, until: float, times: list[float]) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    while (begun := time.perf_counter()) < until:
        writer.write(HEAD + BODY)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        assert head.startswith(b"HTTP/1.1 200"), head
        times.append(time.perf_counter() - begun)
    writer.close()


async def load(path: Path, seconds: float, clients: int) -> tuple[float, float, float]:
    """Requests a second, and the median and 99th percentile in milliseconds."""
    times: list[float] = []
    until = time.perf_counter() + seconds
    await asyncio.gather(*(client(path, until, times) for _ in range(clients)))
    times.sort()
    return len(times) / seconds, times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000


def await_socket(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.05)
    time.sleep(0.5)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--clients", type=int, default=8)
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mp-"))
    model = folder / "package" / "model"
    model.mkdir(parents=True)
    (model / "config.json").write_text('{"model_type": "PyTorch"}')
    (model / "customize_service.py").write_text(SERVICE)
    ours, echo = folder / "ours", folder / "echo"
    processes = [
        subprocess.Popen([sys.executable, "-I", SERVER, "--package", folder / "package", "--socket", ours]),
        subprocess.Popen([sys.executable, "-c", ECHO, echo, str(len(HEAD + BODY))]),
    ]
    try:
        for path in (ours, echo):
            await_socket(path)
        for clients in (1, wanted.clients):
            turns = [("echo", echo), ("ours", ours)] * 3
            runs = [(name, asyncio.run(load(path, wanted.seconds, clients))) for name, path in turns]
            best = {name: max(found for each, found in runs if each == name) for name in ("echo", "ours")}
            for name, (rate, median, slowest) in best.items():
                print(f"{clients} clients, {name}: {rate:.0f}/s, p50 {median:.2f} ms, p99 {slowest:.2f} ms")
            print(f"{clients} clients: {best['ours'][0] / best['echo'][0]:.2f} of the echo server")
    finally:
        for process in processes:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()

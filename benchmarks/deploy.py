"""What a deployment costs: from the click to the first answer, with its environment built and without, and its memory.

    MODELPORT_DATA=FOLDER python -m benchmarks.deploy [--rounds 5] [--model digits]      (the folder of a running `up`)

The model is deployed by the command behind the form's button and asked by the gateway until it answers 200. The
baseline of each round is the same package in the same Python, started bare, until its first answer. Then the memory of
the idle service, all processes of its sandbox, against the same model loaded by five lines and asked once. Last, its
environment is locked and built once more with no download kept, against uv alone with the same lock and nothing kept.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import django
import uv

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
django.setup()

from django.conf import settings  # noqa: E402

from accounts.models import ApiToken, User, Workspace  # noqa: E402
from accounts.roles import Role  # noqa: E402
from accounts.services_tokens import make_token  # noqa: E402
from benchmarks.serving import (  # noqa: E402
    ALONE,
    SERVER,
    await_answer,
    memory,
    request_to,
    running,
)
from registry.models import ModelVersion, Status  # noqa: E402
from serving.environments import Workshop, python_of  # noqa: E402
from serving.models import Instance, Service  # noqa: E402
from serving.packages import materialise  # noqa: E402
from serving.services import Deployment, delete, deploy  # noqa: E402
from tests.ports import free_port  # noqa: E402

REACH_SECONDS = 5.0
REACH_COLD = 1.5
SMALLEST = "modelarts.vm.cpu.1u"


class Bench:
    """One version of the running console, and who deploys it."""

    def __init__(self, name: str) -> None:
        workspace = Workspace.objects.get(name="default")
        versions = ModelVersion.objects.filter(model__workspace=workspace, model__name=name, status=Status.NORMAL)
        self.version = versions.select_related("model__workspace").latest("pk")
        self.by = User.objects.get(username="admin")
        environment = self.version.environment_record.environment
        assert environment is not None
        self.python = python_of(environment)
        self.package = materialise(self.version)
        ApiToken.objects.filter(name="benchmark").delete()
        _token, self.secret = make_token(workspace, name="benchmark", role=Role.VIEWER, expires_at=None, by=self.by)

    def click(self, number: int) -> tuple[Service, float]:
        wanted = Deployment(name=f"benchmark-{os.getpid()}-{number}", specification=SMALLEST)
        begun = time.perf_counter()
        service = deploy(self.version, wanted, by=self.by)
        await_answer(settings.GATEWAY_PORT, request_to(f"/infer/{service.uuid}", f"X-Auth-Token: {self.secret}"))
        return service, time.perf_counter() - begun

    def bare(self) -> float:
        port, begun = free_port(), time.perf_counter()
        with running(self.python, "-I", SERVER, "--package", self.package, "--port", port):
            await_answer(port, request_to("/"))
            return time.perf_counter() - begun

    def remove(self, service: Service) -> None:
        delete(service, by=self.by)
        while Service.objects.filter(pk=service.pk).exclude(state="stopped").exists():
            time.sleep(0.2)


def tree_of(pid: int) -> list[int]:
    """A process and all below it."""
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in below for each in tree_of(int(child)))]


def tell_clicks(bench: Bench, rounds: int) -> None:
    clicks: list[float] = []
    bares: list[float] = []
    for number in range(rounds):
        bares.append(bench.bare())
        service, seconds = bench.click(number)
        clicks.append(seconds)
        if number == rounds - 1:
            tell_memory(bench, service)
        bench.remove(service)
    click, ratio = statistics.median(clicks), statistics.median(a / b for a, b in zip(clicks, bares, strict=True))
    print(
        f"click to first answer, environment built: median {click:.2f} s, longest {max(clicks):.2f} s "
        f"(reach {REACH_SECONDS:g} s: {'yes' if click <= REACH_SECONDS else 'NO'}); started bare: "
        f"{statistics.median(bares):.2f} s, ratio {ratio:.2f}",
        flush=True,
    )


def tell_memory(bench: Bench, service: Service) -> None:
    pid = Instance.objects.get(revision__service=service).pid
    assert pid is not None
    with running(bench.python, "-c", ALONE, WORK=str(bench.package / "model")) as alone:
        assert alone.stdout is not None
        alone.stdout.readline()
        own, whole = memory(alone.pid), sum(map(memory, tree_of(pid)))
    print(
        f"memory of an idle service with its sandbox: {whole / 1024:.1f} MiB, the model's own {own / 1024:.1f} MiB, "
        f"ratio {whole / own:.2f}, beyond it {(whole - own) / 1024:.1f} MiB",
        flush=True,
    )


def tell_cold(bench: Bench) -> None:
    """Both fetch everything anew; which one goes first changes."""
    ours: list[float] = []
    alone: list[float] = []
    for turn in range(2):
        for way in (built_by_us, built_by_uv) if turn else (built_by_uv, built_by_us):
            (ours if way is built_by_us else alone).append(way(bench))
    ratio = statistics.median(a / b for a, b in zip(ours, alone, strict=True))
    print(
        f"cold environment, locked, installed and compiled: {min(ours):.1f} s; uv alone: {min(alone):.1f} s, "
        f"ratio {ratio:.2f} (reach {REACH_COLD}: {'yes' if ratio <= REACH_COLD else 'NO'})"
    )


def built_by_us(bench: Bench) -> float:
    data = settings.DATA
    with tempfile.TemporaryDirectory(prefix="mp-") as folder:
        settings.DATA = Path(folder)
        try:
            begun = time.perf_counter()
            place = Path(folder) / "shop"
            place.mkdir()
            shop = Workshop(place, lambda: None)
            lock, log = shop.resolve(bench.version.environment_record.requirements)
            assert lock, log
            shop.install(lock)
            return time.perf_counter() - begun
        finally:
            settings.DATA = data


def built_by_uv(bench: Bench) -> float:
    """The least: the same requirements, resolved, fetched and compiled by one command."""
    tool = uv.find_uv_bin()
    with tempfile.TemporaryDirectory(prefix="mp-") as folder:
        begun = time.perf_counter()
        place = Path(folder) / "environment"
        subprocess.run([tool, "venv", "--quiet", "--python", sys.executable, str(place)], check=True)
        install = [tool, "pip", "install", "--quiet", "--cache-dir", f"{folder}/cache", "--compile-bytecode"]
        wanted = bench.version.environment_record.requirements
        subprocess.run([*install, "--python", str(place / "bin" / "python"), *wanted], check=True)
        return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", default="digits")
    wanted = parser.parse_args()
    bench = Bench(wanted.model)
    tell_clicks(bench, wanted.rounds)
    tell_cold(bench)


if __name__ == "__main__":
    main()

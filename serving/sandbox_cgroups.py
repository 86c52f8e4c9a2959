"""Control groups of the kernel, version 1 or 2: what the processes of one instance may use together, and have used."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
MEMBERSHIP = Path("/proc/self/cgroup")
CONTROLLERS = ("memory", "pids", "cpu", "cpuacct")
PERIOD = 100_000
KILL_SECONDS = 10.0
OWN = "supervisor"


@dataclass(frozen=True)
class Limits:
    """What one instance may use: bytes, cores, processes and threads."""

    memory: int
    cpu: float
    processes: int


class Group:
    """The processes of one instance. Reading what is not there gives zero; each folder is one controller's."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._folders = folders

    @property
    def controllers(self) -> frozenset[str]:
        return frozenset(self._folders)

    @property
    def doors(self) -> list[Path]:
        """The files into which a process writes its number to belong here."""
        return [folder / "cgroup.procs" for folder in dict.fromkeys(self._folders.values())]

    def memory(self) -> int:
        return self._number("memory", "memory.current", "memory.usage_in_bytes")

    def peak_memory(self) -> int:
        return self._number("memory", "memory.peak", "memory.max_usage_in_bytes")

    def cpu_seconds(self) -> float:
        used = self._field("cpu", "cpu.stat", "usage_usec")
        return used / 1e6 if used else self._number("cpuacct", "cpuacct.usage") / 1e9

    def out_of_memory(self) -> int:
        """How many of its processes were killed because it used more than its memory."""
        return self._field("memory", "memory.events", "oom_kill") or self._field(
            "memory", "memory.oom_control", "oom_kill"
        )

    def throttled(self) -> int:
        return self._field("cpu", "cpu.stat", "nr_throttled")

    def members(self) -> set[int]:
        return {int(line) for door in self.doors for line in _text(door).split()}

    def kill(self) -> None:
        """End every member, also those that are born meanwhile."""
        until = time.monotonic() + KILL_SECONDS
        while (members := self.members()) and time.monotonic() < until:
            for pid in members:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def remove(self) -> None:
        """End what is left and take the group away; one that cannot be emptied is found by the next supervisor."""
        self.kill()
        for folder in dict.fromkeys(self._folders.values()):
            with suppress(OSError):
                folder.rmdir()

    def _number(self, controller: str, *names: str) -> int:
        for name in names if controller in self._folders else ():
            text = _text(self._folders[controller] / name).strip()
            if text.isdecimal():
                return int(text)
        return 0

    def _field(self, controller: str, file: str, name: str) -> int:
        text = _text(self._folders[controller] / file) if controller in self._folders else ""
        fields = (line.split() for line in text.splitlines())
        return next((int(words[1]) for words in fields if len(words) == 2 and words[0] == name), 0)


class Groups:
    """Makes groups below a folder of our own in each controller that can be written; none where none can."""

    def __init__(self, bases: Mapping[str, Path]) -> None:
        self._bases = bases

    @classmethod
    def found(cls, name: str) -> "Groups":
        """Those of this host, in folders called `name`."""
        return cls(dict(_usable(name)))

    @property
    def controllers(self) -> frozenset[str]:
        return frozenset(self._bases)

    def make(self, name: str, limits: Limits) -> Group:
        """A new group with these limits; a controller that does not take its limit is left out."""
        folders = {}
        for controller, base in self._bases.items():
            folder = base / name
            with suppress(OSError):
                folder.mkdir(exist_ok=True)
                _limit(controller, folder, limits)
                folders[controller] = folder
        return Group(folders)

    def leftovers(self) -> Iterator[Group]:
        """What an earlier supervisor left behind."""
        names = {path.name for base in self._bases.values() for path in base.glob("*/")}
        for name in sorted(names):
            yield Group({key: base / name for key, base in self._bases.items() if (base / name).is_dir()})

    def remove(self) -> None:
        for base in dict.fromkeys(self._bases.values()):
            with suppress(OSError):
                base.rmdir()


def _usable(name: str) -> Iterator[tuple[str, Path]]:
    for controller, places in _places().items():
        for place in places:
            base = place / name
            try:
                base.mkdir(exist_ok=True)
                _require_writable(base)
                if (base / "cgroup.controllers").exists():
                    _delegate(place, base, controller)
                yield controller, base
                break
            except OSError:
                continue


def _require_writable(base: Path) -> None:
    if not os.access(base, os.W_OK):
        raise PermissionError(str(base))


def _places() -> dict[str, list[Path]]:
    """Where a group could be made for each controller: at the root, which only root may, else beside ourselves."""
    own = {key: path for line in _text(MEMBERSHIP).splitlines() for _, key, path in [line.split(":", 2)]}
    places: dict[str, list[Path]] = {}
    for line in _text(MOUNTS).splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        mount = Path(before.split(" ")[4])
        if kind == "cgroup2":
            names = set(_text(mount / "cgroup.controllers").split())
            found = [key for key in CONTROLLERS if key in names]
            joined = own.get("", "/")
        elif kind == "cgroup":
            found = [key for key in CONTROLLERS if key in options.split(",")]
            joined = next((path for key, path in own.items() if set(key.split(",")) & set(found)), "/")
        else:
            continue
        for key in found:
            places[key] = [mount, mount / joined.lstrip("/")]
    return places


def _delegate(place: Path, base: Path, controller: str) -> None:
    """Version 2 hands a controller down step by step, and only below a group that holds no process."""
    _make_room(place)
    for folder in (place, base):
        if controller not in _text(folder / "cgroup.subtree_control").split():
            (folder / "cgroup.subtree_control").write_text(f"+{controller}")


def _make_room(place: Path) -> None:
    """Where a group is ours alone, as that of a unit with `Delegate=`, we step into one below it."""
    alone = _text(place / "cgroup.procs").split() == [str(os.getpid())]
    if alone:
        own = place / OWN
        own.mkdir(exist_ok=True)
        (own / "cgroup.procs").write_text(str(os.getpid()))


def _limit(controller: str, folder: Path, limits: Limits) -> None:
    second = (folder / "cgroup.controllers").exists()
    if controller == "memory":
        _limit_memory(folder, limits.memory, second=second)
    elif controller == "pids":
        (folder / "pids.max").write_text(str(limits.processes))
    elif controller == "cpu" and second:
        (folder / "cpu.max").write_text(f"{int(limits.cpu * PERIOD)} {PERIOD}")
    elif controller == "cpu":
        (folder / "cpu.cfs_quota_us").write_text(str(int(limits.cpu * PERIOD)))


def _limit_memory(folder: Path, size: int, *, second: bool) -> None:
    if second:
        (folder / "memory.max").write_text(str(size))
        wishes = {"memory.swap.max": "0", "memory.oom.group": "1"}
    else:
        (folder / "memory.limit_in_bytes").write_text(str(size))
        wishes = {"memory.memsw.limit_in_bytes": str(size), "memory.swappiness": "0"}
    for name, value in wishes.items():
        with suppress(OSError):
            (folder / name).write_text(value)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""

"""Runs the build of a wheel in the sandbox, within limits, from a worker: nothing of it outlives the call."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from io import BufferedWriter, FileIO
from pathlib import Path
from select import POLLIN, poll
from time import monotonic, sleep
from typing import Any

from django.conf import settings

from serving.environments import LOG_BYTES, POLL_SECONDS, Workshop, shown_log
from serving.errors import BuildRefused
from serving.sandbox import BUILDER, SOURCE, Confined, environment_of, install_code, interpreter_places
from serving.sandbox_cgroups import Group, Groups, Limits
from serving.sandbox_probes import Ground, broken_essentials, probe
from serving.sandbox_processes import Sandboxed

MEBIBYTE = 1024**2
# So many builds at once on a host; each has a user and control groups of its own, after those of instances.
PLACES = 64
# What a wheel says of the time of its files, so that one source always comes to one wheel where its tools allow it.
EPOCH = "315619200"
PIECE = 64 * 1024
# Of the line before the wheel.
HEAD_BYTES = 64 * 1024


@dataclass(frozen=True)
class Ended:
    """How a build ended: what is wrong as a code, empty where its process ended by itself; and the last it wrote."""

    code: int
    wrong: str
    log: str


@dataclass(frozen=True)
class _Place:
    """What no other build on this host has at the same time."""

    uid: int | None
    groups: Groups


def build(told: Mapping[str, Any], *, source: Path, environment: Path, result: Path, shop: Workshop) -> Ended:
    """Build `source` with what is installed in `environment`; what comes of it goes into `result`.

    Raises BuildRefused where the sandbox of this host does not hold, and what `beat` of the workshop raises.
    """
    with _place(shop) as place:
        code = install_code(shop.folder / "code")
        _expect_sound(place, code)
        group = place.groups.make("build", _limits())
        # It is given a pipe: into a file it could put more than its limits say, such as room without end.
        with result.open("xb") as out, _pipe() as (given, giving):
            confined = _confined(told, place, code, source, environment, giving.fileno())
            return _watched(confined, group, shop, given=given, giving=giving, out=out)


def _watched(
    confined: Confined, group: Group, shop: Workshop, *, given: int, giving: FileIO, out: BufferedWriter
) -> Ended:
    until = monotonic() + settings.SOURCE_TIMEOUT_SECONDS
    written, wrong = bytearray(), ""
    with _pipe() as (reading, writing):
        process = Sandboxed(confined, group, output=writing.fileno(), inherited=(giving.fileno(),))
        # From now on it alone can write, so that its end is that of both.
        writing.close()
        giving.close()
        try:
            while (code := process.exit_code()) is None and not wrong:
                shop.beat()
                _take(reading, written)
                _pour(given, out, POLL_SECONDS)
                wrong = _overrun(process, confined, out.tell(), until)
            if group.out_of_memory():
                wrong = "build.source_out_of_memory"
        finally:
            process.clear()
        _take(reading, written)
        while _pour(given, out, 0):
            pass
    return Ended(-1 if code is None else code, wrong, shown_log(written.decode(errors="replace")))


def _overrun(process: Sandboxed, confined: Confined, given: int, until: float) -> str:
    if monotonic() > until:
        return "build.source_too_slow"
    # No wheel it could have made is larger than the place it makes it in.
    if given > confined.temporary + HEAD_BYTES:
        return "build.source_failed"
    # Where no control group holds it to its memory, it is watched.
    watched = "memory" not in process.group.controllers
    return "build.source_out_of_memory" if watched and process.memory() > confined.limits.memory else ""


def _confined(
    told: Mapping[str, Any], place: _Place, code: Path, source: Path, environment: Path, result: int
) -> Confined:
    python, limits = environment / "bin" / "python", _limits()
    own = [(each, str(each)) for each in interpreter_places(python) if not each.is_relative_to("/usr")]
    variables = environment_of({"SOURCE_DATE_EPOCH": EPOCH}, cpu=limits.cpu)
    return Confined(
        command=(str(python), "-I", BUILDER, json.dumps(told), str(result)),
        limits=limits,
        uid=place.uid,
        code=code,
        binds=((source, SOURCE), (environment, str(environment)), *own),
        environment=variables | {"PATH": f"{environment}/bin:{variables['PATH']}"},
        temporary=settings.SOURCE_TEMPORARY_BYTES,
    )


def _limits() -> Limits:
    cores, mebibytes = settings.SOURCE_SPEC
    return Limits(memory=mebibytes * MEBIBYTE, cpu=float(cores), processes=settings.SOURCE_PROCESSES)


@contextmanager
def _place(shop: Workshop) -> Iterator[_Place]:
    """Wait for a free place; whoever dies gives its own back."""
    folder = Path(settings.DATA) / "run" / "builds"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    taken = next(filter(None, _tried(folder, shop)))
    number, lock = taken
    name = hashlib.sha256(str(settings.DATA).encode()).hexdigest()[:12]
    groups = Groups.found(f"modelport-build-{name}-{number}")
    try:
        for left in groups.leftovers():
            left.remove()
        first = settings.SANDBOX_FIRST_UID + settings.SANDBOX_UIDS
        yield _Place(first + number if os.geteuid() == 0 else None, groups)
    finally:
        groups.remove()
        os.close(lock)


def _tried(folder: Path, shop: Workshop) -> Iterator[tuple[int, int] | None]:
    while True:
        for number in range(PLACES):
            lock = os.open(folder / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                flock(lock, LOCK_EX | LOCK_NB)
            except BlockingIOError:
                os.close(lock)
            else:
                yield number, lock
        shop.beat()
        sleep(POLL_SECONDS)
        yield None


# Whether the sandbox was found to hold, by this process.
_sound: set[bool] = set()


def _expect_sound(place: _Place, code: Path) -> None:
    """No code of others runs here before the sandbox was attacked and held; once for each worker."""
    if _sound:
        return
    broken = broken_essentials(probe(Ground(code=code, uid=place.uid, groups=place.groups)))
    if broken:
        raise BuildRefused("build.source_no_sandbox", names=", ".join(broken))
    _sound.add(True)


@contextmanager
def _pipe() -> Iterator[tuple[int, FileIO]]:
    """The end that is read, which never waits, and the one that is written to, which may be closed before."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(reading, False)
    with FileIO(reading, "rb"), FileIO(writing, "wb") as end:
        yield reading, end


def _take(reading: int, written: bytearray) -> None:
    """Of what is there one piece, at most: a flood waits in the pipe. The last of it is kept."""
    with suppress(BlockingIOError):
        written += os.read(reading, PIECE)
        del written[:-LOG_BYTES]


def _pour(given: int, out: BufferedWriter, seconds: float) -> bool:
    """One piece of the result, for which it waits so long; whether there was one."""
    waiting = poll()
    waiting.register(given, POLLIN)
    ready = waiting.poll(seconds * 1000)
    piece = os.read(given, PIECE) if ready else b""
    if ready and not piece:
        sleep(seconds)
    out.write(piece)
    return bool(piece)

"""The supervisor of a host: the only owner of its instance processes.

One loop watches them; the tables are read and written in a thread beside it, so that a database that is slow or away
stops nothing. Instances die with the supervisor, also after kill -9; the next one starts again what is wanted.
"""

import asyncio
import fcntl
import hashlib
import json
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections, connections

from serving import instance_logs
from serving import supervisor_ledger as ledger
from serving import transitions_instances as transitions
from serving.calls import ingest
from serving.models import INSTANCE_RESTS, InstanceState, Wanted
from serving.queries_room import proofs_without_room
from serving.sandbox import NoSuchInterpreter, install_code
from serving.sandbox_cgroups import Groups
from serving.sandbox_probes import Ground, Protection, as_stored, broken_essentials, probe
from serving.sandbox_processes import end_strays
from serving.snapshots import write_snapshot
from serving.supervisor_keeper import Keeper
from serving.supervisor_ledger import CannotStart, Plan, Row
from serving.supervisor_running import RunningInstance
from serving.supervisor_sockets import socket_folder

logger = logging.getLogger(__name__)

ROUND_SECONDS = 0.5
SWEEP_SECONDS = 60.0
# Of the folder in which that of the instances' sockets is made, whose names are long.
LONGEST_PLACE = 40
Result = TypeVar("Result")

# What is done in the thread of the tables after each round, for the gateway of this host.
AFTER_ROUND: tuple[Callable[[], object], ...] = (write_snapshot, ingest)


class AlreadySupervised(Exception):
    """Another supervisor holds this data folder."""


class Supervisor:
    """Use it in the main thread: instances die with the thread that started them."""

    def __init__(self, *, groups: Groups, sockets: Path, code: Path, protections: list[Protection]) -> None:
        self._groups = groups
        self._sockets = sockets
        self._code = code
        self._protections = as_stored(protections)
        self._broken = broken_essentials(protections)
        self._keepers: dict[int, Keeper] = {}
        self._written: dict[int, dict[str, Any]] = {}
        self._rows: dict[int, Row] = {}
        self._crowded: set[int] = set()
        self._uids: set[int] = set()
        self._table = ThreadPoolExecutor(1, thread_name_prefix="tables")
        self._bell = ThreadPoolExecutor(1, thread_name_prefix="bell")
        self._starts = ThreadPoolExecutor(4, thread_name_prefix="starts")
        self._ends = ThreadPoolExecutor(8, thread_name_prefix="ends")
        self._stopping = asyncio.Event()
        self._next_sweep = 0.0

    async def run(self) -> None:
        """Until `stop`; then every instance is stopped, and stays wanted."""
        await self._begin()
        while not self._stopping.is_set():
            began = time.monotonic()
            await self._round()
            await self._sweep_when_due(began)
            await self._wait(began + ROUND_SECONDS - time.monotonic())
        await self._end()

    def stop(self) -> None:
        self._stopping.set()

    # What keepers need

    async def plan(self, pk: int) -> Plan:
        if self._broken:
            raise CannotStart("instance.no_sandbox", final=False, names=", ".join(self._broken))
        try:
            return await self._in(self._starts, partial(ledger.plan_of, pk))
        except DatabaseError as error:
            raise CannotStart("instance.store_unavailable", final=False) from error

    def start(self, row: Row, plan: Plan) -> RunningInstance:
        uid = self._free_uid(row.pk)
        name = row.uuid.hex
        try:
            running = RunningInstance(
                row,
                plan,
                uid=uid,
                code=self._code,
                socket=self._sockets / name,
                group=self._groups.make(name, plan.limits),
                threads=self._ends,
            )
        except BaseException as error:
            self._uids.discard(uid or 0)
            raise _told(error, row) from error
        running.protections = self._protections
        running.released = lambda: self._uids.discard(uid or 0)
        return running

    def _free_uid(self, pk: int) -> int | None:
        """As root a user of its own for each instance; else they all are us, each in namespaces of its own."""
        if os.geteuid() != 0:
            return None
        count = settings.SANDBOX_UIDS
        candidates = (settings.SANDBOX_FIRST_UID + (pk + step) % count for step in range(count))
        uid = next((uid for uid in candidates if uid not in self._uids), None)
        if uid is None:
            raise CannotStart("instance.no_sandbox", final=False, names="MODELPORT_SANDBOX_UIDS")
        self._uids.add(uid)
        return uid

    # The tables

    async def _begin(self) -> None:
        """Nothing is started before the table was brought up to date: a database that is away is waited for."""
        while not self._stopping.is_set():
            try:
                for pk in await self._in(self._table, ledger.begin):
                    self._ring(pk)
                return
            except DatabaseError as error:
                logger.warning("database is away", extra={"reason": str(error)[:500]})
                await self._wait(1)

    async def _round(self) -> None:
        try:
            await self._write()
            self._rows = await self._in(self._table, ledger.rows)
            self._crowded = await self._find_crowded()
            await self._apply()
        except DatabaseError as error:
            logger.warning("database is away; instances keep running", extra={"reason": str(error)[:500]})
        for work in AFTER_ROUND:
            await self._do(work)

    async def _do(self, work: Callable[[], object]) -> None:
        """A failure of what others do here must not stop the supervisor."""
        try:
            await self._in(self._table, work)
        except Exception:
            logger.exception("work of a round failed")

    async def _write(self) -> None:
        """Write what changed since the last time, and forget keepers that are done once that is written."""
        done = [pk for pk, keeper in self._keepers.items() if keeper.done]
        seen = {pk: dict(keeper.values) for pk, keeper in self._keepers.items()}
        changed = {pk: _difference(self._written.get(pk, {}), values) for pk, values in seen.items()}
        changed = {pk: values for pk, values in changed.items() if values}
        gone = await self._in(self._table, partial(ledger.write, changed)) if changed else set()
        for pk, values in changed.items():
            if "state" in values and pk not in gone:
                self._ring(pk)
        self._written.update(seen)
        for pk in done:
            self._forget(pk)

    def _forget(self, pk: int) -> None:
        keeper = self._keepers.pop(pk)
        self._written.pop(pk, None)
        if pk not in self._rows:
            self._ends.submit(instance_logs.remove, keeper.row.uuid)

    async def _find_crowded(self) -> set[int]:
        """Proofs that wait for memory: services have a promise of theirs, proofs come as it is free."""
        if not any(row.may_wait and pk not in self._keepers for pk, row in self._rows.items()):
            return set()
        return await self._in(self._table, partial(proofs_without_room, set(self._keepers)))

    async def _apply(self) -> None:
        for pk, row in self._rows.items():
            await self._apply_to(pk, row)
        for pk in self._keepers.keys() - self._rows.keys():
            self._keepers[pk].end()

    async def _apply_to(self, pk: int, row: Row) -> None:
        keeper = self._keepers.get(pk)
        if keeper is not None:
            if row.wanted == Wanted.STOPPED:
                keeper.end()
        elif row.wants_process:
            if pk not in self._crowded:
                self._keepers[pk] = Keeper(row, self)
                self._written[pk] = {"state": InstanceState(row.state), "starts": row.starts}
        elif row.state not in INSTANCE_RESTS and await self._in(self._table, partial(transitions.stop_unstarted, pk)):
            self._ring(pk)

    def _ring(self, pk: int) -> None:
        self._bell.submit(transitions.ring, pk)

    async def _sweep_when_due(self, moment: float) -> None:
        if moment >= self._next_sweep:
            self._next_sweep = moment + SWEEP_SECONDS
            await self._do(ledger.sweep)

    async def _end(self) -> None:
        for keeper in self._keepers.values():
            keeper.end(InstanceState.PENDING, transitions.STOPPED_WITH_HOST)
        for keeper in list(self._keepers.values()):
            await keeper.finished()
        await self._do_last()
        for pool in (self._table, self._bell, self._starts, self._ends):
            pool.shutdown(wait=False, cancel_futures=True)

    async def _do_last(self) -> None:
        try:
            await self._write()
        except DatabaseError as error:
            logger.warning("last words were not written", extra={"reason": str(error)[:500]})

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), max(0.0, seconds))
        except TimeoutError:
            return

    async def _in(self, threads: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(threads, _with_connection, work)


def _told(error: BaseException, row: Row) -> BaseException:
    """What kept a process from being started, in words where it was the host and no mistake of ours."""
    if isinstance(error, NoSuchInterpreter):
        told = CannotStart("instance.no_interpreter", final=False)
    elif isinstance(error, OSError):
        told = ledger.no_room_or_right(error)
    else:
        return error
    logger.warning("process cannot be started", extra={"instance": row.pk, "reason": str(error)[:500]})
    return told


def supervise(data: Path) -> None:
    """Supervise this host until a signal to stop. Raises AlreadySupervised."""
    run = data / "run"
    run.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as stack:
        stack.enter_context(_alone(run))
        groups = Groups.found(f"modelport-{hashlib.sha256(str(data).encode()).hexdigest()[:12]}")
        stack.callback(groups.remove)
        code = install_code(run / "sandbox")
        _end_leftovers(groups, code)
        _forget_leftovers()
        sockets = stack.enter_context(socket_folder(run / "instance-sockets", longest=LONGEST_PLACE))
        uid = settings.SANDBOX_FIRST_UID if os.geteuid() == 0 else None
        protections = probe(Ground(code=code, uid=uid, groups=groups))
        _note(run, protections)
        asyncio.run(_supervise(groups, sockets, code, protections))


async def _supervise(groups: Groups, sockets: Path, code: Path, protections: list[Protection]) -> None:
    supervisor = Supervisor(groups=groups, sockets=sockets, code=code, protections=protections)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, supervisor.stop)
    await supervisor.run()


def _end_leftovers(groups: Groups, code: Path) -> None:
    if count := end_strays(code):
        logger.warning("ended sandboxes of an earlier supervisor", extra={"count": count})
    for group in groups.leftovers():
        group.remove()


def _forget_leftovers() -> None:
    """At once, so that nobody is sent to a process that is gone while the sandbox is probed."""
    try:
        for pk in ledger.begin():
            transitions.ring(pk)
    except DatabaseError:
        logger.warning("database is away; the table is brought up to date later")
    finally:
        connections.close_all()


def _note(run: Path, protections: list[Protection]) -> None:
    """Keep the result where operators find it."""
    (run / "protections.json").write_text(json.dumps(as_stored(protections), indent=1))
    inactive = {each.code: each.reason for each in protections if not each.active}
    if inactive:
        logger.warning("protections of the sandbox are not active", extra={"protections": inactive})


@contextmanager
def _alone(run: Path) -> Iterator[None]:
    with (run / "supervisor.lock").open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadySupervised(str(run)) from error
        yield


def _with_connection(work: Callable[[], Result]) -> Result:
    """In a thread: connections that are too old or broken are not used, and none stays open after an error."""
    close_old_connections()
    try:
        return work()
    except DatabaseError:
        connections.close_all()
        raise


def _difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in after.items() if name not in before or before[name] != value}

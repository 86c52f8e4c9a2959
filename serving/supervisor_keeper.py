"""One instance from its start to its end: loading, health, crashes, back-off, and what is observed of it."""

import asyncio
import logging
import signal
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.utils.timezone import now

from serving.instance_logs import failure_in
from serving.models import InstanceState, Purpose
from serving.sandbox_processes import SIGNALLED
from serving.supervisor_health import Health, ask
from serving.supervisor_ledger import MEBIBYTE, CannotStart, Plan, Row
from serving.transitions_instances import NOT_RUNNING, STOPPED_AT, STOPPED_WITH_HOST

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.2
LOADING_SECONDS = 0.3
MISSED_SECONDS = 1.0
MISSES = 3
# The server ends by itself when loading takes too long; this is for one that cannot even do that.
LOAD_MARGIN = 10
BACK_OFF = (1, 2, 5, 15, 30)
STATISTICS_SECONDS = 5.0
# For memory that no control group limits.
MEASURE_SECONDS = 0.5
# Codes with which `inference/server.py` says why it did not load: trying again changes nothing.
FINAL = {
    2: "instance.misused",
    10: "instance.refused",
    11: "instance.code_failed",
    12: "instance.engine_failed",
    13: "instance.cannot_listen",
    14: "instance.load_slow",
}


@dataclass(frozen=True)
class Ended:
    """Why a process is not there any more, or never was."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    final: bool = False
    crash: bool = True
    exit_code: int | None = None


class Running(Protocol):
    """A started process as it is seen from here."""

    socket: Path
    log: Path
    protections: list[dict[str, Any]]

    def exit_code(self) -> int | None: ...
    def server(self) -> int | None: ...
    def out_of_memory(self) -> bool:
        """Whether the kernel, or its keeper, ended any of it for using too much memory."""
        ...

    def overruns(self) -> bool:
        """Whether it uses too much memory and no control group stops it."""
        ...

    def statistics(self) -> dict[str, Any]: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    async def clear(self) -> None:
        """End it and wait until nothing of it is left; what it printed is in its log then. May be called again."""
        ...


class Host(Protocol):
    """What keepers need of the supervisor."""

    async def plan(self, pk: int) -> Plan: ...
    def start(self, row: Row, plan: Plan) -> Running: ...


class Keeper:
    """Keeps one instance as its row wants it. `values` is what is observed, in the words of the table."""

    def __init__(self, row: Row, host: Host) -> None:
        self.row = row
        self.values: dict[str, Any] = {"state": InstanceState.PENDING, "starts": row.starts}
        self._host = host
        self._interrupted = row.reason == STOPPED_WITH_HOST
        self._crashes: deque[float] = deque(maxlen=settings.INSTANCE_CRASHES)
        self._ending = asyncio.Event()
        self._last: dict[str, Any] = {"state": InstanceState.STOPPED, "reason_code": "", "reason_params": {}}
        self._task = asyncio.create_task(self._live())

    @property
    def done(self) -> bool:
        return self._task.done()

    async def finished(self) -> None:
        await asyncio.wait([self._task])

    def end(self, state: InstanceState = InstanceState.STOPPED, code: str = "") -> None:
        """Let it finish and go; it rests in this state."""
        self._last |= {"state": state, "reason_code": code}
        self._ending.set()

    async def _live(self) -> None:
        while not self._ending.is_set():
            ended = await self._turn()
            if ended is not None and self._is_over(ended):
                self._say(InstanceState.FAILED, ended)
                return
            if ended is not None:
                await self._pause(ended)
        self.values |= self._last | self._stopped_at() | NOT_RUNNING | {"seen_at": now(), "restart_at": None}

    def _stopped_at(self) -> dict[str, Any]:
        """When its host stopped it, for those who look once the host is back; nothing where that is told already."""
        if self._last["reason_code"] != STOPPED_WITH_HOST:
            return {}
        told = self.values.get("reason_code", self.row.reason) == STOPPED_WITH_HOST
        return {"reason_params": self.row.reason_params if told else {STOPPED_AT: now().isoformat()}}

    async def _turn(self) -> Ended | None:
        """One process from start to end; None when its end was wanted. Bugs of ours do not leave the instance alone."""
        try:
            return await self._run()
        except CannotStart as reason:
            return Ended(reason.code, reason.params, final=reason.final, crash=False)
        except Exception:
            logger.exception("watching an instance failed", extra={"instance": self.row.pk})
            return Ended("instance.bug")

    async def _run(self) -> Ended | None:
        plan = await self._host.plan(self.row.pk)
        if self._ending.is_set():
            return None
        process = self._host.start(self.row, plan)
        try:
            self._started(process)
            return await _Watch(self, process, plan).until_end()
        finally:
            await process.clear()

    def _started(self, process: Running) -> None:
        self.values |= NOT_RUNNING | {
            "state": InstanceState.STARTING,
            "reason_code": STOPPED_WITH_HOST if self._interrupted else "",
            "reason_params": self.row.reason_params if self._interrupted else {},
            "exit_code": None,
            "restart_at": None,
            "starts": self.values["starts"] + 1,
            "started_at": now(),
            "seen_at": now(),
            "peak_memory": 0,
            "cpu_seconds": 0.0,
            "protections": process.protections,
            "socket": str(process.socket),
        }

    def _is_over(self, ended: Ended) -> bool:
        """Whether it is left alone: for good reason, because nobody waits for a second try, or after many crashes."""
        if not ended.crash:
            return ended.final
        self._crashes.append(time.monotonic())
        spell = self._crashes[-1] - self._crashes[0]
        often = len(self._crashes) == settings.INSTANCE_CRASHES and spell <= settings.INSTANCE_CRASH_SECONDS
        return ended.final or often or self.row.purpose == Purpose.PROOF

    async def _pause(self, ended: Ended) -> None:
        recent = sum(time.monotonic() - crash <= settings.INSTANCE_CRASH_SECONDS for crash in self._crashes)
        seconds = BACK_OFF[min(max(recent, 1), len(BACK_OFF)) - 1] if ended.crash else settings.INSTANCE_RETRY_SECONDS
        self._say(InstanceState.RESTARTING, ended)
        self.values["restart_at"] = now() + timedelta(seconds=seconds)
        await self.wait(seconds)

    def _say(self, state: InstanceState, ended: Ended) -> None:
        self._interrupted = False
        self.values |= NOT_RUNNING | {
            "state": state,
            "reason_code": ended.code,
            "reason_params": dict(ended.params),
            "exit_code": ended.exit_code,
            "seen_at": now(),
        }

    @property
    def ending(self) -> bool:
        return self._ending.is_set()

    async def wait(self, seconds: float) -> None:
        """Less when its end is wanted."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), seconds)


class _Watch:
    """One running process under the eyes of its keeper."""

    def __init__(self, keeper: Keeper, process: Running, plan: Plan) -> None:
        self._keeper = keeper
        self._values = keeper.values
        self._process = process
        self._plan = plan
        self._began = time.monotonic()
        self._misses = 0
        self._unhealthy_since = 0.0
        self._next_question = self._next_statistics = self._next_measure = 0.0
        self._question: asyncio.Task[Health] | None = None

    async def until_end(self) -> Ended | None:
        try:
            while (code := self._process.exit_code()) is None:
                if self._keeper.ending:
                    await self._stop()
                    return None
                if (ended := self._look()) is not None:
                    return ended
                await self._keeper.wait(TICK_SECONDS)
            return await self._verdict(code)
        finally:
            if self._question:
                self._question.cancel()

    async def _stop(self) -> None:
        """Ask, wait for the grace, and leave the rest to the clearing."""
        self._process.terminate()
        until = time.monotonic() + settings.INSTANCE_GRACE_SECONDS
        while self._process.exit_code() is None and time.monotonic() < until:
            await asyncio.sleep(TICK_SECONDS / 4)

    def _look(self) -> Ended | None:
        """Health and statistics when it is time; an end when it must be ended."""
        moment = time.monotonic()
        if moment >= self._next_statistics:
            self._next_statistics = moment + STATISTICS_SECONDS
            self._values |= self._process.statistics() | {"seen_at": now(), "pid": self._process.server()}
        if moment >= self._next_measure:
            self._next_measure = moment + MEASURE_SECONDS
            if self._process.overruns():
                return self._out_of_memory(None)
        if self._question is None and moment >= self._next_question:
            self._question = asyncio.create_task(ask(self._process.socket, seconds=settings.INSTANCE_HEALTH_SECONDS))
        if self._question is not None and self._question.done():
            health, self._question = self._question.result(), None
            return self._judge(health, time.monotonic())
        return None

    def _judge(self, health: Health, moment: float) -> Ended | None:
        if self._values["state"] == InstanceState.STARTING and health is not Health.READY:
            self._next_question = moment + LOADING_SECONDS
            slow = moment - self._began > self._plan.load_seconds + LOAD_MARGIN
            return Ended("instance.load_slow", {"seconds": self._plan.load_seconds}, final=True) if slow else None
        if health is Health.READY:
            self._next_question = moment + settings.INSTANCE_HEALTH_SECONDS
            self._is_well()
            return None
        self._next_question = moment + min(MISSED_SECONDS, settings.INSTANCE_HEALTH_SECONDS)
        return self._missed(moment)

    def _is_well(self) -> None:
        self._misses = 0
        if self._values["state"] != InstanceState.READY:
            first = {} if self._values["ready_at"] else {"ready_at": now()}
            seen = {"seen_at": now(), "pid": self._process.server()} | self._process.statistics()
            # When its host stopped it stays told, for those who look only now.
            told: dict[str, Any] = {} if self._values["reason_code"] == STOPPED_WITH_HOST else {"reason_params": {}}
            self._values |= {"state": InstanceState.READY, "reason_code": ""} | told | first | seen

    def _missed(self, moment: float) -> Ended | None:
        self._misses += 1
        if self._misses == MISSES:
            self._unhealthy_since = moment
            self._values |= {"state": InstanceState.UNHEALTHY, "reason_code": "instance.unhealthy", "seen_at": now()}
        hopeless = self._misses > MISSES and moment - self._unhealthy_since > settings.INSTANCE_UNHEALTHY_SECONDS
        return Ended("instance.unhealthy") if hopeless else None

    async def _verdict(self, code: int) -> Ended:
        """Why it ended, from its code, its control group and its log."""
        self._values |= {name: value for name, value in self._process.statistics().items() if value}
        if self._process.out_of_memory():
            return self._out_of_memory(code)
        await self._process.clear()
        if code in FINAL:
            said = failure_in(self._process.log) or {"place": "", "message": ""}
            params = said | {"seconds": self._plan.load_seconds}
            return Ended(FINAL[code], params, final=True, exit_code=code)
        if code == 0:
            return Ended("instance.ended", exit_code=0)
        if code > SIGNALLED:
            return Ended("instance.killed", {"signal": _signal_name(code - SIGNALLED)}, exit_code=code)
        return Ended("instance.crashed", {"exit_code": code}, exit_code=code)

    def _out_of_memory(self, code: int | None) -> Ended:
        limit = self._plan.limits.memory // MEBIBYTE
        return Ended("instance.out_of_memory", {"limit": limit}, exit_code=code)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)

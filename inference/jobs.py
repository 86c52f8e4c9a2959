"""Inference threads and the requests that wait for them."""

from __future__ import annotations

import queue
import threading
import time
from functools import partial
from typing import Callable

from .contract import Outcome

Work = Callable[[], Outcome]
Done = Callable[["Job"], None]


class Job:
    """One request on its way through a thread. The event loop may take it back until a thread has claimed it."""

    def __init__(self, work: Work, done: Done) -> None:
        self.work: Work | None = work
        self.done = done
        self.started: float | None = None
        self.outcome: Outcome | None = None
        self.overdue = False
        self._claim = threading.Lock()

    def claim(self) -> bool:
        """True for the first to ask: a thread that will do it, or the event loop that gives it up."""
        return self._claim.acquire(False)


class Jobs:
    """Threads that work off jobs. All but `work_here` belongs to the thread of the event loop."""

    def __init__(
        self,
        threads: int,
        queue_limit: int,
        deliver: Callable[[Callable[[], None]], None],
        soon: Callable[[Callable[[], None]], None],
    ) -> None:
        """`deliver` runs a function in the thread of the event loop; `soon` there, after what has arrived is read."""
        self._threads = threads
        self._limit = threads + queue_limit
        self._deliver = deliver
        self._soon = soon
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._open: set[Job] = set()
        # Not in the queue yet: while all threads are busy, what arrives together is handed over together, since each
        # hand-over takes the interpreter from the thread that reads.
        self._kept: list[Job] = []
        self._helpers: list[threading.Thread] = []
        self.answered = 0
        self.failed = 0

    def start_helpers(self) -> None:
        """All threads but the first, which is the caller of `work_here`."""
        for number in range(1, self._threads):
            helper = threading.Thread(target=self.work_here, name=f"inference-{number + 1}", daemon=True)
            self._helpers.append(helper)
            helper.start()

    def submit(self, work: Work, done: Done) -> Job | None:
        """Queue work; `done` is called in the event loop. None when too many wait already."""
        if len(self._open) >= self._limit:
            return None
        job = Job(work, done)
        self._open.add(job)
        if len(self._open) <= self._threads:
            self._queue.put(job)
            return job
        if not self._kept:
            self._soon(self._hand_over)
        self._kept.append(job)
        return job

    def _hand_over(self) -> None:
        for job in self._kept:
            self._queue.put(job)
        self._kept.clear()

    def give_up(self, job: Job) -> bool:
        """Take back a job nobody waits for; True when no thread had begun it, and none will."""
        if not job.claim():
            return False
        # It stays in the queue, but not what it holds of the request.
        job.work = None
        self._open.discard(job)
        return True

    def late(self, begun_before: float) -> list[Job]:
        """Jobs that were begun before this and are still worked on, but for those that are known to be overdue."""
        return [job for job in self._open if job.started is not None and job.started < begun_before and not job.overdue]

    def work_here(self) -> None:
        """Work off jobs in this thread until `stop`."""
        while True:
            job = self._queue.get()
            if job is None:
                self._queue.put(None)
                return
            work = job.work
            if work is not None and job.claim():
                job.started = time.monotonic()
                job.outcome = work()
                self._deliver(partial(self._finish, job))

    def stop(self) -> None:
        """Let each thread end after what it is at."""
        self._queue.put(None)

    def _finish(self, job: Job) -> None:
        self._open.discard(job)
        self.answered += 1
        if job.outcome is not None and job.outcome.answer.status >= 400:
            self.failed += 1
        job.done(job)

    @property
    def running(self) -> int:
        """How many are being worked on, stuck ones included."""
        return sum(1 for job in self._open if job.started is not None)

    @property
    def waiting(self) -> int:
        """How many nobody has begun."""
        return len(self._open) - self.running

    @property
    def stuck(self) -> int:
        """How many were answered 504 and have not come back."""
        return sum(1 for job in self._open if job.overdue)

    @property
    def all_stuck(self) -> bool:
        """Whether no thread is left that could answer."""
        return self.stuck >= self._threads

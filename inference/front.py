"""What all connections share: the state of the server, its limits and counts, and the watch over deadlines."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any, Callable, Protocol

from .answers import Answer, json_answer, refusal
from .contract import Outcome, ask
from .decoding import Request
from .failures import describe, log, log_failure
from .http_head import Head, HttpError
from .jobs import Job, Jobs
from .loading import Loaded
from .settings import Limits

_METHODS = {"/": ("GET", "POST"), "/health": ("GET", "HEAD")}


class Watched(Protocol):
    """A connection, as it is seen from here."""

    deadline: float

    def expire(self, now: float) -> None:
        """Its deadline has passed."""

    def close_if_idle(self) -> None:
        """Close unless something is to be answered."""

    def abort(self) -> None:
        """Close at once."""


class Front:
    """Belongs to the thread of the event loop; only `ready` may be called from the one that loaded."""

    def __init__(self, limits: Limits, jobs: Jobs) -> None:
        self.limits = limits
        self.jobs = jobs
        self.connections: set[Watched] = set()
        self.date = ""
        self.stopping = False
        self._loaded: Loaded | None = None
        self._refused = 0
        self.tick()

    @property
    def loading(self) -> bool:
        """Whether the model is not there yet."""
        return self._loaded is None

    @property
    def state(self) -> str:
        """In a word."""
        if self.stopping:
            return "stopping"
        return "loading" if self.loading else "ready"

    @property
    def interval(self) -> float:
        """How often `tick` must be called so that deadlines are kept."""
        shortest: float = min(value for name, value in vars(self.limits).items() if name.endswith("seconds"))
        return max(0.02, min(0.5, shortest / 4))

    def ready(self, loaded: Loaded) -> None:
        """The model can be asked."""
        self._loaded = loaded

    def stop(self) -> None:
        """Take nothing more; connections that wait for a request are closed."""
        self.stopping = True
        for connection in list(self.connections):
            connection.close_if_idle()

    def admit(self, connection: Watched) -> bool:
        """Count a new connection; False when there are too many."""
        admitted = len(self.connections) < self.limits.connections
        self.connections.add(connection)
        return admitted

    def immediate(self, head: Head) -> Answer | None:
        """The answer to a request that is no prediction, or cannot be one now."""
        methods = _METHODS.get(head.path)
        if methods is None:
            return refusal(404, "Only / is served here, and /health")
        if head.method not in methods:
            allowed = ", ".join(methods)
            return refusal(405, f"{head.path} takes only {allowed}", Allow=allowed)
        if head.path == "/health":
            return self.health()
        if self.state != "ready":
            return refusal(503, f"The model is {self.state}", Retry_After="1")
        return None

    def health(self) -> Answer:
        """200 while predictions can be answered; the documented value is text."""
        healthy = self.state == "ready" and not self.jobs.all_stuck
        jobs = self.jobs
        value: dict[str, Any] = {"health": "true" if healthy else "false", "state": self.state}
        value.update(running=jobs.running, waiting=jobs.waiting, stuck=jobs.stuck)
        value.update(answered=jobs.answered, failed=jobs.failed, refused=self._refused)
        return json_answer(200 if healthy else 503, value)

    def submit(self, request: Request, done: Callable[[Job], None]) -> Job | None:
        """Let a thread answer a request; None when too many wait."""
        loaded = self._loaded
        assert loaded is not None
        return self.jobs.submit(lambda: _answer(loaded, request), done)

    def overdue(self, job: Job) -> None:
        """A prediction was answered 504; what works on it cannot be stopped."""
        job.overdue = True
        log("error", "stuck", seconds=self.limits.seconds, stuck=self.jobs.stuck, threads=self.limits.threads)

    def refused(self, error: HttpError) -> None:
        """A request was no HTTP that is served here."""
        self._refused += 1
        log("warning", "refused", status=error.status, message=error.message)

    def tick(self) -> None:
        """Keep the deadlines and the date."""
        self.date = formatdate(usegmt=True)
        now = time.monotonic()
        for connection in list(self.connections):
            if now >= connection.deadline:
                connection.expire(now)
        # Nobody waits for these any more, yet they hold a thread.
        for job in self.jobs.late(now - self.limits.seconds):
            self.overdue(job)


def _answer(loaded: Loaded, request: Request) -> Outcome:
    """In an inference thread: ask, and log what failed. Never raises, for that would end the thread."""
    try:
        outcome = ask(loaded, request)
    except BaseException as error:
        outcome = Outcome(refusal(500, "The server failed"), describe(error, loaded.package, "server"))
    if outcome.failure is not None:
        log_failure(outcome.failure, request=request.id or None, status=outcome.answer.status)
    return outcome

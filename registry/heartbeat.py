"""How a worker shows that it lives while it writes an export, and learns that the job is no longer its own."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Event
from time import monotonic

from django.conf import settings

from registry import shutdown
from registry import transitions_exports as transitions
from registry.models_exports import ExportJob


class ClaimLost(Exception):
    """The job was cancelled, taken over or handed back, or its version or bucket is gone: leave quietly."""


class Heartbeat:
    """Work that uses no database goes on in a thread of its own, however long a storage takes; this thread writes down
    how far it is and renews the lease. It raises ClaimLost once the job is not this worker's any more, also because it
    hands it back when the worker was asked to stop; the work then ends at the next thing it counts.
    """

    def __init__(self, job: ExportJob) -> None:
        self._job = job
        self._bytes = 0
        self._sha256 = ""
        self._wake, self._answered = Event(), Event()
        self._ended = False
        self._wait()

    def start(self, size: int) -> None:
        """Say how much there is to write."""
        self._write(bytes_total=size)
        self._job.bytes_total = size

    def during(self, work: Callable[[], None]) -> None:
        """Do the work, and beat meanwhile."""
        with ThreadPoolExecutor(1, thread_name_prefix="export") as pool:
            result = pool.submit(copy_context().run, work)
            result.add_done_callback(lambda _: self._wake.set())
            try:
                while not result.done():
                    self._wake.wait(settings.EXPORT_HEARTBEAT_SECONDS)
                    self._wake.clear()
                    self._place()
                    self._beat()
            except BaseException:
                self._ended = True
                self._answered.set()
                raise
            result.result()

    # In the thread of the work

    def while_claimed(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if self._ended:
                raise ClaimLost
            yield chunk

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks; one counts as written when the next is asked for."""
        for chunk in self.while_claimed(chunks):
            yield chunk
            self._bytes += len(chunk)

    def place(self, sha256: str) -> None:
        """Ask whether the object may get its name now; from then on nobody cancels it."""
        self._sha256 = sha256
        self._wake.set()
        self._answered.wait()
        if self._ended:
            raise ClaimLost

    # In the thread of the worker

    def _place(self) -> None:
        if self._sha256 and not self._answered.is_set():
            if not transitions.place(self._job, self._sha256):
                raise ClaimLost
            self._answered.set()

    def _beat(self) -> None:
        if monotonic() >= self._due:
            self._write()

    def _write(self, **totals: int) -> None:
        if shutdown.asked() and not self._job.placing:
            transitions.hand_back(self._job)
            raise ClaimLost
        if not transitions.renew(self._job, bytes_done=self._bytes, **totals):
            raise ClaimLost
        self._wait()

    def _wait(self) -> None:
        self._due = monotonic() + settings.EXPORT_HEARTBEAT_SECONDS

"""How a worker shows that it lives while it works, and learns that the job is no longer its own."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextvars import copy_context
from threading import Lock
from time import monotonic
from typing import TypeVar

from django.conf import settings

from importers import transitions
from importers.models import ImportJob
from registry import shutdown

Item = TypeVar("Item")
Result = TypeVar("Result")


class ClaimLost(Exception):
    """The job was cancelled, taken over or handed back, or its version was deleted: leave quietly."""


class Heartbeat:
    """Counts what really moved; at most every IMPORT_HEARTBEAT_SECONDS it writes that down and renews the lease.

    Only the worker's own thread writes. It raises ClaimLost once the job is not this worker's any more, also because
    it hands it back when the worker was asked to stop; work in other threads then ends at the next thing it counts or
    takes up.
    """

    def __init__(self, job: ImportJob) -> None:
        self._job = job
        self._files = 0
        self._bytes = 0
        self._counting = Lock()
        self._ended = False
        self._wait()

    def start(self, *, files: int, size: int) -> None:
        """Say how much there is to move."""
        self._write(files_total=files, bytes_total=size)

    def known(self, *, files: int, size: int) -> None:
        """Count what needs no moving."""
        with self._counting:
            self._files += files
            self._bytes += size

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks; one counts as moved when the next is asked for."""
        for chunk in self.while_claimed(chunks):
            yield chunk
            with self._counting:
                self._bytes += len(chunk)

    def file_done(self) -> None:
        with self._counting:
            self._files += 1

    def finish(self) -> None:
        """Write down the last bytes whatever the time."""
        self._write()

    def beat(self) -> None:
        """Costs nothing until it is time again."""
        if monotonic() >= self._due:
            self._write()

    def during(self, work: Callable[[], Result]) -> Result:
        """Do work that touches no database in a thread, and beat meanwhile."""
        return self.during_each(lambda _: work(), [None])[0]

    def during_each(
        self,
        work: Callable[[Item], Result],
        items: Iterable[Item],
        *,
        threads: int = 1,
        done: Callable[[Sequence[Result]], None] = lambda _: None,
    ) -> list[Result]:
        """The results of work on each item, in their order; the first failure ends the rest.

        `done` gets the results of about a beat at a time, in this thread, where it may use the database.
        """
        with ThreadPoolExecutor(threads, thread_name_prefix="import") as pool:
            results = [pool.submit(copy_context().run, work, item) for item in items]
            waiting = set(results)
            try:
                while waiting:
                    ended, waiting = wait(waiting, settings.IMPORT_HEARTBEAT_SECONDS, FIRST_EXCEPTION)
                    if ended:
                        done([result.result() for result in ended])
                    self.beat()
            except BaseException:
                self._ended = True
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            return [result.result() for result in results]

    def while_claimed(self, items: Iterable[Item]) -> Iterator[Item]:
        """The same items, for work in a thread."""
        for item in items:
            if self._ended:
                raise ClaimLost
            yield item

    def _write(self, **totals: int) -> None:
        if shutdown.asked():
            transitions.hand_back(self._job)
            raise ClaimLost
        if not transitions.renew(self._job, files_done=self._files, bytes_done=self._bytes, **totals):
            raise ClaimLost
        self._wait()

    def _wait(self) -> None:
        self._due = monotonic() + settings.IMPORT_HEARTBEAT_SECONDS

"""How a worker shows that it lives while it works, and learns that the job is no longer its own."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from time import monotonic
from typing import TypeVar

from django.conf import settings

from importers import transitions
from importers.models import ImportJob

Item = TypeVar("Item")
Result = TypeVar("Result")


class ClaimLost(Exception):
    """The job was cancelled or taken over, or its version was deleted: leave quietly."""


class Heartbeat:
    """Counts what really moved; at most every IMPORT_HEARTBEAT_SECONDS it writes that down and renews the lease.

    Every method raises ClaimLost once the job is not this worker's any more.
    """

    def __init__(self, job: ImportJob) -> None:
        self._job = job
        self._files = 0
        self._bytes = 0
        self._lost = False
        self._due = 0.0
        self._wait()

    def start(self, *, files: int, size: int) -> None:
        """Say how much there is to move."""
        self._write(files_total=files, bytes_total=size)

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks; one counts as moved when the next is asked for."""
        for chunk in chunks:
            yield chunk
            self._bytes += len(chunk)
            self.beat()

    def file_done(self) -> None:
        self._files += 1
        self.beat()

    def finish(self) -> None:
        """Write down the last bytes whatever the time."""
        self._write()

    def beat(self) -> None:
        """Costs nothing until it is time again."""
        if monotonic() >= self._due:
            self._write()

    def during(self, work: Callable[[], Result]) -> Result:
        """Do work that touches no database in a thread, and beat meanwhile."""
        with ThreadPoolExecutor(1, thread_name_prefix="import") as pool:
            result = pool.submit(work)
            while not result.done():
                wait([result], timeout=settings.IMPORT_HEARTBEAT_SECONDS)
                self.beat()
            return result.result()

    def while_claimed(self, items: Iterable[Item]) -> Iterator[Item]:
        """The same items for work in a thread, which ends between two of them when the claim is lost."""
        for item in items:
            if self._lost:
                raise ClaimLost
            yield item

    def _write(self, **totals: int) -> None:
        if not transitions.renew(self._job, files_done=self._files, bytes_done=self._bytes, **totals):
            self._lost = True
            raise ClaimLost
        self._wait()

    def _wait(self) -> None:
        self._due = monotonic() + settings.IMPORT_HEARTBEAT_SECONDS

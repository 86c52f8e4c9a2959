"""Carries what instances print into their bounded logs, at a pace that a flood cannot raise."""

import asyncio
import os

from serving.instance_logs import BoundedLog

PIECE = 64 * 1024
# A flood is read at this pace, so it waits in the instance and costs the supervisor next to nothing.
PIECES_PER_SECOND = 16
AFTER_END = 4


class LogPipe:
    """The reading end stays here; `writing` is for the process and closed by `started`."""

    def __init__(self, log: BoundedLog) -> None:
        self._log = log
        self._reading, self.writing = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._reading, False)
        self._loop = asyncio.get_running_loop()
        self._later: asyncio.TimerHandle | None = None
        self._listen()

    def started(self) -> None:
        os.close(self.writing)

    def close(self) -> None:
        """Take what is left, but no more than a flood may leave."""
        self._loop.remove_reader(self._reading)
        if self._later:
            self._later.cancel()
        for _ in range(AFTER_END):
            if not self._take():
                break
        os.close(self._reading)
        self._log.close()

    def _listen(self) -> None:
        self._loop.add_reader(self._reading, self._read)

    def _read(self) -> None:
        self._loop.remove_reader(self._reading)
        if self._take() != b"":
            self._later = self._loop.call_later(1 / PIECES_PER_SECOND, self._listen)

    def _take(self) -> bytes | None:
        """What was there; empty at the end, None when there is nothing now."""
        try:
            piece = os.read(self._reading, PIECE)
        except BlockingIOError:
            return None
        self._log.write(piece)
        return piece

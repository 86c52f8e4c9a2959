"""An instance as the gateway sees it: a socket, connections that are kept, and what it is at work on."""

import asyncio
import time

from serving.gateway.upstream import Upstream

_KEPT = 32
# Less than the server of a model waits for a next request, so a kept connection is hardly ever closed just then.
_IDLE_SECONDS = 30.0


class Backend:
    """Belongs to the event loop. `busy` counts calls that were sent whole and are not answered."""

    __slots__ = ("_idle", "_retired", "busy", "limit", "socket", "used_at")

    def __init__(self, socket: str, limit: int) -> None:
        self.socket = socket
        self.limit = limit
        self.busy = 0
        self.used_at = 0.0
        self._idle: list[Upstream] = []
        self._retired = False

    @property
    def full(self) -> bool:
        return self.busy >= self.limit

    @property
    def load(self) -> tuple[int, float]:
        """What orders instances: the least busy one first, of equals the one that was asked longest ago."""
        return self.busy, self.used_at

    def kept(self) -> Upstream | None:
        """A connection that was used before, and is still open."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return None

    async def connect(self) -> Upstream:
        """A new connection. Raises OSError."""
        loop = asyncio.get_running_loop()
        _transport, connection = await loop.create_unix_connection(lambda: Upstream(loop), self.socket)
        return connection

    def give_back(self, connection: Upstream) -> None:
        """Keep a connection for the next call, or close it."""
        if connection.reusable and not self._retired and len(self._idle) < _KEPT:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)
        else:
            connection.close("it is not needed any more")

    def prune(self, now: float) -> None:
        """Close what was not used for a while."""
        old = [each for each in self._idle if now - each.idle_since > _IDLE_SECONDS or not each.usable]
        for connection in old:
            self._idle.remove(connection)
            connection.close("it was idle")

    def retire(self) -> None:
        """No new call comes; those that run finish."""
        self._retired = True
        while self._idle:
            self._idle.pop().close("its instance is gone")

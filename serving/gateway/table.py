"""The routes that are in force, read again whenever their file changes."""

import logging
import os
import time
from hashlib import sha256
from pathlib import Path

from serving.gateway.backends import Backend
from serving.gateway.refusals import (
    no_service,
    no_token,
    not_running,
    nothing_ready,
    wrong_method,
    wrong_token,
)
from serving.routing import BrokenSnapshot, RevisionRoute, Routes, ServiceRoute, decode

logger = logging.getLogger("modelport.gateway")


class Share:
    """A revision with what it is still owed of the calls."""

    __slots__ = ("_methods", "backends", "credit", "version", "weight")

    def __init__(self, route: RevisionRoute, backends: list[Backend]) -> None:
        self.version = route.version
        self.weight = route.weight
        self.backends = backends
        self.credit = 0
        self._methods = {path.encode(): methods for path, methods in route.methods}

    def check(self, method: str, path: bytes) -> None:
        """Raises Refusal where the package declares this path, but not for this method."""
        declared = self._methods.get(path)
        if declared is not None and method not in declared:
            raise wrong_method(declared)


class Service:
    """A service as it is called: its ready revisions, and how many bodies are on their way to it."""

    __slots__ = ("route", "running", "shares", "uploads", "uuid", "workspace")

    def __init__(self, uuid: str, route: ServiceRoute, backends: dict[str, Backend]) -> None:
        self.uuid = uuid
        self.route = route
        self.workspace = route.workspace
        self.running = bool(route.revisions)
        ready = [part for part in route.revisions if part.sockets and part.weight > 0]
        self.shares = [Share(part, [backends[socket] for socket in part.sockets]) for part in ready]
        self.uploads = 0

    def choose(self) -> Share:
        """The revision whose turn it is: over any hundred calls each gets its weight. Raises Refusal.

        The share of a revision without a ready instance goes to the others.
        """
        shares = self.shares
        if len(shares) == 1:
            return shares[0]
        if not shares:
            raise nothing_ready() if self.running else not_running()
        for share in shares:
            share.credit += share.weight
        chosen = max(shares, key=lambda share: share.credit)
        chosen.credit -= sum(share.weight for share in shares)
        return chosen


class Table:
    """Routes with the backends they name. A backend outlives the change of a snapshot, with its connections."""

    def __init__(self, path: Path, calls: int) -> None:
        self.path = path
        self.serial = -1
        self.loaded_at = 0.0
        self.services: dict[str, Service] = {}
        self._calls = calls
        self._routes = Routes()
        self._backends: dict[str, Backend] = {}
        self._seen: tuple[int, int, int] | None = None
        self._unreadable = False

    @property
    def known(self) -> bool:
        """Whether any snapshot was read, if only just now."""
        return self.serial >= 0 or (self._look_again() and self.serial >= 0)

    def look(self) -> None:
        """Read the snapshot again where its file has changed; a broken one leaves the last good one in force."""
        try:
            status = self.path.stat()
            seen = _looks_of(status)
            if seen == self._seen:
                return
            self._seen = seen
            serial, routes = decode(self.path.read_bytes())
            self._unreadable = False
        except FileNotFoundError:
            return
        except OSError as error:
            # The file may be as good as any: it is this process that had no descriptor left, or the disk no answer.
            self._seen, self._unreadable = None, True
            logger.warning("the snapshot cannot be read", extra={"reason": str(error)})
            return
        except BrokenSnapshot as error:
            logger.warning("the snapshot is not taken", extra={"reason": str(error)})
            return
        self._take(serial, routes)

    def _look_again(self) -> bool:
        """Whether there is news; for a call that would be refused, so it costs as little as the state of a file.

        Whoever reads that a service runs asks after its route was written, but maybe before the next regular look.
        A file that could not be read is left to that: many calls at once must not read it again and again.
        """
        try:
            if self._unreadable or _looks_of(self.path.stat()) == self._seen:
                return False
        except OSError:
            return False
        self.look()
        return True

    def _take(self, serial: int, routes: Routes) -> None:
        sockets = {
            socket for each in routes.services.values() for revision in each.revisions for socket in revision.sockets
        }
        kept = {socket: self._backends.get(socket) or Backend(socket, self._calls) for socket in sockets}
        for socket, backend in self._backends.items():
            if socket not in kept:
                backend.retire()
        old = self.services
        self.services = {
            uuid: old[uuid] if uuid in old and old[uuid].route == route else Service(uuid, route, kept)
            for uuid, route in routes.services.items()
        }
        self._backends = kept
        self._routes, self.serial, self.loaded_at = routes, serial, time.time()

    def workspace_of(self, secret: bytes) -> tuple[int, str]:
        """The workspace that a token opens, and the token's digest. Raises Refusal.

        It is looked up by its SHA-256, so the time that takes tells nothing about the secrets that are known.
        """
        if not secret:
            raise no_token()
        digest = sha256(secret).hexdigest()
        token = self._routes.tokens.get(digest)
        if token is None and self._look_again():
            token = self._routes.tokens.get(digest)
        if token is None:
            raise wrong_token(expired=False)
        if token.expires is not None and token.expires <= time.time():
            raise wrong_token(expired=True)
        return token.workspace, digest

    def service(self, uuid: str, workspace: int) -> Service:
        """A service of this workspace. Raises Refusal, the same one where it is another's."""
        found = self.services.get(uuid)
        if (found is None or not found.shares) and self._look_again():
            found = self.services.get(uuid)
        if found is None or found.workspace != workspace:
            raise no_service()
        return found

    def prune(self, now: float) -> None:
        """Close connections that were not used for a while."""
        for backend in self._backends.values():
            backend.prune(now)

    def close(self) -> None:
        for backend in self._backends.values():
            backend.retire()


def _looks_of(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_mtime_ns, status.st_ino, status.st_size

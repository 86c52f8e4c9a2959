"""The socket a server listens on."""

import errno
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

from .failures import CANNOT_LISTEN, LoadFailed
from .settings import Settings

_BACKLOG = 256
_LONGEST_PATH = 107


def listen(settings: Settings) -> socket.socket:
    """A listening socket: a Unix socket that only its owner may use, the one it was given, or a port.

    Raises LoadFailed.
    """
    try:
        listener = _listener(settings)
        listener.listen(_BACKLOG)
    except OSError as error:
        raise LoadFailed("listen", f"Cannot listen: {error}", CANNOT_LISTEN) from error
    listener.setblocking(False)
    return listener


def unlink(settings: Settings) -> None:
    """Take the Unix socket away."""
    if settings.socket:
        with suppress(OSError):
            settings.socket.unlink()


def _listener(settings: Settings) -> socket.socket:
    if settings.socket:
        return _unix(settings.socket)
    if settings.descriptor is not None:
        return socket.socket(fileno=settings.descriptor)
    return _port(settings.host, settings.port)


def _port(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener


def _unix(path: Path) -> socket.socket:
    if len(os.fsencode(str(path))) > _LONGEST_PATH:
        raise OSError(errno.ENAMETOOLONG, f"the path of the socket is longer than {_LONGEST_PATH} bytes")
    _remove_abandoned(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    return listener


def _remove_abandoned(path: Path) -> None:
    """Remove the socket of a server that is gone; one that answers is in use."""
    try:
        if not stat.S_ISSOCK(os.lstat(str(path)).st_mode):
            raise FileExistsError(errno.EEXIST, "there is something else than a socket at this path")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink()
            return
    raise OSError(errno.EADDRINUSE, "another server answers at this socket")

"""Whether this worker was asked to stop. The byte is shared with the processes that are forked from it."""

from mmap import mmap

_asked = mmap(-1, 1)


def begin() -> None:
    """A worker starts here: what was asked of the process it was forked from is not asked of it."""
    global _asked
    _asked = mmap(-1, 1)


def ask() -> None:
    """From now on an import or export of this worker hands its job back instead of going on."""
    _asked[0] = 1


def asked() -> bool:
    return _asked[0] == 1

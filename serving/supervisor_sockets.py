"""Where the sockets of a running console lie."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def socket_folder(note: Path, *, longest: int) -> Iterator[Path]:
    """A private folder whose path is short enough for a Unix socket (108 bytes), in a place of so many at most.

    `note` keeps its path: one that was left by a kill -9 goes first.
    """
    if note.exists():
        shutil.rmtree(note.read_text(), ignore_errors=True)
    base = os.environ.get("XDG_RUNTIME_DIR")
    parent = base if base and len(base) < longest and os.access(base, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="modelport-", dir=parent))
    note.write_text(str(folder))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        note.unlink(missing_ok=True)

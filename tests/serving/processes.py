"""Workers that are forked by a test, and how they end."""

import os
import signal
from pathlib import Path

from django.db import connections


def in_process(work):
    """Fork a worker; returns its process id."""
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(1)
    return pid


def outcome(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def lives(pid):
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def dying(monkeypatch, owner, name, *, after=False):
    """Kill this process with no chance to tidy up, as soon as it comes to that function, or just after it."""
    original = getattr(owner, name)

    def killed(*args, **options):
        if after:
            original(*args, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(owner, name, killed)

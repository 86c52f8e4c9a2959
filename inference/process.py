"""The process: listens, loads in the main thread, which then answers, and stops when it is asked to."""

from __future__ import annotations

import faulthandler
import io
import os
import sys
import threading
import time
from dataclasses import replace

from .failures import LoadFailed, describe, log, log_failure, take_logging
from .front import Front
from .jobs import Jobs
from .listening import listen, unlink
from .loading import load
from .settings import Settings, parse
from .speaking import Speaker

# For what libraries do at exit, after which nothing keeps the process.
_EXIT_SECONDS = 2


def main(arguments: list[str]) -> int:
    """Serve until stopped; the exit code (see `server.py`)."""
    settings = parse(arguments)
    _take_output()
    take_logging()
    faulthandler.enable(2)
    code = _serve(settings)
    _leave_soon(code)
    return code


def _take_output() -> None:
    """What a package prints is seen at once, and no character of it is an error, whatever the locale."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")


def _serve(settings: Settings) -> int:
    begun = time.monotonic()
    try:
        listener = listen(settings)
    except LoadFailed as error:
        return _failed(error, settings)
    limits = settings.limits
    jobs = Jobs(limits.threads, limits.queue, lambda call: speaker.deliver(call), lambda call: speaker.soon(call))
    front = Front(limits, jobs)
    speaker = Speaker(settings, front, listener)
    speaker.start()
    name = listener.getsockname()
    log("info", "listening", pid=os.getpid(), address=name if isinstance(name, str) else "{}:{}".format(*name[:2]))
    try:
        loaded = load(settings.package, settings.engine, settings.name)
    except LoadFailed as error:
        return _failed(error, settings)
    else:
        jobs.start_helpers()
        front.ready(loaded)
        log("info", "ready", seconds=round(time.monotonic() - begun, 3), engine=loaded.kind.name)
        jobs.work_here()
        speaker.join()
        return 0
    finally:
        unlink(settings)


def _failed(error: LoadFailed, settings: Settings) -> int:
    failure = describe(error.__cause__ or error, settings.package, error.stage)
    log_failure(replace(failure, message=str(error)), exit=error.code)
    return error.code


def _leave_soon(code: int) -> None:
    """Threads of the package's own must not keep a process that is done."""

    def leave() -> None:
        time.sleep(_EXIT_SECONDS)
        os._exit(code)

    threading.Thread(target=leave, daemon=True).start()

"""Failures: what went wrong, at which stage and in which line of the package; and the log, one line of JSON each."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LONGEST_MESSAGE = 2_000
_MOST_FRAMES = 20
_STANDARD_ERROR = 2
_OUTPUT = threading.Lock()
# The hooks of a service, by which the stage of a failure is told even where `inference` itself was overridden.
STAGES = {"_preprocess": "preprocess", "_inference": "inference", "_postprocess": "postprocess"}


class LoadFailed(Exception):
    """The package cannot be served; the process ends with this code. The cause, if any, is `__cause__`."""

    def __init__(self, stage: str, message: str, code: int) -> None:
        super().__init__(message)
        self.stage = stage
        self.code = code


PACKAGE_REFUSED, CODE_FAILED, ENGINE_FAILED, CANNOT_LISTEN, LOAD_TOO_SLOW = 10, 11, 12, 13, 14


@dataclass(frozen=True)
class Failure:
    """An exception as people read it. `file` is relative to the package; None when none of its code was at work."""

    stage: str
    error: str
    message: str
    file: str | None = None
    line: int | None = None
    trace: tuple[str, ...] = ()

    def fields(self) -> dict[str, Any]:
        """What its line in the log says beside the event."""
        return dict(vars(self), trace=list(self.trace))


def describe(error: BaseException, package: Path, stage: str) -> Failure:
    """Where in the package an exception came from; a hook on the way tells the stage better than the caller can."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [(name, frame) for frame in frames for name in [_below(frame.filename, package)] if name]
    if isinstance(error, SyntaxError) and error.filename and _below(error.filename, package):
        file, line = _below(error.filename, package), error.lineno
    elif own:
        file, line = own[-1][0], own[-1][1].lineno
    else:
        file, line = None, None
    hooks = [STAGES[frame.name] for _name, frame in own if frame.name in STAGES]
    return Failure(
        stage=hooks[-1] if hooks and stage == "inference" else stage,
        error=type(error).__name__,
        message=text_of(error)[:_LONGEST_MESSAGE],
        file=file,
        line=line,
        trace=tuple(f"{name}:{frame.lineno} {frame.name}" for name, frame in own[-_MOST_FRAMES:]),
    )


def text_of(error: BaseException) -> str:
    """An exception's text; some cannot even say that."""
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:
        text = ""
    return text or type(error).__name__


def _below(file: str, package: Path) -> str:
    """The name of a file below the package, where a sandbox may have bound it a second time; else empty."""
    for root in (str(package), "/home/mind"):
        if file.startswith(root + os.sep):
            return file[len(root) + 1 :].replace(os.sep, "/")
    return ""


def log(level: str, event: str, **fields: Any) -> None:
    """Write one line; a log nobody reads any more stops no answer."""
    moment = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment * 1000) % 1000:03d}Z"
    line = json.dumps(dict({"time": stamp, "level": level, "event": event}, **fields), default=str)
    # Not `sys.stderr`, which packages replace. One write, so that lines of other processes do not mix in.
    with _OUTPUT, suppress(OSError):
        os.write(_STANDARD_ERROR, (line + "\n").encode("utf-8", "backslashreplace"))


def log_failure(failure: Failure, **fields: Any) -> None:
    """The one line of a failure."""
    log("error", "failed", **dict(failure.fields(), **fields))


class _Lines(logging.Handler):
    """What the package logs, as lines of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            fields: dict[str, Any] = {"logger": record.name, "message": record.getMessage()}
        except Exception as error:
            fields = {"logger": record.name, "message": f"{record.msg!r} ({text_of(error)})"}
        if record.exc_info and record.exc_info[1]:
            fields["error"] = type(record.exc_info[1]).__name__
            fields["trace"] = traceback.format_exception(*record.exc_info)[-_MOST_FRAMES:]
        log(record.levelname.lower(), "log", **fields)


def take_logging() -> None:
    """Let the standard logging end here, from the level that the environment names."""
    name = os.environ.get("MODELPORT_LOG_LEVEL", "warning").upper()
    level = logging.getLevelName(name)
    logging.basicConfig(handlers=[_Lines()], level=level if isinstance(level, int) else logging.WARNING)
    logging.captureWarnings(True)

"""Scans the files of a package in a limited process of its own, and turns what was seen into findings."""

import json
import logging
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from time import monotonic
from typing import IO, Any, BinaryIO

from django.conf import settings

from importers.package.evidence import BLOCKED, REASONS, worst
from importers.package.notes import Notes, shown
from importers.package.scan import RULES
from importers.package.streams import MEBIBYTE, ScanLimits
from registry.findings import Finding, Severity, Where

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent
BOOT = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from importers.scan_child import main; main(*sys.argv[1:])"
# A package of many slow files ends too: after this many times what one file may take.
PACKAGE_TIMES = 4
ANSWER_LIMIT = 256 * 1024
COPY_BYTES = MEBIBYTE
# Said by the verdict itself; no finding of its own.
SILENT = frozenset({"scan.pickle"})


@dataclass(frozen=True)
class ScanItem:
    """A file to scan: its path in the package, and how to open it."""

    path: str
    size: int
    open: Callable[[], BinaryIO]


@dataclass(frozen=True)
class FileScan:
    """What came out for one file. `reason_codes` are message codes."""

    path: str
    verdict: str
    reason_codes: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "verdict": self.verdict,
            "reasons": list(self.reason_codes),
            "imports": list(self.imports),
        }


@dataclass(frozen=True)
class ScanReport:
    """What came out for a package: the worst verdict of its files, and the tools that gave it."""

    verdict: str
    files: tuple[FileScan, ...]
    findings: tuple[Finding, ...]
    tools: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """The form that is stored; the findings are kept with those of the other checks."""
        return {"verdict": self.verdict, "files": [file.as_dict() for file in self.files], "tools": self.tools}


class ChildGone(Exception):
    """The scanning process died, hung or answered nonsense; `code` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def limits_from_settings() -> ScanLimits:
    return ScanLimits(
        timeout_seconds=settings.SCAN_TIMEOUT_SECONDS,
        memory_bytes=settings.SCAN_MEMORY_BYTES,
        unpacked_bytes=4 * settings.PACKAGE_MAX_BYTES,
        entries=settings.PACKAGE_MAX_FILES,
        expansion=settings.PACKAGE_MAX_EXPANSION,
    )


def tools() -> dict[str, str]:
    """What scans, and in which version."""
    name = "modelaudit-picklescan"
    return {name: version(name), "modelport-scan": RULES}


def scan_package(items: Iterable[ScanItem], *, engine: str, limits: ScanLimits | None = None) -> ScanReport:
    """Scan every file. `engine` decides which imports are expected. Raises only what `items` and opening raise.

    A file on which the process dies, or for which no time is left, counts as one that could not be scanned.
    """
    scanner = _Scanner(engine, limits or limits_from_settings())
    notes = Notes()
    try:
        files = tuple(scanner.scan(item, notes) for item in items)
    finally:
        scanner.close()
    return ScanReport(worst(file.verdict for file in files), files, notes.findings(), tools())


class _Scanner:
    """Keeps one process for many files, and starts another when it is gone."""

    def __init__(self, engine: str, limits: ScanLimits) -> None:
        self._engine, self._limits = engine, limits
        self._until = monotonic() + limits.timeout_seconds * PACKAGE_TIMES
        self._child: _Child | None = None

    def scan(self, item: ScanItem, notes: Notes) -> FileScan:
        try:
            answer = self._ask(item)
        except ChildGone as gone:
            self.close()
            logger.warning("scan process gone", extra={"reason": gone.code})
            answer = {"reasons": [[gone.code, "", []]], "imports": []}
        if "error" in answer:
            logger.error("scan failed on a file", extra={"reason": str(answer["error"])[:500]})
        return _result(item.path, answer, notes)

    def _ask(self, item: ScanItem) -> dict[str, Any]:
        seconds = min(self._limits.timeout_seconds, self._until - monotonic())
        if seconds <= 0:
            raise ChildGone("scan.timeout")
        self._child = self._child or _Child(self._limits)
        with item.open() as file, _as_regular_file(file) as regular:
            return self._child.ask(regular.fileno(), item.path, self._engine, seconds)

    def close(self) -> None:
        if self._child:
            self._child.close()
            self._child = None


class _Child:
    """The limited process, in a session of its own, with nothing of our environment."""

    def __init__(self, limits: ScanLimits) -> None:
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", BOOT, json.dumps(asdict(limits)), str(os.getpid())],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"LANG": "C.UTF-8"},
                start_new_session=True,
            )

    def ask(self, descriptor: int, path: str, engine: str, seconds: float) -> dict[str, Any]:
        """Hand over a file and wait for the answer."""
        until = monotonic() + seconds
        request = {"path": path, "size": os.fstat(descriptor).st_size, "engine": engine}
        try:
            self._channel.settimeout(seconds)
            socket.send_fds(self._channel, [json.dumps(request).encode() + b"\n"], [descriptor])
            size: int = struct.unpack("<I", self._receive(4, until))[0]
            if size > ANSWER_LIMIT:
                raise ChildGone("scan.crashed")
            return _checked(json.loads(self._receive(size, until)))
        except TimeoutError as error:
            raise ChildGone("scan.timeout") from error
        except (OSError, ValueError, RecursionError) as error:
            raise ChildGone("scan.crashed") from error

    def _receive(self, size: int, until: float) -> bytes:
        data = b""
        while len(data) < size:
            self._channel.settimeout(max(0.001, until - monotonic()))
            more = self._channel.recv(size - len(data))
            if not more:
                raise ChildGone("scan.crashed")
            data += more
        return data

    def close(self) -> None:
        """End the process and whatever it may have started."""
        self._channel.close()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@contextmanager
def _as_regular_file(file: BinaryIO) -> Iterator[IO[bytes]]:
    """The file itself when it is one on disk; what a remote store streams is copied to an unnamed file first."""
    if _is_regular(file):
        yield file
        return
    with TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as copy:
        copyfileobj(file, copy, COPY_BYTES)
        copy.flush()
        yield copy


def _is_regular(file: BinaryIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    except (OSError, AttributeError, ValueError):
        return False


def _checked(answer: Any) -> dict[str, Any]:
    """The answer, when it has the form it must have; the process may have been taken over by what it read."""
    if not isinstance(answer, dict) or not _are_texts(answer.get("imports")):
        raise ValueError("imports")
    reasons = answer.get("reasons")
    if not isinstance(reasons, list) or not all(_is_reason(reason) for reason in reasons):
        raise ValueError("reasons")
    return answer


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _is_reason(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 3:
        return False
    code, member, names = value
    return isinstance(code, str) and code in REASONS and isinstance(member, str) and _are_texts(names)


def _result(path: str, answer: dict[str, Any], notes: Notes) -> FileScan:
    codes = tuple(code for code, _member, _names in answer["reasons"])
    for code, member, names in answer["reasons"]:
        if code not in SILENT:
            severity = Severity.ERROR if REASONS[code] == BLOCKED else Severity.WARNING
            notes.say(severity, code, Where(path), member=member or path, names=", ".join(names))
    imports = tuple(shown(name) for name in answer["imports"])
    return FileScan(path, worst(REASONS[code] for code in codes), codes, imports)

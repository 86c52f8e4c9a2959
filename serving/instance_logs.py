"""What instances print: bounded files below the folder of each, the reasons in them, and the last lines for people."""

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from serving.models import Instance

TAIL_BYTES = 512 * 1024
LINE_CHARACTERS = 4000
TEXT_CHARACTERS = 2000


def folder_of(uuid: UUID) -> Path:
    return root() / str(uuid)


def path_of(instance: Instance) -> Path:
    """Where it writes now; what it wrote before that lies beside it in `log.old`."""
    return folder_of(instance.uuid) / "log"


def tail(instance: Instance, lines: int) -> list[str]:
    """The last lines, oldest first; empty on another host than its own, and before it printed anything."""
    path = path_of(instance)
    found = _last_lines(path, lines)
    if len(found) < lines:
        found = _last_lines(_old(path), lines - len(found)) + found
    return [line[:LINE_CHARACTERS] for line in found]


def root() -> Path:
    return Path(settings.DATA) / "instances"


def folders() -> set[UUID]:
    """The instances that have a folder. What else lies there is none of ours and stays."""
    return {uuid for path in root().glob("*") if (uuid := _uuid_of(path.name))}


def remove(uuid: UUID) -> None:
    shutil.rmtree(folder_of(uuid), ignore_errors=True)


class BoundedLog:
    """A file that takes at most INSTANCE_LOG_BYTES together with the one before it; a full disk costs only lines."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = path
        self._most = max(1, settings.INSTANCE_LOG_BYTES // 2)
        self._open()

    def write(self, data: bytes) -> None:
        with suppress(OSError):
            while data:
                room = self._most - self._size
                if room <= 0:
                    self._rotate()
                    continue
                written = os.write(self._descriptor, data[:room])
                self._size += written
                data = data[written:]

    def close(self) -> None:
        os.close(self._descriptor)

    def _open(self) -> None:
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._descriptor).st_size

    def _rotate(self) -> None:
        """Where this fails, the full file stays open, and what is to be written is lost."""
        self._path.replace(_old(self._path))
        full = self._descriptor
        self._open()
        os.close(full)


def failure_in(path: Path) -> dict[str, Any]:
    """What the server said last of why it did not load: `stage`, `file`, `line`, `message` and the `place` of these.

    The package writes into the same file, so every value is checked before it is kept.
    """
    for line in reversed(_last_lines(path, 400)):
        said = _object(line)
        if said.get("event") == "failed" and "exit" in said:
            return _checked(said)
    return {}


def failure_of(instance: Instance, request: str) -> dict[str, Any]:
    """What the server said of why it answered a request with an error; empty while its line is not there."""
    for line in reversed(_last_lines(path_of(instance), 400)):
        said = _object(line)
        if said.get("event") == "failed" and said.get("request") == request:
            return _checked(said)
    return {}


def _checked(said: dict[str, Any]) -> dict[str, Any]:
    line = said.get("line")
    found: dict[str, Any] = {name: storable_text(said.get(name)) for name in ("stage", "file", "error", "message")}
    found["line"] = line if type(line) is int and 0 < line < 10**7 else None
    place = f"{found['file']}:{found['line']}" if found["line"] else found["file"]
    return found | {"place": place or found["stage"]}


def _object(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line) if line.startswith("{") else None
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def storable_text(value: object) -> str:
    """Text that every database and every page takes; empty for anything else than text."""
    text = value if isinstance(value, str) else ""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:TEXT_CHARACTERS]


def _last_lines(path: Path, lines: int) -> list[str]:
    try:
        with path.open("rb") as file:
            start = max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES)
            file.seek(start)
            found = file.read(TAIL_BYTES).split(b"\n")
    except OSError:
        return []
    whole = found[1:] if start and len(found) > 1 else found
    texts = [line.decode("utf-8", "replace").replace("\0", "") for line in whole if line]
    return texts[-lines:] if lines else []


def _uuid_of(name: str) -> UUID | None:
    """Of a name that we would have written ourselves; other spellings of a uuid are none."""
    try:
        uuid = UUID(name)
    except ValueError:
        return None
    return uuid if str(uuid) == name else None


def _old(path: Path) -> Path:
    return path.with_name(f"{path.name}.old")

"""Asks an instance whether it is well: one bounded request on its socket, whose answer may be anything."""

import asyncio
import json
from enum import StrEnum
from pathlib import Path

REQUEST = b"GET /health HTTP/1.1\r\nHost: model\r\nConnection: close\r\n\r\n"
MOST_BYTES = 16 * 1024


class Health(StrEnum):
    READY = "ready"
    BUSY = "busy"
    SILENT = "silent"


async def ask(socket: Path, *, seconds: float) -> Health:
    """READY when it can answer predictions, BUSY when it says that it cannot, SILENT when it does not say in time."""
    try:
        async with asyncio.timeout(seconds):
            return _read(await _exchange(socket))
    except (OSError, TimeoutError, ValueError, RecursionError):
        return Health.SILENT


async def _exchange(socket: Path) -> bytes:
    reader, writer = await asyncio.open_unix_connection(socket, limit=MOST_BYTES)
    try:
        writer.write(REQUEST)
        await writer.drain()
        answer = b""
        while len(answer) < MOST_BYTES and (piece := await reader.read(MOST_BYTES)):
            answer += piece
        return answer
    finally:
        writer.close()


def _read(answer: bytes) -> Health:
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    if status == [b"200"]:
        said = json.loads(body)
        return Health.READY if isinstance(said, dict) and said.get("state") == "ready" else Health.BUSY
    return Health.BUSY if status else Health.SILENT

"""What the server is told when it starts."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, times in seconds; `server.py` says what each one is for."""

    threads: int = 1
    queue: int = 16
    seconds: float = 40
    load_seconds: float = 600
    grace_seconds: float = 30
    body_bytes: int = 12 * MEBIBYTE
    head_bytes: int = 16 * 1024
    head_seconds: float = 10
    body_seconds: float = 60
    idle_seconds: float = 75
    connections: int = 256


@dataclass(frozen=True)
class Settings:
    """One package, and where it is served: a Unix socket, a listening socket it is given, or a host and port."""

    package: Path
    socket: Path | None
    descriptor: int | None
    host: str
    port: int
    engine: str
    name: str
    limits: Limits


def parse(arguments: list[str]) -> Settings:
    """The settings; ends the process with code 2 and the reason when an argument is wrong."""
    parser = argparse.ArgumentParser(prog="server.py", description="Serves one model package over HTTP.")
    parser.add_argument("--package", type=Path, required=True)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--socket", type=Path)
    where.add_argument("--descriptor", type=_descriptor)
    where.add_argument("--port", type=_port)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--engine", default="")
    parser.add_argument("--name", default="")
    for name, usual in vars(Limits()).items():
        kind = _number if name.endswith("seconds") else _count
        parser.add_argument("--" + name.replace("_", "-"), type=kind, default=usual)
    found = parser.parse_args(arguments)
    if not (found.package / "model").is_dir():
        parser.error(f"--package: no folder model/ in {found.package}")
    package = found.package.resolve()
    return Settings(
        package=package,
        socket=found.socket and found.socket.absolute(),
        descriptor=found.descriptor,
        host=found.host,
        port=found.port or 0,
        engine=found.engine,
        name=found.name or package.name,
        limits=Limits(**{name: getattr(found, name) for name in vars(Limits())}),
    )


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError(text)
    return number


def _descriptor(text: str) -> int:
    number = int(text)
    if number < 3:
        raise ValueError(text)
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _number(text: str) -> float:
    number = float(text)
    if not 0 < number < 1_000_000:
        raise ValueError(text)
    return number

"""Runs a command with DATABASE_URL of a PostgreSQL server of its own: `python -m tests.postgres COMMAND …`."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        sys.exit("PostgreSQL is not installed: apt-get install -y --no-install-recommends postgresql")
    return found[-1].parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server() -> Iterator[str]:
    """A fresh PostgreSQL on loopback; yields its URL. Root hands it to the user `postgres`, whom initdb asks for."""
    folder = Path(tempfile.mkdtemp(prefix="modelport-pg-"))
    user = pwd.getpwnam("postgres") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    os.chown(folder, user.pw_uid, user.pw_gid)
    port = _free_port()

    def run(name: str, *arguments: str) -> None:
        options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.getuid() == 0 else {}
        command = [str(_binaries() / name), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, **options)

    run("initdb", "-U", "modelport", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
    flags = f"-c listen_addresses=127.0.0.1 -c fsync=off -p {port} -k {folder}"
    run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", flags, "start")
    try:
        yield f"postgres://modelport@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    with server() as url:
        sys.exit(subprocess.run(sys.argv[1:], env=os.environ | {"DATABASE_URL": url}, check=False).returncode)

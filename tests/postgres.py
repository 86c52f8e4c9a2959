"""Runs a command with DATABASE_URL of a PostgreSQL server of its own: `python -m tests.postgres COMMAND …`."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.ports import free_port


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        sys.exit("PostgreSQL is not installed: apt-get install -y --no-install-recommends postgresql")
    return found[-1].parent


class PostgreSQL:
    """A fresh server on loopback, which may be killed and started again; stopped, it leaves nothing behind.

    Root hands it to the user `postgres`, whom initdb asks for.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="modelport-pg-"))
        self.user = pwd.getpwnam("postgres") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        self.port = free_port()
        self.url = f"postgres://modelport@127.0.0.1:{self.port}/postgres"
        self._run("initdb", "-U", "modelport", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")

    def start(self) -> None:
        """Start it, after a kill with what was committed."""
        flags = f"-c listen_addresses=127.0.0.1 -c fsync=off -p {self.port} -k {self.folder}"
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", flags, "start")

    def kill(self) -> None:
        """End every process at once, without a word to clients and without a checkpoint."""
        self._run("pg_ctl", "-m", "immediate", "stop")

    def kill_backend(self) -> None:
        """Kill one process that serves a client, whereupon the server throws out all the others and recovers."""
        postmaster = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for pid in children:
            with suppress(OSError):
                if b"127.0.0.1" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(int(pid), signal.SIGKILL)
                    return

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, name: str, *arguments: str) -> None:
        user = self.user
        options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.getuid() == 0 else {}
        command = [str(_binaries() / name), "-D", str(self.folder / "data"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **options)


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A running PostgreSQL that the body may kill; it must be running again at the end."""
    installed = PostgreSQL()
    installed.start()
    try:
        yield installed
    finally:
        installed.kill()
        installed.remove()


@contextmanager
def server() -> Iterator[str]:
    """The URL of a fresh PostgreSQL."""
    with postgresql() as running:
        yield running.url


if __name__ == "__main__":
    with server() as url:
        sys.exit(subprocess.run(sys.argv[1:], env=os.environ | {"DATABASE_URL": url}, check=False).returncode)

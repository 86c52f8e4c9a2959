"""What heals is not kept waiting by what it heals."""

import subprocess

import pytest

from console.celery import app
from tests.faults import VALKEY, await_that


@pytest.fixture
def broker(tmp_path):
    """The address of a real broker."""
    socket = tmp_path / "b"
    process = subprocess.Popen([VALKEY, "--port", "0", "--unixsocket", socket, "--dir", tmp_path, "--save", ""])
    await_that(socket.exists)
    yield f"redis+socket://{socket}"
    process.kill()
    process.wait()


@pytest.mark.parametrize("name", ["sweep-imports", "sweep-artifacts"])
def test_sweep_is_taken_before_the_imports_that_were_queued_earlier(broker, name):
    sweep = app.conf.beat_schedule[name]

    with app.connection_for_write(broker) as connection:
        for job in range(3):
            app.send_task("importers.run_import", [job], connection=connection)
        app.send_task(sweep["task"], connection=connection, **sweep["options"])
        queue = connection.SimpleQueue("celery")
        taken = [queue.get(timeout=5).headers["task"] for _ in range(4)]

    assert taken == [sweep["task"], *["importers.run_import"] * 3]

"""The launcher by itself: what it does about children that end."""

import time

from console.launcher import Launcher, Program


def test_child_that_cannot_be_started_again_is_tried_later_and_harms_no_other(tmp_path):
    """As where no process or memory is free for a moment; here its program is away."""
    said = []
    launcher = Launcher(say=said.append)
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    other = launcher.start(Program("other", ("/bin/sleep", "60")))
    child = launcher.start(Program("child", (str(program),)))
    child.process.wait()
    program.rename(tmp_path / "away")
    deadline = time.monotonic() + 20

    launcher.watch(until=lambda: len(said) >= 2 or time.monotonic() > deadline)
    (tmp_path / "away").rename(program)
    launcher.watch(until=lambda: len(said) >= 3 or time.monotonic() > deadline)

    alive = other.process.poll() is None
    launcher.stop()
    assert alive
    assert [line.split(" and ")[0].split(" with ")[1] for line in said] == ["3", "No such file or directory", "3"]

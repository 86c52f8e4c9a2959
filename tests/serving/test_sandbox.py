"""What the sandbox is made of, and that its probes find what really holds."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

from registry.findings import known_codes
from serving import sandbox, sandbox_cgroups
from serving.queries_protections import protections_here
from serving.sandbox import (
    Confined,
    NoSuchInterpreter,
    environment_of,
    install_code,
    interpreter_places,
    own_interpreter,
)
from serving.sandbox_cgroups import Group, Groups, Limits
from serving.sandbox_probes import ESSENTIAL, Ground, Protection, as_stored, broken_essentials, probe
from serving.sandbox_processes import Sandboxed
from tests.serving.supervising import ROOT

NOBODY = 65534


@pytest.fixture
def ground(tmp_path):
    groups = Groups.found("modelport-tests")
    yield Ground(code=install_code(tmp_path / "code"), uid=None if os.geteuid() else 210_000, groups=groups)
    groups.remove()


@pytest.mark.faults
def test_every_protection_holds_where_control_groups_can_be_written(ground):
    found = probe(ground)

    missing = {"memory", "cpu"} - ground.groups.controllers
    assert {each.code for each in found if not each.active} == missing
    assert broken_essentials(found) == []
    assert list(ground.groups.leftovers()) == []


@pytest.mark.faults
def test_probe_tells_what_does_not_hold(ground, monkeypatch):
    whole = sandbox.arguments

    def open_wide(confined, *, spec):
        words = [word for word in whole(confined, spec=spec) if word not in ("--unshare-net", "--unshare-pid")]
        place = words.index("--remount-ro")
        return [*words[:place], "--ro-bind", "/etc/passwd", "/etc/passwd", *words[place:]]

    monkeypatch.setattr("serving.sandbox_processes.arguments", open_wide)

    found = {each.code: each for each in probe(ground)}

    assert {"network", "processes", "files"} <= {code for code, each in found.items() if not each.active}
    assert found["network"].reason == "protection.broken"
    assert broken_essentials(list(found.values())) != []


@pytest.mark.faults
def test_sandbox_that_cannot_be_entered_protects_nothing(ground, monkeypatch):
    monkeypatch.setattr(sandbox, "bwrap", lambda: "/nonexistent/bwrap")

    found = probe(ground)

    assert set(broken_essentials(found)) == set(ESSENTIAL)
    assert {each.reason for each in found if each.code in ESSENTIAL} == {"protection.untested"}


@pytest.mark.faults
def test_ordinary_user_has_the_same_protections_but_for_control_groups():
    """From a copy of the source that he may read, with the system's own Python; root becomes one for it."""
    if not Path("/usr/bin/python3.11").exists():
        pytest.fail("there is no Python of the system")
    home = Path(tempfile.mkdtemp(prefix="mp-"))
    try:
        for name in ("serving", "inference"):
            shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run(["chmod", "-R", "a+rX,a+w", home], check=True)
        done = subprocess.run(
            [*([] if os.geteuid() else AS_NOBODY), "/usr/bin/python3.11", "-c", ALONE],
            cwd=home,
            env={"PYTHONPATH": f"{home}:{shared_libraries()}", "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        shutil.rmtree(home)

    assert done.returncode == 0, done.stderr
    found, controllers = json.loads(done.stdout)
    inactive = {each["code"]: each["reason"] for each in found if not each["active"]}
    without = {"memory": "protection.memory_watched", "cpu": "protection.no_cgroup"}
    assert inactive == {code: reason for code, reason in without.items() if code not in controllers}
    assert controllers == [] or os.geteuid() != 0


# As the unit of the supervisor has it: nothing can be gained any more.
AS_NOBODY = (
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"),
)
ALONE = """
import json
from pathlib import Path
from django.conf import settings
settings.configure(DATA=Path("data").resolve(), BASE_DIR=Path.cwd())
from serving.sandbox import install_code
from serving.sandbox_cgroups import Groups
from serving.sandbox_probes import Ground, as_stored, probe
settings.DATA.mkdir()
ground = Ground(code=install_code(settings.DATA / "code"), uid=None, groups=Groups.found("modelport-nobody"))
print(json.dumps([as_stored(probe(ground)), sorted(ground.groups.controllers)]))
"""


def shared_libraries():
    """Where the packages of these tests lie, for a user who may not pass every folder on the way."""
    return next(path for path in sys.path if path.endswith("site-packages"))


@pytest.mark.faults
def test_end_of_a_process_that_has_ended_reaches_nobody_with_its_number(ground, monkeypatch):
    command = (str(own_interpreter()), "-I", "-c", "")
    limits = Limits(memory=64 * 1024**2, cpu=1, processes=16)
    process = Sandboxed(Confined(command, limits, ground.uid, ground.code), Groups({}).make("x", limits), output=2)
    assert process.wait(60) == 0
    monkeypatch.setattr(process._process, "pid", os.getpid())

    with subprocess.Popen(["/bin/sleep", "60"]) as other:
        process.kill()
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(0.3)
        other.kill()


def test_code_inside_is_a_copy_that_every_user_may_read(tmp_path):
    before = os.umask(0o077)
    try:
        code = install_code(tmp_path / "code")
        install_code(tmp_path / "code")
    finally:
        os.umask(before)

    assert (code / "inference" / "server.py").read_text() == (ROOT / "inference" / "server.py").read_text()
    assert {stat.S_IMODE(path.stat().st_mode) for path in code.rglob("*")} == {0o644, 0o755}
    assert [path.name for path in tmp_path.iterdir()] == ["code"]


def test_variables_of_a_user_do_not_say_where_the_process_lives():
    found = environment_of({"HOME": "/root", "PATH": "/evil", "OMP_NUM_THREADS": "7", "MINE": 1}, cpu=2.5)

    assert (found["HOME"], found["PATH"], found["MINE"]) == ("/tmp", "/usr/bin:/bin", "1")
    assert (found["OMP_NUM_THREADS"], found["MKL_NUM_THREADS"]) == ("7", "2")


def test_link_in_the_place_of_an_interpreter_shows_no_folder_of_the_host(tmp_path):
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.symlink_to("/etc/shadow")
    with pytest.raises(NoSuchInterpreter):
        interpreter_places(python)

    python.unlink()
    python.symlink_to(Path(settings.BASE_DIR) / "manage.py")
    with pytest.raises(NoSuchInterpreter):
        interpreter_places(python)

    assert interpreter_places(Path(sys.executable)) == (Path(sys.base_prefix),)


def test_groups_of_the_second_version_are_read_by_their_names(tmp_path):
    folder = tmp_path / "one"
    folder.mkdir()
    texts = {"memory.current": "5\n", "memory.peak": "9\n", "cpu.stat": "usage_usec 2500000\nnr_throttled 3\n"}
    for name, text in (texts | {"memory.events": "low 0\noom_kill 2\n", "cgroup.procs": "12\n13\n"}).items():
        (folder / name).write_text(text)

    group = Group({"memory": folder, "cpu": folder, "pids": folder})

    assert (group.memory(), group.peak_memory(), group.cpu_seconds()) == (5, 9, 2.5)
    assert (group.out_of_memory(), group.throttled(), group.members()) == (2, 3, {12, 13})
    assert group.doors == [folder / "cgroup.procs"]


def test_process_steps_aside_in_a_group_of_the_second_version_that_was_delegated_to_it(tmp_path, monkeypatch):
    """What a unit with `Delegate=` gives, played by files: this machine may have the first version."""
    unit = tmp_path / "sys" / "system.slice" / "unit"
    base = unit / "modelport-tests"
    base.mkdir(parents=True)
    (unit / "supervisor").mkdir()
    for folder in (unit, base):
        (folder / "cgroup.controllers").write_text("memory pids")
        (folder / "cgroup.subtree_control").write_text("")
    (tmp_path / "sys" / "cgroup.controllers").write_text("memory pids")
    (unit / "cgroup.procs").write_text(f"{os.getpid()}\n")
    mounts, membership = tmp_path / "mountinfo", tmp_path / "cgroup"
    mounts.write_text(f"30 23 0:26 / {tmp_path / 'sys'} rw shared:4 - cgroup2 cgroup2 rw\n")
    membership.write_text("0::/system.slice/unit\n")
    # The root of the hierarchy is nobody's.
    (tmp_path / "sys" / "modelport-tests").write_text("")
    monkeypatch.setattr(sandbox_cgroups, "MOUNTS", mounts)
    monkeypatch.setattr(sandbox_cgroups, "MEMBERSHIP", membership)

    groups = Groups.found("modelport-tests")

    assert groups.controllers == {"memory", "pids"}
    assert (unit / "supervisor" / "cgroup.procs").read_text() == str(os.getpid())
    assert (unit / "cgroup.subtree_control").read_text() == "+pids"


def test_group_without_a_controller_counts_nothing():
    group = Groups({}).make("x", Limits(memory=1, cpu=1, processes=1))

    assert (group.memory(), group.cpu_seconds(), group.out_of_memory(), group.doors) == (0, 0, 0, [])


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("Active", "Not active", "within seconds")), ("zh-hans", ("生效", "未生效", "数秒内"))],
)
def test_protections_are_shown_with_their_reasons(language, words):
    found = [Protection("network", True), Protection("memory", False, "protection.memory_watched")]
    run = Path(settings.DATA) / "run"
    run.mkdir(exist_ok=True)
    (run / "protections.json").write_text(json.dumps(as_stored(found)))

    with translation.override(language):
        html = render_to_string("serving/_protections.html", {"protections": protections_here()})

    assert all(word in html for word in words)
    assert (html.count("status good"), html.count("status warn")) == (1, 1)


def test_protections_without_a_supervisor_are_not_known(tmp_path, settings):
    settings.DATA = tmp_path

    assert protections_here() == []
    assert "Not known yet" in render_to_string("serving/_protections.html", {"protections": []})


def test_every_protection_has_its_sentence():
    codes = ("files", "network", "processes", "read_only", "unprivileged", "system_calls", "temporary")
    codes += ("process_count", "memory", "cpu", "broken", "untested", "no_cgroup", "memory_watched", "no_filter")

    assert {f"protection.{code}" for code in codes} <= known_codes()

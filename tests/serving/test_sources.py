"""Packages without a wheel: built from source in the sandbox where the workspace allows it."""

import hashlib
import os
import shutil
import signal
import threading
import time
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import translation
from django.utils.timezone import now

from accounts.models import Workspace
from registry.models import ModelVersion, Status
from registry.services import release_version
from serving import building_making, environments, environments_confined, environments_sources, transitions_making
from serving.building_sources import Solution
from serving.environments_index import Sdist
from serving.models import Environment
from serving.services_environments import sweep_environments, sweep_preparations
from serving.tasks import make_environment, prepare
from tests.factories import make_member, make_workspace
from tests.serving.processes import dying, in_process, outcome
from tests.serving.sdists import Index, built, sdist_bytes, serving
from tests.serving.supervising import processes_with
from tests.serving.wheels import answer, building_version, codes, fresh, left_over, wheel_bytes

pytestmark = pytest.mark.usefixtures("environments_root", "no_needs")
DOCOPT = "49b3a825280bd66b3aa83585ef59c4a8c82f2c8a522dbe754a8bc8d08c85c491"


@pytest.fixture
def index(settings):
    offered = Index()
    with serving(offered) as address:
        settings.PACKAGE_INDEX = f"{address}/simple"
        yield offered


@pytest.fixture
def tool(index):
    """A package of which there is the source alone."""
    source = sdist_bytes()
    index.offer("tool-1.0.tar.gz", source)
    return hashlib.sha256(source).hexdigest()


def kept():
    return sorted(path.name for path in (environments.root() / ".sources").glob("*/*"))


def await_processes(text, enough):
    until = time.monotonic() + 60
    while not enough(found := processes_with(text)) and time.monotonic() < until:
        time.sleep(0.05)
    return found


def test_a_package_the_index_has_no_wheel_of_is_built_locked_and_imported(db):
    version = built("docopt==0.6.2", "six==1.16.0")

    environment = version.environment_record.environment
    assert (version.status, version.reason) == (Status.NORMAL, "")
    assert environment.sources == [{"name": "docopt", "version": "0.6.2", "sha256": DOCOPT}]
    assert answer(environment, "import docopt, six; print(docopt.__version__)") == "0.6.2"
    assert kept() == ["docopt-0.6.2-py2.py3-none-any.whl"] or kept() == ["docopt-0.6.2-py3-none-any.whl"]
    assert environment.lock.partition("six==")[0].count("--hash=") == 1
    assert [each.message for each in version.events.filter(code="build.source_started")] == [
        "docopt==0.6.2 has no wheel: its wheel is being built from source"
    ]
    assert left_over() == []


def test_without_leave_of_the_workspace_nothing_is_fetched_and_the_reason_says_what_could_be_done(db, index, tool):
    version = built("tool==1.0", allowed=False)

    python = environments.interpreter()
    assert (version.status, version.status_code) == (Status.BUILD_FAILED, "build.source_not_allowed")
    assert version.reason == (
        f"No wheel for {python}, only the source: tool==1.0. It could be built from source, in the sandbox, if an "
        "administrator of the workspace allows it: Policies, “Dependencies may be built from source”. Or declare a "
        "version that has a wheel."
    )
    with translation.override("zh-hans"):
        assert version.reason == (
            f"以下依赖包没有适用于{python}的wheel文件，只有源码：tool==1.0。工作空间管理员在“策略”中开启“允许从源码构建依赖”后，"
            "可以在沙箱内从源码构建；也可以改为声明有wheel文件的版本。"
        )
    assert "/files/" not in str(index.asked)
    assert not (environments.root() / ".sources").exists()


def test_what_nobody_has_a_source_of_is_not_here_as_before(db, index):
    index.offer("tool-1.0-cp27-none-win32.whl", wheel_bytes())

    version = built("tool==1.0", allowed=False)

    assert version.status_code == "build.not_here"


def test_a_source_is_built_once_and_its_wheel_used_again(db, tool, monkeypatch):
    first = built("tool==1.0")
    monkeypatch.setattr(environments_confined, "build", None)

    second = built("tool", name="others")

    assert (first.status, second.status) == (Status.NORMAL, Status.NORMAL)
    assert second.environment_record.environment == first.environment_record.environment


def test_a_wheel_that_is_kept_is_no_way_around_the_policy_of_another_workspace(db, tool):
    built("tool==1.0")

    version = built("tool==1.0", allowed=False, name="others", workspace=make_workspace("strict"))

    assert version.status_code == "build.source_not_allowed"


def test_what_a_requirement_requires_is_built_too_in_the_version_it_asks_for(db, index):
    index.offer("upper-1.0-py3-none-any.whl", wheel_bytes("upper", "1.0", requires=["tool<2", "lower"]))
    index.offer("tool-1.0.tar.gz", sdist_bytes())
    index.offer("tool-2.0.tar.gz", sdist_bytes(version="2.0"))
    index.offer("lower-3.0.tar.gz", sdist_bytes(name="lower", version="3.0"))

    version = built("upper")

    environment = version.environment_record.environment
    assert [(each["name"], each["version"]) for each in environment.sources] == [("lower", "3.0"), ("tool", "1.0")]
    assert answer(environment, "import upper, tool, lower; print(tool.VERSION)") == "1.0"


def test_what_a_source_is_built_with_comes_from_wheels_also_what_it_asks_for_later(db, index):
    attack = "import first, second\nopen('tool.py', 'w').write('')"
    source = sdist_bytes(attack, requires=["first>=1; python_version>='3'", "no; python_version<'3'"], asked=["second"])
    index.offer("tool-1.0.tar.gz", source)
    for name in ("first", "second"):
        index.offer(f"{name}-1.0-py3-none-any.whl", wheel_bytes(name))

    assert built("tool").status == Status.NORMAL


def test_a_build_that_fails_says_which_package_and_how_it_ended(db, index):
    index.offer("tool-1.0.tar.gz", sdist_bytes("print('compiling')\nraise SystemExit('there is no compiler')"))

    version = built("tool==1.0")

    assert (version.status, version.status_code) == (Status.BUILD_FAILED, "build.source_failed")
    assert version.reason == (
        "tool==1.0 has no wheel for this Python, and building one from its source failed (code 1). Its log ends with: "
        "compiling / there is no compiler"
    )
    assert version.environment_record.log == "compiling\nthere is no compiler\n"
    assert (kept(), left_over()) == ([], [])


@pytest.mark.parametrize("module", ["pkg_resources", "distutils.core", "setuptools"])
def test_a_source_that_needs_an_older_setuptools_is_told_apart(db, index, module):
    attack = f"raise ModuleNotFoundError(\"No module named '{module}'\")"
    index.offer("tool-1.0.tar.gz", sdist_bytes(attack))

    version = built("tool==1.0")

    assert (version.status, version.status_code) == (Status.BUILD_FAILED, "build.source_old_setuptools")
    assert version.reason == (
        "tool==1.0 has no wheel for this Python, and it cannot be built from its source here: it needs an older "
        "setuptools than Python has today. Declare a later version, which has a wheel or a newer source. Its log ends "
        f"with: ModuleNotFoundError: No module named '{module}'"
    )


def test_last_words_leave_out_how_python_came_there():
    log = (
        "running build\nTraceback (most recent call last):\n"
        '  File "/usr/lib/a.py", line 3, in <module>\n    main()\n    ~~~~^^\n'
        '  File "<string>", line 19, in setup\n'
        "ModuleNotFoundError: No module named 'six'\n\n"
    )

    assert environments_sources.last_words(log) == "running build / ModuleNotFoundError: No module named 'six'"
    assert environments_sources.last_words("one\ntwo\n  three\nfour\n") == "two / three / four"
    assert environments_sources.last_words(" ^^^\n") == ""


def test_no_more_is_built_than_may_be(db, index, settings):
    settings.SOURCE_PACKAGES = 1
    for name in ("tool", "lower"):
        index.offer(f"{name}-1.0.tar.gz", sdist_bytes(name=name))

    version = built("tool", "lower")

    assert (version.status_code, kept()) == ("build.source_too_many", [])


def test_nothing_more_is_built_once_it_is_not_allowed_any_more(db, index, monkeypatch):
    for name in ("tool", "lower"):
        index.offer(f"{name}-1.0.tar.gz", sdist_bytes(name=name))
    keep = environments_sources._keep

    def forbidden(wheel, sdist):
        Workspace.objects.update(source_builds=False)
        return keep(wheel, sdist)

    monkeypatch.setattr(environments_sources, "_keep", forbidden)

    version = built("tool==1.0", "lower==1.0")

    assert (version.status_code, version.status_params["requirements"]) == ("build.source_not_allowed", "lower==1.0")
    assert kept() == ["tool-1.0-py3-none-any.whl"]


def test_an_environment_that_is_gone_is_built_again_with_the_wheel_that_is_kept(db, tool, monkeypatch):
    version = built("tool==1.0")
    environment = version.environment_record.environment
    environments.remove(environment)
    monkeypatch.setattr(environments_confined, "build", None)
    version.model.workspace.source_builds = False
    version.model.workspace.save(update_fields=["source_builds"])

    transitions_making.request(version)
    make_environment(version.pk)

    assert answer(environment, "import tool; print(tool.VERSION)") == "1.0"
    assert fresh(version).environment_record.environment == environment


def test_where_the_wheel_is_gone_too_the_policy_is_asked_anew(db, tool):
    version = built("tool==1.0")
    environments.remove(version.environment_record.environment)
    shutil.rmtree(environments.root() / ".sources")
    version.model.workspace.source_builds = False
    version.model.workspace.save(update_fields=["source_builds"])

    transitions_making.request(version)
    building_making.run(version.environment_record)

    assert fresh(version).environment_record.reason_code == "build.source_not_allowed"


def test_where_another_wheel_of_the_source_is_kept_it_is_locked_anew(db, tool):
    version = built("tool==1.0")
    first = version.environment_record.environment
    environments.remove(first)
    (wheel,) = (environments.root() / ".sources").glob("*/*.whl")
    wheel.write_bytes(wheel_bytes(files={"more.py": ""}))

    transitions_making.request(version)
    make_environment(version.pk)

    record = fresh(version).environment_record
    assert (record.making, record.environment == first) == ("", False)
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() in record.environment.lock
    assert record.environment.sources == first.sources


def test_of_wheels_that_are_not_all_kept_none_is_a_way_around_the_policy(db, index, tool):
    index.offer("lower-1.0.tar.gz", sdist_bytes(name="lower"))
    version = built("tool==1.0", "lower==1.0")
    environments.remove(version.environment_record.environment)
    (gone,) = (environments.root() / ".sources").glob("*/lower-*.whl")
    shutil.rmtree(gone.parent)
    version.model.workspace.source_builds = False
    version.model.workspace.save(update_fields=["source_builds"])

    transitions_making.request(version)
    building_making.run(version.environment_record)

    record = fresh(version).environment_record
    assert (record.reason_code, record.reason_params["requirements"]) == (
        "build.source_not_allowed",
        "tool==1.0, lower==1.0",
    )


def test_a_wheel_that_was_built_is_locked_only_in_its_own_version():
    taken = Sdist("tool", "1.0", "tool-1.0.tar.gz", "http://x", "b" * 64)
    left = Sdist("lower", "1.0", "lower-1.0.tar.gz", "http://x", "c" * 64)
    pins = [f"tool==1.0 --hash=sha256:{'a' * 64}", f"lower==2.0 --hash=sha256:{'a' * 64}"]

    solution = Solution("\n".join(pins), {taken: "d" * 64, left: "e" * 64})

    assert solution.wheels == {"tool": "d" * 64}
    assert solution.sources == [{"name": "tool", "version": "1.0", "sha256": "b" * 64}]


def test_the_sweep_takes_wheels_that_no_environment_needs(db, index, tool, settings):
    settings.ENVIRONMENT_GRACE_SECONDS = 0
    index.offer("lower-1.0.tar.gz", sdist_bytes(name="lower"))
    built("tool==1.0")
    freed = built("lower==1.0", name="freed")
    freed.delete()

    sweep_environments()
    sweep_environments()

    assert kept() == ["tool-1.0-py3-none-any.whl"]
    assert left_over() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("owner", "name", "after"),
    [
        (environments_sources, "refuse", False),
        (environments_confined, "install_code", True),
        (environments_confined, "_watched", True),
        (environments_sources, "_keep", False),
        (environments_sources, "_keep", True),
    ],
)
def test_a_worker_that_is_killed_leaves_nothing_half_made(tool, settings, monkeypatch, owner, name, after):
    settings.BUILD_LEASE_SECONDS = 1
    version = building_version("tool==1.0")
    version.model.workspace.source_builds = True
    version.model.workspace.save(update_fields=["source_builds"])

    def work():
        dying(monkeypatch, owner, name, after=after)
        prepare(version.pk)

    assert outcome(in_process(work)) == -signal.SIGKILL
    assert kept() == (["tool-1.0-py3-none-any.whl"] if name == "_keep" and after else [])

    ModelVersion.objects.update(lease_until=now() - timedelta(seconds=1))
    prepare(version.pk)
    for folder in environments.unfinished().iterdir():
        os.utime(folder, (0, 0))
    sweep_preparations()

    assert fresh(version).status == Status.NORMAL
    assert (kept(), left_over()) == (["tool-1.0-py3-none-any.whl"], [])


@pytest.mark.django_db(transaction=True)
def test_cancelling_ends_a_build_from_source_at_once(index):
    admin = make_member("chief", "admin")
    index.offer("tool-1.0.tar.gz", sdist_bytes("os.system('sleep 7654 & sleep 7654')"))
    version = building_version("tool==1.0")
    version.model.workspace.source_builds = True
    version.model.workspace.save(update_fields=["source_builds"])

    def work():
        try:
            prepare(version.pk)
        finally:
            connections.close_all()

    worker = threading.Thread(target=work)
    worker.start()
    await_processes("sleep 7654", lambda found: len(found) >= 2)
    started = time.monotonic()

    assert release_version(version, by=admin) is True

    worker.join(10)
    assert time.monotonic() - started < 4
    assert not ModelVersion.objects.exists()
    assert (processes_with("sleep 7654"), kept(), left_over()) == ([], [], [])
    assert not Environment.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_build_from_source_dies_with_its_worker(index):
    index.offer("tool-1.0.tar.gz", sdist_bytes("os.system('setsid sleep 7652 & sleep 7652')"))
    version = building_version("tool==1.0")
    version.model.workspace.source_builds = True
    version.model.workspace.save(update_fields=["source_builds"])
    worker = in_process(lambda: prepare(version.pk))
    await_processes("sleep 7652", lambda found: len(found) >= 2)

    os.kill(worker, signal.SIGKILL)

    assert outcome(worker) == -signal.SIGKILL
    assert await_processes("sleep 7652", lambda found: not found) == []
    assert (kept(), fresh(version).status) == ([], Status.BUILDING)


def test_what_was_built_from_source_is_told_in_the_events(db, tool):
    version = built("tool==1.0")

    told = ["build.started", "build.source_started", "build.env_started", "build.done", "import.done"]
    assert codes(version) == told

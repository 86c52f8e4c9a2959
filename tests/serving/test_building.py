"""Building with the real resolver and the index this machine has."""

import os
import sys
from datetime import timedelta

import pytest
from django.utils.timezone import now

from registry import shutdown
from registry.models import Proof, Status
from serving import building, environments
from serving.environments import place_of, size_of
from serving.models import Environment, EnvironmentState, Overlay
from serving.services_environments import sweep_environments, sweep_preparations, take_instead
from tests.serving.wheels import answer, building_version, codes, fresh, left_over, requirement, run, wheel_bytes

pytestmark = pytest.mark.usefixtures("environments_root", "no_needs")


def test_building_ends_in_normal_with_an_environment(db):
    version = run(building_version("six==1.16.0", "joblib>=1.0"))

    record = version.environment_record
    environment = record.environment
    assert (version.status, version.proof, version.proof_code) == (Status.NORMAL, Proof.NOT_ASKED, "proof.switched_off")
    assert record.requirements == ["six==1.16.0", "joblib>=1.0"]
    assert (environment.state, environment.lease_until, environment.attempts) == (EnvironmentState.READY, None, 0)
    assert environment.interpreter.startswith("CPython 3.")
    assert "six==1.16.0 \\\n    --hash=sha256:" in environment.lock
    assert environment.size == size_of(place_of(environment)) > 0
    assert answer(environment, "import six, joblib; print(six.__version__)") == "1.16.0"
    assert codes(version) == ["build.started", "build.env_started", "build.done", "import.done"]
    assert left_over() == []


def test_building_compiles_and_tells_nobody_where_it_was_built(db):
    environment = run(building_version("six==1.16.0")).environment_record.environment

    assert [*place_of(environment).glob("lib/python3*/site-packages/__pycache__/six.*.pyc")]
    assert answer(environment, "import six; print(six.add_metaclass.__code__.co_filename)").startswith(
        str(place_of(environment))
    )
    assert answer(environment, "import sys; print(sys.prefix)") == str(place_of(environment))


def test_building_twice_changes_nothing(db):
    version = run(building_version("six==1.16.0"))

    again = run(version)

    assert (again.status, codes(again)) == (Status.NORMAL, codes(version))


def test_versions_with_one_lock_share_one_environment(db):
    first = run(building_version("six==1.16.0"))

    second = run(building_version("six==1.16.0", name="others"))

    assert second.environment_record.environment == first.environment_record.environment
    assert codes(second) == ["build.started", "build.env_reused", "build.done", "import.done"]


def test_an_environment_that_was_deleted_from_the_disk_is_built_again(db):
    first = run(building_version("six==1.16.0"))
    environments.remove(first.environment_record.environment)

    second = run(building_version("six==1.16.0", name="others"))

    assert second.status == Status.NORMAL
    assert environments.is_built(second.environment_record.environment)


def test_a_pin_that_cannot_exist_here_is_named_with_the_nearest_one(db):
    version = run(building_version("numpy==1.15.4", "six"))

    record = version.environment_record
    assert (version.status, version.status_code) == (Status.BUILD_FAILED, "build.source_not_allowed")
    assert "numpy==1.15.4" in version.reason
    assert environments.interpreter() in version.reason
    assert [entry["declared"] for entry in record.proposals] == ["numpy==1.15.4"]
    assert record.proposals[0]["taken"].startswith("numpy==1.2")
    assert "numpy==1.15.4" in record.log
    assert record.environment is None
    assert left_over() == []


def test_the_nearest_one_fits_what_else_is_declared(db):
    version = run(building_version("numpy==1.15.4", "scikit-learn==1.9.1"))

    assert version.status_code == "build.source_not_allowed"
    assert [(entry["declared"], entry["taken"][:11]) for entry in version.environment_record.proposals] == [
        ("numpy==1.15.4", "numpy==1.24")
    ]


def test_beside_numpy_2_what_was_made_for_it_is_proposed_and_loads(db, admin, settings):
    settings.VERSION_PREPARER = "serving.prepare"
    version = run(building_version("numpy==2.4.6", "pandas==1.1.5"))
    (proposal,) = version.environment_record.proposals

    take_instead(version, ["pandas"], by=admin)
    version = run(version)

    assert proposal == {
        "name": "pandas",
        "declared": "pandas==1.1.5",
        "taken": "pandas==2.2.2",
        "nearest": "pandas==1.5.0",
        "numpy": "2.4.6",
    }
    assert version.overlays.first().difference == [{name: proposal[name] for name in ("name", "declared", "taken")}]
    environment = version.environment_record.environment
    assert answer(environment, "import numpy, pandas; print(numpy.__version__, pandas.__version__)") == "2.4.6 2.2.2"


def test_beside_numpy_1_the_nearest_one_is_proposed(db):
    version = run(building_version("numpy==1.26.4", "pandas==1.1.5"))

    assert [entry["taken"] for entry in version.environment_record.proposals] == ["pandas==1.5.0"]


def test_a_name_of_a_module_is_answered_with_its_package(db):
    version = run(building_version("sklearn"))

    assert version.environment_record.proposals[0]["taken"].startswith("scikit-learn==")


def test_a_name_the_index_does_not_know_is_said_to_be_unknown(db):
    version = run(building_version("no-such-package-modelport-tests"))

    assert (version.status, version.status_code) == (Status.BUILD_FAILED, "build.package_unknown")
    assert version.reason == (
        "The package index has no package of this name: no-such-package-modelport-tests. Check the spelling in "
        "“dependencies” of config.json; modules are often called differently from the package they come in."
    )
    assert version.environment_record.proposals == []


def test_pins_that_contradict_each_other_are_both_named(db):
    version = run(building_version("numpy==2.3.0", "scipy==1.9.3"))

    assert (version.status, version.status_code) == (Status.BUILD_FAILED, "build.conflict")
    assert version.status_params == {"requirements": "numpy==2.3.0, scipy==1.9.3", "either": True}
    taken = {entry["name"]: entry["taken"] for entry in version.environment_record.proposals}
    assert taken["numpy"].startswith("numpy==1.")
    assert taken["scipy"].startswith("scipy==1.")


def test_one_name_in_two_versions_is_a_conflict(db):
    version = run(building_version("six==1.16.0", "six==1.15.0"))

    assert (version.status, version.status_code) == (Status.BUILD_FAILED, "build.conflict")


def test_an_index_that_does_not_answer_is_tried_again_later(db, settings, monkeypatch):
    settings.PACKAGE_INDEX = "http://127.0.0.1:9/simple"
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    version = run(building_version("tqdm"))

    assert (version.status, version.attempts) == (Status.BUILDING, 1)
    assert codes(version) == ["build.started", "build.postponed"]
    assert "127.0.0.1:9" in version.environment_record.log

    settings.PACKAGE_INDEX = ""
    assert run(version).status == Status.NORMAL


def test_an_index_that_never_answers_fails_the_build_after_all_attempts(db, settings, monkeypatch):
    settings.PACKAGE_INDEX = "http://user:secret@127.0.0.1:9/simple"
    settings.BUILD_ATTEMPTS = 2
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    version = building_version("tqdm")

    run(version)
    version = run(version)

    assert (version.status, version.status_code) == (Status.BUILD_FAILED, "build.index_unavailable_gave_up")
    assert "2 attempts" in version.reason
    assert "secret" not in version.environment_record.log


def test_a_wheel_of_the_package_is_installed_and_no_other(db):
    wheels = {"model/six-1.16.0-py2.py3-none-any.whl": wheel_bytes("six", "1.16.0", {"own.py": "WORD = 'own'\n"})}
    declared = requirement("six==1.16.0", wheel=next(iter(wheels)))

    version = run(building_version(declared, wheels=wheels))

    environment = version.environment_record.environment
    assert environment.lock.count("--hash=") == 1
    assert answer(environment, "import own; print(own.WORD)") == "own"


def test_an_overlay_is_built_instead_and_changes_nothing_of_the_package(db, admin, settings):
    settings.VERSION_PREPARER = "serving.prepare"
    version = run(building_version("sklearn", "scikit-learn==0.20.0"))
    before = version.config
    proposals = version.environment_record.proposals
    assert [entry["name"] for entry in proposals] == ["sklearn", "scikit-learn"]
    assert len({entry["taken"] for entry in proposals}) == 1

    Overlay.objects.create(
        version=version,
        difference=[entry | {"taken": "six==1.16.0"} for entry in proposals],
        created_by=admin,
        created_by_name="chief",
    )
    building.preparation.prepare_again(version, by=admin)
    version = run(version)

    assert (version.status, version.config) == (Status.NORMAL, before)
    record = version.environment_record
    assert (record.requirements, record.proposals, record.log) == (["six==1.16.0"], [], "")
    assert record.overlay == version.overlays.first()


@pytest.mark.parametrize("content", [b"PK", wheel_bytes("other", "1.0"), wheel_bytes("tool", "2.0"), b""])
def test_a_wheel_that_is_none_or_another_is_refused(db, content):
    wheels = {"model/tool-1.0-py3-none-any.whl": content}
    declared = requirement("tool==1.0", wheel=next(iter(wheels)))

    version = run(building_version(declared, wheels=wheels))

    assert (version.status, version.status_code) == (Status.BUILD_FAILED, "build.wheel_broken")


def test_a_wheel_that_is_absent_is_named(db):
    version = run(building_version(requirement("tool==1.0", wheel="model/tool-1.0-py3-none-any.whl")))

    assert (version.status, version.status_code) == (Status.BUILD_FAILED, "build.wheel_missing")


def test_nothing_a_package_installs_runs_while_it_is_built(db, tmp_path):
    """A .pth file runs whenever the interpreter of its environment starts, which is for the sandbox alone."""
    trap = tmp_path / "sprung"
    code = f"import pathlib; pathlib.Path({str(trap)!r}).touch()\n"
    wheels = {"model/tool-1.0-py3-none-any.whl": wheel_bytes("tool", "1.0", {"tool.pth": code})}
    declared = requirement("tool==1.0", wheel=next(iter(wheels)))

    version = run(building_version(declared, wheels=wheels))

    assert version.status == Status.NORMAL
    assert not trap.exists()
    answer(version.environment_record.environment, "")
    assert trap.exists()


def test_what_a_wheel_needs_from_an_address_is_not_fetched(db):
    needs = ["six @ https://example.com/six-1.0-py3-none-any.whl"]
    wheels = {"model/tool-1.0-py3-none-any.whl": wheel_bytes("tool", "1.0", requires=needs)}
    declared = requirement("tool==1.0", wheel=next(iter(wheels)))

    version = run(building_version(declared, wheels=wheels))

    assert version.status == Status.BUILD_FAILED


def test_an_environment_that_becomes_too_large_is_refused(db, settings):
    settings.BUILD_MAX_BYTES = 1024**2

    version = run(building_version("joblib"))

    assert (version.status, version.status_code) == (Status.BUILD_FAILED, "build.too_large")
    assert Environment.objects.get().state == EnvironmentState.FAILED
    assert left_over() == []


def test_a_build_that_takes_too_long_is_ended(db, settings):
    settings.BUILD_TIMEOUT_SECONDS = 0

    version = run(building_version("six"))

    assert (version.status, version.status_code) == (Status.BUILD_FAILED, "build.too_slow")
    assert left_over() == []


def test_an_engine_that_cannot_run_here_is_normal_and_says_so(db):
    version = run(building_version(engine="MXNet"))

    assert (version.status, version.proof, version.proof_code) == (
        Status.NORMAL,
        Proof.CANNOT_RUN_HERE,
        "cannot_run.retired_engine",
    )


def test_a_tool_gets_no_more_memory_than_it_may(db, settings):
    settings.BUILD_MEMORY_BYTES = 512 * 1024**2

    with environments.workshop(lambda: None) as shop:
        ran = shop.run(sys.executable, "-c", "bytearray(1024**3)")

    assert (ran.code, "MemoryError" in ran.log) == (1, True)


def test_tools_see_nothing_of_our_secrets(db, monkeypatch, tmp_path):
    monkeypatch.setenv("MODELPORT_SECRET_KEY", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://example.com/simple")

    with environments.workshop(lambda: None) as shop:
        seen = shop.run("/usr/bin/env", index=True).log

    names = {line.partition("=")[0] for line in seen.splitlines()}
    assert "UV_DEFAULT_INDEX" in names
    assert not names & {"MODELPORT_SECRET_KEY", "AWS_SECRET_ACCESS_KEY", "DATABASE_URL", "DJANGO_SETTINGS_MODULE"}


def test_a_stopping_worker_hands_the_version_back(db, monkeypatch):
    monkeypatch.setattr(shutdown, "asked", lambda: True)
    version = run(building_version("six"))

    assert (version.status, version.lease_until, version.attempts) == (Status.BUILDING, None, 0)


def test_the_sweep_rings_what_waits_and_ends_what_kills_workers(db, settings, monkeypatch):
    settings.VERSION_PREPARER = "serving.prepare"
    rung = []
    monkeypatch.setattr(building.preparation.current_app, "send_task", lambda *call, **options: rung.append(call))
    over = now() - timedelta(seconds=1)
    waiting, dead = building_version("six"), building_version("six", name="dead", attempts=3, lease_until=over)
    building_version("six", name="held", attempts=3, lease_until=now() + timedelta(minutes=1))

    sweep_preparations()

    assert rung == [("serving.prepare", [waiting.pk])]
    assert (fresh(dead).status, fresh(dead).status_code) == (Status.BUILD_FAILED, "build.worker_died")


def test_the_sweep_takes_environments_nobody_needs(db, settings):
    settings.ENVIRONMENT_GRACE_SECONDS = 0
    kept, freed = run(building_version("six==1.16.0")), run(building_version("six==1.15.0", name="freed"))
    wanted, unwanted = kept.environment_record.environment, freed.environment_record.environment
    freed.delete()
    stray = environments.root() / ("e" * 64)
    stray.mkdir()
    os.utime(stray, (0, 0))

    sweep_environments()
    sweep_environments()

    assert [*Environment.objects.all()] == [wanted]
    assert environments.is_built(wanted)
    assert not place_of(unwanted).exists()
    assert not stray.exists()
    assert answer(wanted, "import six; print(six.__version__)") == "1.16.0"


def test_the_sweep_leaves_what_may_be_wanted_again_soon(db):
    version = run(building_version("six==1.16.0"))
    environment = version.environment_record.environment
    version.delete()

    sweep_environments()

    assert environments.is_built(environment)


def test_the_sweep_leaves_a_build_under_way_and_takes_what_a_dead_one_left(db):
    with environments.workshop(lambda: None) as shop:
        dead = environments.unfinished() / "dead"
        dead.mkdir()
        os.utime(dead, (0, 0))

        sweep_preparations()

        assert shop.folder.exists()
        assert not dead.exists()


def test_no_part_of_a_password_is_shown_in_a_log():
    said = "at https://dev:p@ss:w@index.example/simple/a@b, and http://x.example/@c"

    assert environments.shown_log(said) == "at https://index.example/simple/a@b, and http://x.example/@c"

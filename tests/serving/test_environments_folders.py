"""The operator's folders of wheels, with the real resolver and the index this machine has."""

import subprocess

import pytest

from serving.environments import python_of
from serving.tasks import prepare
from tests.serving.wheels import building_version, fresh, wheel_bytes

pytestmark = pytest.mark.usefixtures("environments_root", "no_needs")


def run(version):
    prepare(version.pk)
    return fresh(version)


def printed(environment, code):
    """What Python code prints in an environment; only what the test itself put there runs."""
    command = [python_of(environment), "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_folders_of_wheels_are_looked_into_beside_the_index(db, settings, tmp_path):
    (tmp_path / "modelport_tests_tool-2.0-py3-none-any.whl").write_bytes(wheel_bytes("modelport_tests_tool", "2.0"))
    settings.FIND_LINKS = [str(tmp_path)]

    version = run(building_version("modelport-tests-tool>=1.0", "six"))

    assert (
        printed(version.environment_record.environment, "import modelport_tests_tool as m; print(m.VERSION)") == "2.0"
    )


def test_what_lies_in_a_folder_of_wheels_is_taken_before_later_releases_where_it_fits(db, settings, tmp_path):
    (tmp_path / "six-1.16.0+own-py3-none-any.whl").write_bytes(wheel_bytes("six", "1.16.0+own"))
    (tmp_path / "six-1.15.0-py3-none-any.whl").write_bytes(wheel_bytes("six", "1.15.0"))
    (tmp_path / "six-1.17.0-cp27-none-any.whl").write_bytes(wheel_bytes("six", "1.17.0"))
    (tmp_path / "six.whl").touch()
    settings.FIND_LINKS = [str(tmp_path)]

    free, exact = run(building_version("six>=1.10")), run(building_version("six==1.16.0", name="exact"))
    other = run(building_version("six==1.14.0", name="other"))

    locks = [version.environment_record.environment.lock for version in (free, exact, other)]
    assert [lock.split()[0] for lock in locks] == ["six==1.16.0+own", "six==1.16.0+own", "six==1.14.0"]
    assert printed(free.environment_record.environment, "import six; print(six.VERSION)") == "1.16.0+own"


def test_what_lies_in_a_folder_of_wheels_is_proposed_even_where_the_rest_does_not_fit(db, settings, tmp_path):
    own = "modelport_tests_tool"
    (tmp_path / f"{own}-2.0+own-py3-none-any.whl").write_bytes(wheel_bytes(own, "2.0+own"))
    (tmp_path / f"{own}_plus-2.0-py3-none-any.whl").write_bytes(
        wheel_bytes(f"{own}_plus", "2.0", requires=[f"{own}>=2.0", "six>=1.15"])
    )
    settings.FIND_LINKS = [str(tmp_path)]

    version = run(building_version("modelport-tests-tool==1.0", "modelport-tests-tool-plus==1.0", "six==1.14.0"))

    assert version.status_code == "build.not_here"
    assert [entry["taken"] for entry in version.environment_record.proposals] == [
        "modelport-tests-tool==2.0+own",
        "modelport-tests-tool-plus==2.0",
    ]

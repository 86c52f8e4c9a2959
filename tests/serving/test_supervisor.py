"""The supervisor with real processes: what is wanted runs, once, and what happens to it is told."""

import subprocess

import pytest

from tests.inference import environments
from tests.inference.serving import package_with
from tests.inference.test_engines import ROOT
from tests.package_builder import build_package
from tests.serving.supervising import (
    ask,
    await_state,
    make_environment,
    make_instance,
    plain_environment,
    stop,
    supervising,
)

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def supervisor(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), supervising() as running:
        yield running


@pytest.fixture
def plain():
    return plain_environment()


@pytest.mark.engines
def test_scikit_learn_model_answers_from_the_sandbox_under_the_limits_of_its_row(supervisor, tmp_path):
    python = environments.classic()
    subprocess.run([python, ROOT / "tests" / "inference" / "train.py", tmp_path], check=True)
    weights = (tmp_path / "sklearn_models" / "linear.m").read_bytes()
    package = build_package(tmp_path, "Scikit_Learn", code=None, files={"linear.m": weights})
    instance = make_instance(package, make_environment(python, "c" * 64), engine="Scikit_Learn", memory_limit=512)

    row = await_state(instance, "ready", "failed")
    status, value = ask(row, {"req_data": [[1, 10]]})

    assert (row.state, status) == ("ready", 200), value
    assert value["data"]["resp_data"] == [{"predictresult": pytest.approx(33)}]
    assert row.memory > 10 * 1024**2
    assert stop(instance).state == "stopped"


def test_instance_echoes(supervisor, plain, tmp_path):
    instance = make_instance(package_with(tmp_path), plain)

    row = await_state(instance, "ready", "failed")

    assert ask(row, {"a": 1}) == (200, {"a": 1})
    assert stop(instance).state == "stopped"

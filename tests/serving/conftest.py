"""What tests of serving share."""

import pytest

from serving import locks
from tests.inference.serving import package_with, serving
from tests.serving.gateway import gateway

SLEEPER = """
    def _preprocess(self, data):
        return data

    def _inference(self, data):
        time.sleep(data.get("sleep", 0))
        return {"got": sorted(data)}
"""


@pytest.fixture(scope="session")
def downloads(tmp_path_factory):
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture
def environments_root(settings, tmp_path, downloads):
    """A data folder of the test's own, with the downloads of all."""
    settings.DATA = tmp_path
    root = tmp_path / "environments"
    root.mkdir()
    (root / ".cache").symlink_to(downloads)
    return root


@pytest.fixture
def no_needs(monkeypatch):
    """Engines that need nothing themselves, so that an environment is built in a moment."""
    monkeypatch.setattr(locks, "NEEDS", {})


@pytest.fixture
def machine(settings):
    """One that is large enough for every test."""
    settings.POOL_CORES, settings.POOL_MEMORY_MIB = 4, 32_000


@pytest.fixture
def rung(monkeypatch):
    """What proofs told the workers, who hear nothing of it."""
    calls = []
    monkeypatch.setattr("serving.proof.current_app.send_task", lambda *call: calls.append(call))
    return calls


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    """A gateway with short limits."""
    with gateway(tmp_path_factory.mktemp("data"), GATEWAY_SECONDS=2, GATEWAY_CALLS=4) as running:
        yield running


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """One that sleeps as long as it is asked to."""
    with serving(package_with(tmp_path_factory.mktemp("model"), SLEEPER)) as running:
        yield running

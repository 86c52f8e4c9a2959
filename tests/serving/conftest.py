"""What tests of serving share."""

import pytest

from serving import locks


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
def as_developer(client, developer):
    client.force_login(developer)
    return client


@pytest.fixture
def as_viewer(client, viewer):
    client.force_login(viewer)
    return client


@pytest.fixture
def rung(monkeypatch):
    """What proofs told the workers, who hear nothing of it."""
    calls = []
    monkeypatch.setattr("serving.proof.current_app.send_task", lambda *call: calls.append(call))
    return calls

"""Which source distribution is taken of what an index offers, and who gets to see its credentials."""

import json
import subprocess
import sys

import pytest
from django.conf import settings as ours

from registry.models import Status
from serving import environments
from serving.environments_index import Sdist, Sources
from serving.fetching import UNAVAILABLE
from tests.serving.sdists import Index, basic, built, sdist_bytes, serving, zipped
from tests.serving.wheels import wheel_bytes

pytestmark = pytest.mark.usefixtures("environments_root", "no_needs")


@pytest.fixture
def index(settings):
    offered = Index()
    with serving(offered) as address:
        settings.PACKAGE_INDEX = f"{address}/simple"
        yield offered


def found(text):
    with environments.workshop(lambda: None) as shop:
        sdist = Sources(shop).find(text)
    return sdist and sdist.filename


@pytest.mark.parametrize("html", [False, True])
def test_the_newest_that_is_allowed_is_taken(index, html):
    index.html = html
    for version in ("1.0", "1.5", "2.0", "3.0a1"):
        index.offer(f"tool-{version}.tar.gz", b"")
    index.offer("tool-2.0-py3-none-any.whl", b"")
    index.offer("tool-1.0.tar.bz2", b"")

    assert found("tool") == "tool-2.0.tar.gz"
    assert found("tool<2") == "tool-1.5.tar.gz"
    assert found("tool==3.0a1") == "tool-3.0a1.tar.gz"
    assert found("tool>4") is None
    assert found("unknown") is None


def test_what_is_withdrawn_or_for_another_python_or_without_a_hash_is_not_taken(index):
    index.offer("tool-1.0.tar.gz", b"")
    index.offer("tool-2.0.tar.gz", b"", yanked="wrong")
    index.offer("tool-3.0.tar.gz", b"", **{"requires-python": ">=4"})
    index.offer("tool-4.0.tar.gz", b"", hashes={})
    index.offer("tool-5.0.tar.gz", b"", **{"requires-python": "nonsense"})
    index.offer(f"tool-{'9' * 5000}.tar.gz", b"")

    assert found("tool") == "tool-1.0.tar.gz"
    assert found("tool==2.0") == "tool-2.0.tar.gz"
    assert found("tool==3.0") is None


def test_a_source_that_is_a_zip_is_built(db, index):
    index.offer("tool-1.0.zip", zipped(sdist_bytes()))

    assert built("tool==1.0").status == Status.NORMAL


def test_every_index_the_resolver_asks_is_asked_the_extra_ones_first(settings, monkeypatch):
    first, second = Index(), Index()
    first.offer("tool-1.0.tar.gz", b"")
    second.offer("tool-2.0.tar.gz", b"")
    second.offer("other-2.0.tar.gz", b"")
    with serving(first) as one, serving(second) as two:
        monkeypatch.setenv("UV_INDEX", f"extra={one}/simple")
        settings.PACKAGE_INDEX = f"{two}/simple"

        assert (found("tool"), found("other")) == ("tool-1.0.tar.gz", "other-2.0.tar.gz")


@pytest.mark.parametrize("status", [401, 403])
def test_an_index_that_lets_nobody_in_is_not_passed_over_for_the_next(settings, monkeypatch, status):
    first, second = Index(), Index()
    first.refusal = status
    second.offer("tool-2.0.tar.gz", b"")
    with serving(first) as one, serving(second) as two:
        monkeypatch.setenv("UV_INDEX", f"extra={one}/simple")
        settings.PACKAGE_INDEX = f"{two}/simple"

        assert found("tool") is None
    assert second.asked == []


def test_a_list_of_passwords_that_cannot_be_read_is_not_told(settings, monkeypatch, tmp_path, index):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password very secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    index.offer("tool-1.0.tar.gz", b"")

    assert found("tool") == "tool-1.0.tar.gz"


def test_where_there_is_no_index_nothing_is_found(settings, monkeypatch):
    settings.PACKAGE_INDEX = ""
    monkeypatch.setenv("UV_NO_INDEX", "1")

    assert found("tool") is None


def test_credentials_go_to_their_index_alone(db, settings):
    index, elsewhere = Index(), Index()
    index.password = "user:p@ss"
    for each in (index, elsewhere):
        each.offer("tool-1.0.tar.gz", sdist_bytes())
    with serving(index) as address, serving(elsewhere) as other:
        settings.PACKAGE_INDEX = f"{address.replace('//', '//user:p%40ss@')}/simple"
        index.elsewhere = other

        version = built("tool==1.0")

    assert version.status == Status.NORMAL
    assert ("/simple/tool/", basic("user:p@ss")) in index.asked
    assert elsewhere.asked == [("/files/tool-1.0.tar.gz", None)]


def test_an_index_that_stops_answering_is_tried_again_later(db, index):
    index.offer("tool-1.0.tar.gz", sdist_bytes(), url="http://127.0.0.1:9/tool-1.0.tar.gz")

    version = built("tool==1.0")

    assert (version.status, version.attempts) == (Status.BUILDING, 1)
    assert "Connection refused" in version.environment_record.log


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"])
def test_nothing_is_fetched_but_by_http(tmp_path, url):
    told = {"do": "fetch", "url": url, "sha256": "", "most": 99, "target": str(tmp_path / "x"), "indexes": []}
    (tmp_path / "orders.json").write_text(json.dumps(told))
    command = [sys.executable, "-I", "-S", str(ours.BASE_DIR / "serving" / "fetching.py"), "orders.json"]

    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)

    assert ended.returncode == UNAVAILABLE
    assert not (tmp_path / "x").exists()


def test_a_source_is_known_by_its_requirement():
    assert Sdist("tool", "1.0", "tool-1.0.tar.gz", "http://x", "0" * 64).text == "tool==1.0"


@pytest.mark.parametrize("broken", ["file:///nowhere/simple", "http://127.0.0.1:9/simple"])
def test_without_leave_the_reason_does_not_wait_for_an_index_that_only_the_resolver_can_ask(
    db, index, settings, monkeypatch, broken
):
    index.offer("tool-1.0-cp27-none-win32.whl", wheel_bytes())
    monkeypatch.setattr(environments.Workshop, "indexes", lambda _: [broken])

    version = built("tool==1.0", allowed=False)

    assert (version.status, version.status_code) == (Status.BUILD_FAILED, "build.not_here")


def test_what_has_a_wheel_is_never_built(db, index):
    index.offer("tool-1.0-py3-none-any.whl", wheel_bytes())
    index.offer("tool-2.0.tar.gz", sdist_bytes(version="2.0"))

    version = built("tool")

    assert version.environment_record.environment.sources == []

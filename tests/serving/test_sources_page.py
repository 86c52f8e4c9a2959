"""What pages say of packages built from source, and of those that would have to be."""

import pytest
from django.utils.timezone import now

from accounts.roles import Role
from registry.models import Status
from serving.models import Environment, EnvironmentState, VersionEnvironment
from tests.factories import make_member, make_version
from tests.serving.wheels import config_of

CHINESE = {"Accept-Language": "zh-hans"}
REASON = {"requirements": "docopt==0.6.2", "interpreter": "CPython 3.11.7"}
POLICIES = 'href="/workspace/policies/">'
LEAVE = "Administrators of the workspace can allow it."


@pytest.fixture
def refused(db):
    version = make_version(
        status=Status.BUILD_FAILED,
        digest="d" * 64,
        config=config_of("docopt==0.6.2").as_dict(),
        status_code="build.source_not_allowed",
        status_params=REASON,
    )
    VersionEnvironment.objects.create(version=version, requirements=["docopt==0.6.2"])
    return version


@pytest.fixture
def unmade(db):
    """Normal, with an environment that could not be made."""
    version = make_version(digest="d" * 64, config=config_of("docopt==0.6.2").as_dict())
    reason = {"reason_code": "build.source_not_allowed", "reason_params": REASON}
    VersionEnvironment.objects.create(version=version, making="failed", **reason)
    return version


@pytest.fixture
def built(db):
    version = make_version(digest="d" * 64)
    environment = Environment.objects.create(
        digest="e" * 64,
        lock=f"docopt==0.6.2 \\\n    --hash=sha256:{'a' * 64}\n",
        sources=[{"name": "docopt", "version": "0.6.2", "sha256": "b" * 64}],
        interpreter="CPython 3.11.7",
        state=EnvironmentState.READY,
        used_at=now(),
    )
    VersionEnvironment.objects.create(version=version, environment=environment)
    return version


def text_of(client, path, **headers):
    return " ".join(client.get(path, headers=headers).content.decode().split())


def pages(version):
    return [f"/versions/{version.uuid}/environment/", f"/versions/{version.uuid}/"]


@pytest.mark.parametrize(("role", "linked"), [(Role.ADMIN, True), (Role.DEVELOPER, False), (Role.VIEWER, False)])
def test_refusal_leads_those_who_may_to_the_policy_and_tells_the_others_who_may(client, refused, role, linked):
    client.force_login(make_member("ann", role))

    for page in pages(refused):
        content = text_of(client, page).partition("<main")[2]

        assert "No wheel for CPython 3.11.7, only the source: docopt==0.6.2." in content
        assert (POLICIES in content, LEAVE in content) == (linked, not linked)


def test_refusal_is_told_in_chinese(client, refused):
    client.force_login(make_member("ann", Role.ADMIN))

    for page in pages(refused):
        content = text_of(client, page, **CHINESE).partition("<main")[2]

        assert "以下依赖包没有适用于CPython 3.11.7的wheel文件，只有源码：docopt==0.6.2。" in content
        assert "打开策略</a>" in content


def test_refusal_of_an_environment_of_a_normal_version_leads_there_too(client, unmade):
    client.force_login(make_member("ann", Role.ADMIN))

    assert POLICIES in text_of(client, pages(unmade)[0]).partition("<main")[2]


def test_page_shows_what_was_built_from_source(client, built, developer):
    client.force_login(developer)

    english, chinese = text_of(client, pages(built)[0]), text_of(client, pages(built)[0], **CHINESE)

    assert '<h2 class="panel-title">Built from source <' in english
    assert f'<span class="mono">{"b" * 64}</span>' in english
    assert '<h2 class="panel-title">从源码构建的依赖包 <' in chinese


def test_overview_counts_what_was_built_from_source(client, built, developer):
    client.force_login(developer)

    assert "1 package was built from source." in text_of(client, pages(built)[1])
    assert "1个依赖包从源码构建。" in text_of(client, pages(built)[1], **CHINESE)

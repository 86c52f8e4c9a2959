"""Container registries at the desk: their last test in words, and never a password."""

import re

import pytest
from django.utils.timezone import now

from accounts.roles import Role
from accounts.services import follow_memberships
from stores.models import RegistryConnection
from tests.factories import make_member, make_workspace

pytestmark = pytest.mark.django_db
LIST = "/admin/stores/registryconnection/"


@pytest.fixture
def manager(client):
    user = make_member("mia", role=Role.ADMIN)
    follow_memberships(user)
    client.force_login(user)
    return user


def connect(**values):
    fields = {"workspace": make_workspace(), "name": "lab", "address": "registry.example.com", "password": "sealed"}
    fields |= {"check_params": {"address": "registry.example.com"}}
    return RegistryConnection.objects.create(**fields | values)


def shown_for(client, query=""):
    return re.findall(r'<span class="status (\w+)">([^<]*)</span>', client.get(f"{LIST}{query}").content.decode())


@pytest.mark.parametrize(
    ("values", "test", "shown"),
    [
        ({}, "none", ("idle", "Not tested")),
        ({"checked_at": now(), "check_code": "works"}, "works", ("good", "Worked")),
        ({"checked_at": now(), "check_code": "registry.no_catalog"}, "no-list", ("warn", "Worked, lists nothing")),
        ({"checked_at": now(), "check_code": "registry.denied"}, "fails", ("bad", "Did not work")),
    ],
)
def test_last_test_is_shown_and_filtered_by(client, manager, values, test, shown):
    connect(**values)

    assert shown_for(client) == [shown]
    assert shown_for(client, f"?test={test}") == [shown]
    assert shown_for(client, "?test=" + ("works" if test != "works" else "none")) == []


def test_page_tells_all_but_the_password(client, manager):
    connection = connect(username="ann", repositories="team/*\nlab/iris", insecure=True)

    page = client.get(f"{LIST}{connection.pk}/change/").content.decode()

    assert re.findall(r'<bdi class="mono">(.*?)</bdi>', page) == ["http://registry.example.com"]
    assert re.findall(r'<bdi class="nowrap">(.*?)</bdi>', page) == ["team/*", "lab/iris"]
    assert "sealed" not in page


def test_connections_of_other_workspaces_are_left_out(client, manager):
    connect(workspace=make_workspace("other"))

    assert shown_for(client) == []

"""People at the operators' desk."""

import pytest

from accounts.models import User
from accounts.roles import Role
from accounts.services import follow_memberships
from tests.factories import make_member, make_workspace


@pytest.fixture
def operator(client):
    user = User.objects.create_superuser("root", password="correct horse")
    client.force_login(user)
    return user


@pytest.fixture
def manager(client):
    user = make_member("mia", role=Role.ADMIN, workspace=make_workspace("alpha"))
    follow_memberships(user)
    client.force_login(user)
    return user

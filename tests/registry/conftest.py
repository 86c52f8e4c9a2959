"""People at the reviewer's desk."""

import pytest

from accounts.roles import Role
from accounts.services import follow_memberships
from registry.services_review import request_review
from tests.factories import make_member, make_version


@pytest.fixture
def author():
    return make_member("ann")


@pytest.fixture
def reviewer(client):
    user = make_member("rita", Role.REVIEWER)
    follow_memberships(user)
    client.force_login(user)
    return user


@pytest.fixture
def ask(author):
    """`ask(name, …)` → a version whose author asked for a review."""

    def requested(name="digits", by=author, **values):
        version = make_version(name, created_by=by, created_by_name=by.username, **values)
        request_review(version, note="please look", by=by)
        return version

    return requested

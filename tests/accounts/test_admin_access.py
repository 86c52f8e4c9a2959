"""Invitations and API tokens at the desk: their states, what is kept from whom, and that nothing secret is shown."""

import re
from datetime import timedelta

import pytest
from django.utils.timezone import now

from accounts.digests import digest_of
from accounts.roles import Role
from accounts.services import follow_memberships
from tests.accounts.people import SECRET, make_invitation, make_token
from tests.factories import make_member, make_workspace

pytestmark = pytest.mark.django_db
INVITATIONS = "/admin/accounts/invitation/"
TOKENS = "/admin/accounts/apitoken/"
STATUS = r'class="field-shown_state"[^>]*><span class="status (\w+)">([^<]*)</span>'


@pytest.fixture
def manager(client):
    user = make_member("mia", role=Role.ADMIN)
    follow_memberships(user)
    client.force_login(user)
    return user


def states(client, address):
    return re.findall(STATUS, client.get(address).content.decode())


@pytest.mark.parametrize(
    ("values", "state", "shown"),
    [
        ({}, "open", ("waiting", "Open")),
        ({"used_at": now()}, "used", ("good", "Accepted")),
        ({"expires_at": now()}, "expired", ("idle", "Expired")),
        ({"revoked_at": now(), "expires_at": now()}, "revoked", ("bad", "Revoked")),
    ],
)
def test_invitation_shows_its_state_and_is_filtered_by_it(client, manager, values, state, shown):
    make_invitation(manager, **values)

    assert states(client, INVITATIONS) == [shown]
    assert states(client, f"{INVITATIONS}?state={state}") == [shown]
    assert states(client, f"{INVITATIONS}?state=" + ("used" if state != "used" else "open")) == []


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({}, ("good", "Valid")),
        ({"expires_at": now() + timedelta(days=1)}, ("good", "Valid")),
        ({"expires_at": now()}, ("idle", "Expired")),
        ({"revoked_at": now()}, ("bad", "Revoked")),
    ],
)
def test_token_shows_its_state(client, manager, values, shown):
    make_token(manager, **values)

    assert states(client, TOKENS) == [shown]


@pytest.mark.parametrize(("language", "state"), [("en", "Open"), ("zh-hans", "待接受")])
def test_page_of_an_invitation_reads_in_both_languages(client, manager, language, state):
    invitation = make_invitation(manager, note="For Bo")

    page = client.get(f"{INVITATIONS}{invitation.pk}/change/", headers={"accept-language": language}).content.decode()

    assert re.findall(r"<h1>(.*?)</h1>", page) == ["For Bo"]
    assert re.findall(r'<span class="status waiting">(.*?)</span>', page) == [state]


def test_no_digest_is_shown(client, manager):
    token, invitation = make_token(manager), make_invitation(manager)

    pages = [client.get(f"{TOKENS}{token.pk}/change/"), client.get(f"{INVITATIONS}{invitation.pk}/change/")]

    assert [page.status_code for page in pages] == [200, 200]
    assert digest_of(SECRET) not in pages[0].content.decode()
    assert invitation.digest not in pages[1].content.decode()


def test_only_what_one_administers_is_listed(client, manager):
    make_token(manager, workspace=make_workspace("other"))

    page = client.get(TOKENS)

    assert states(client, TOKENS) == []
    assert "other" not in page.content.decode()


def test_the_console_is_offered_where_the_person_works(client, operator):
    here, there = make_workspace("a"), make_workspace("b")
    tokens = [make_token(operator, workspace=here), make_token(operator, workspace=there, secret="mp_another-secret")]

    pages = [client.get(f"{TOKENS}{token.pk}/change/").content.decode() for token in tokens]

    assert [page.count('href="/workspace/tokens/"><') for page in pages] == [1, 0]

"""The pages on which people make, see and revoke their tokens."""

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.urls import reverse
from django.utils.timezone import now

from accounts.digests import digest_of
from accounts.errors import NotAllowed, RoleTooHigh
from accounts.models import ApiToken
from accounts.roles import Role
from accounts.services_tokens import make_token as make_own_token
from tests.accounts.people import SECRET, audit, first_column, make_token, told
from tests.factories import make_member, make_workspace

pytestmark = [pytest.mark.django_db, pytest.mark.db]
TOKENS = "/workspace/tokens/"
NEW = "/workspace/tokens/new/"


@pytest.fixture
def dev(client):
    user = make_member("dev", Role.DEVELOPER)
    client.force_login(user)
    return user


def test_secret_is_shown_once_and_only_its_digest_is_kept(client, dev):
    first = client.post(NEW, {"name": "nightly", "role": "viewer", "expiry": "30"}, follow=True)
    again = client.get(first.redirect_chain[0][0])

    secret = re.search(r"<code>(mp_.*?)</code>", first.content.decode())[1]
    token = ApiToken.objects.get()
    assert (token.digest, token.prefix, token.user, token.role) == (digest_of(secret), secret[:8], dev, "viewer")
    assert timedelta(days=29) < token.expires_at - now() <= timedelta(days=30)
    assert secret not in again.content.decode()
    assert f"Bearer {secret}" in first.content.decode()
    assert audit() == [
        (
            "token.made",
            "dev",
            {"name": "nightly", "begins": secret[:8], "role": "viewer", "expires": f"{token.expires_at:%Y-%m-%d}"},
        )
    ]


def test_page_one_came_from_is_kept_while_a_token_is_made(client, dev):
    values = {"name": "nightly", "role": "viewer", "expiry": ""}

    listed = client.get(TOKENS, {"next": "/services/x/?tab=usage"}).content.decode()
    made = client.post(f"{NEW}?next=/services/x/", values, follow=True)

    assert f'href="{NEW}?next=%2Fservices%2Fx%2F%3Ftab%3Dusage"' in listed
    assert '<a class="button" href="/services/x/">' in made.content.decode()
    assert re.search(r"<code>(mp_.*?)</code>", made.content.decode())


@pytest.mark.parametrize("address", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:x"])
def test_only_a_page_of_ours_is_gone_back_to(client, dev, address):
    listed = client.get(TOKENS, {"next": address})
    made = client.post(f"{NEW}?{urlencode({'next': address})}", {"name": "nightly", "role": "viewer", "expiry": ""})

    assert listed.context["back"] == ""
    assert "next" not in made["Location"]


def test_token_may_be_made_for_ever(client, dev):
    client.post(NEW, {"name": "nightly", "role": "viewer", "expiry": ""})

    assert ApiToken.objects.get().expires_at is None


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": "a‮b"}, "name"),
        ({"role": "admin"}, "role"),
        ({"role": "reviewer"}, "role"),
        ({"expiry": "31"}, "expiry"),
    ],
)
def test_token_form_refuses(client, dev, values, field):
    response = client.post(NEW, {"name": "nightly", "role": "viewer", "expiry": "30"} | values)

    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert ApiToken.objects.count() == 0


@pytest.mark.parametrize(
    ("role", "offered"),
    [("developer", ["viewer", "developer"]), ("admin", ["viewer", "developer", "reviewer", "admin"])],
)
def test_roles_offered_are_at_most_ones_own(client, role, offered):
    client.force_login(make_member("ann", role))

    form = client.get(NEW).context["form"]

    assert [value for value, _ in form.fields["role"].choices] == offered


@pytest.mark.parametrize("role", [Role.VIEWER, Role.REVIEWER])
def test_only_people_who_may_import_have_tokens(client, role):
    client.force_login(make_member("ann", role))

    assert [client.get(address).status_code for address in (TOKENS, NEW)] == [403, 403]


def test_command_makes_no_token_beyond_its_maker():
    ann, viewer = make_member("ann"), make_member("viewer", Role.VIEWER)
    values = {"name": "x", "expires_at": None}

    with pytest.raises(RoleTooHigh):
        make_own_token(make_workspace(), role=Role.ADMIN, by=ann, **values)
    with pytest.raises(NotAllowed):
        make_own_token(make_workspace(), role=Role.VIEWER, by=viewer, **values)


@pytest.mark.parametrize(("role", "names"), [(Role.DEVELOPER, ["mine"]), (Role.ADMIN, ["theirs", "mine"])])
def test_one_sees_own_tokens_and_administrators_all(client, role, names):
    ann = make_member("ann", role)
    client.force_login(ann)
    make_token(ann, name="mine")
    make_token(make_member("bob"), name="theirs", secret="mp_2")
    make_token(
        make_member("eve", workspace=make_workspace("other")),
        name="other",
        secret="mp_3",
        workspace=make_workspace("other"),
    )
    make_token(ann, name="revoked", secret="mp_4", revoked_at=now())

    assert first_column(client.get(TOKENS)) == names


@pytest.mark.parametrize(
    ("text", "names"), [("NIGHT", ["nightly"]), ("dev", ["weekly", "nightly"]), (SECRET, ["nightly"]), ("mp_zzzzz", [])]
)
def test_tokens_are_searched(client, dev, text, names):
    make_token(dev)
    make_token(dev, name="weekly", secret="mp_weekly-token")

    assert first_column(client.get(TOKENS, {"q": text})) == names


@pytest.mark.parametrize("sort", ["name", "-name", "who", "-created_at", "used", "-used"])
def test_tokens_are_paged_in_every_order(client, dev, sort, monkeypatch):
    monkeypatch.setattr("accounts.queries_people.token_page.__kwdefaults__", {"limit": 2})
    for number in range(3):
        make_token(dev, name=f"t{number}", secret=f"mp_{number}")

    first = client.get(TOKENS, {"sort": sort})
    second = client.get(TOKENS, {"sort": sort, "after": first.context["page"].next})

    assert sorted(first_column(first) + first_column(second)) == ["t0", "t1", "t2"]


@pytest.mark.parametrize("count", [1, 3])
def test_token_list_asks_the_same_queries_for_any_number(client, dev, count, django_assert_num_queries):
    for number in range(count):
        make_token(dev, secret=f"mp_{number}")

    with django_assert_num_queries(6):  # session, user, workspaces, the right, rows, total
        client.get(TOKENS)


@pytest.mark.parametrize(("language", "heading"), [("en", "API tokens"), ("zh-hans", "API令牌")])
def test_tokens_are_shown_in_both_languages(client, dev, language, heading):
    client.post(reverse("set_language"), {"language": language})

    assert re.search(r"<h1>(.*?)</h1>", client.get(TOKENS).content.decode())[1] == heading


def test_revoking_is_asked_about_and_recorded(client, dev):
    token = make_token(dev)
    address = reverse("accounts:token-revoke", args=[token.uuid])

    asked = client.get(address).content.decode()
    done = client.post(address, follow=True)
    client.post(address)

    assert "Programs that use it are refused at once." in asked
    assert told(done) == ["Token “nightly” was revoked."]
    assert audit() == [("token.revoked", "dev", {"name": "nightly", "begins": "mp_secre", "whose": "dev"})]


def test_tokens_of_others_do_not_exist(client, dev):
    token = make_token(make_member("bob"))

    assert client.post(reverse("accounts:token-revoke", args=[token.uuid])).status_code == 404
    assert ApiToken.objects.filter(revoked_at=None).count() == 1


def test_administrator_revokes_the_tokens_of_others(client):
    client.force_login(make_member("chief", Role.ADMIN))
    token = make_token(make_member("bob"))

    client.post(reverse("accounts:token-revoke", args=[token.uuid]))

    assert ApiToken.objects.filter(revoked_at=None).count() == 0

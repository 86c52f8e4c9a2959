"""Connecting registries, and what they hold, as pages."""

import re

import pytest
from django.contrib.messages import get_messages

from accounts.secrets import unseal
from stores.models import RegistryConnection
from stores.services_registries import RegistryEntry, check_registry, connect_registry, place_of
from tests.factories import make_workspace
from tests.oci_registry import PASSWORD, USER

CHINESE = {"HTTP_ACCEPT_LANGUAGE": "zh-hans"}
HTMX = {"HTTP_HX_REQUEST": "true"}
LIST, NEW = "/registries/", "/registries/new/"


@pytest.fixture
def typed(passwords):
    """What the form sends to connect a registry that works."""
    values = {"name": "team", "address": f"http://{passwords.address}", "repositories": "team/*\nlab/one"}
    return values | {"username": USER, "password": PASSWORD}


def page_of(connection, part=""):
    return f"/registries/{connection.uuid}/{part}"


# The list.


def test_list_shows_the_connections_of_the_workspace_alone(as_viewer, connection, admin):
    connect_registry(make_workspace("other"), RegistryEntry("secret-one", place_of(connection)), by=admin)

    page = as_viewer.get(LIST).content.decode()

    assert re.findall(r'browser-name" href="([^"]+)"', page) == [page_of(connection)]
    assert "secret-one" not in page
    assert "/registries/new/" not in page


@pytest.mark.parametrize("count", [1, 3])
def test_list_asks_the_same_queries_for_any_number(as_admin, connection, admin, count, django_assert_num_queries):
    for number in range(1, count):
        entry = RegistryEntry(f"more-{number}", place_of(connection))
        connect_registry(connection.workspace, entry, by=admin)

    with django_assert_num_queries(5):
        page = as_admin.get(LIST).content.decode()

    assert page.count('class="browser-name"') == count


def test_list_says_how_the_last_test_went(as_admin, connection, token_connection, admin):
    entry = RegistryEntry("down", place_of(connection))
    down = connect_registry(connection.workspace, entry, by=admin)
    RegistryConnection.objects.filter(pk=down.pk).update(address="127.0.0.1:9")
    connect_registry(connection.workspace, RegistryEntry("fresh", place_of(connection)), by=admin)
    for each in RegistryConnection.objects.exclude(name="fresh"):
        check_registry(each)

    page = as_admin.get(LIST).content.decode()

    assert re.findall(r'class="status (\w+)">([^<]+)<', page) == [
        ("bad", "Did not work"),
        ("idle", "Not tested"),
        ("good", "Worked"),
        ("warn", "Worked, lists nothing"),
    ]
    assert "127.0.0.1:9 refused the connection: no registry listens there." in page


def test_list_says_what_a_look_at_the_registry_came_to(as_admin, connection):
    check_registry(connection)
    there = connection.address

    def look(address):
        RegistryConnection.objects.update(address=address)
        as_admin.get(page_of(connection))
        return RegistryConnection.objects.get().check_code

    assert [look("127.0.0.1:9"), look(there)] == ["registry.connection_refused", "works"]


def test_list_is_sorted_and_searched_by_its_address(as_admin, connection, admin):
    connect_registry(connection.workspace, RegistryEntry("zoo", place_of(connection)), by=admin)

    def names(query):
        return [row.connection.name for row in as_admin.get(f"{LIST}{query}").context["rows"]]

    assert (names(""), names("?sort=-name"), names("?sort=nonsense")) == (
        ["team", "zoo"],
        ["zoo", "team"],
        ["team", "zoo"],
    )
    assert (names("?q=ZO"), names(f"?q={connection.address}")) == (["zoo"], ["team", "zoo"])
    assert "No registry of this workspace contains “x-x”" in as_admin.get(f"{LIST}?q=x-x").content.decode()


def test_list_searches_for_no_text_that_a_database_refuses(as_admin, connection):
    assert [row.connection.name for row in as_admin.get(f"{LIST}?q=te%00am").context["rows"]] == ["team"]


def test_list_without_connections_says_how_to_begin(as_admin, workspace):
    assert "Connect the registry that holds your images" in as_admin.get(LIST).content.decode()


def test_list_without_connections_sends_others_to_an_administrator(as_viewer, workspace):
    assert "Ask an administrator of this workspace to connect one." in as_viewer.get(LIST).content.decode()


@pytest.mark.parametrize("address", [LIST, NEW])
def test_pages_are_chinese_for_who_reads_chinese(as_admin, workspace, address):
    page = as_admin.get(address, **CHINESE).content.decode()

    assert '<html lang="zh-hans">' in page
    assert "容器镜像仓库" in page


def test_navigation_shows_where_one_is(as_viewer, workspace):
    current = r'href="([^"]+)" aria-current="page">'

    assert re.findall(current, as_viewer.get(LIST).content.decode()) == [LIST]
    assert re.findall(current, as_viewer.get("/storage/").content.decode()) == ["/storage/"]


# Connecting.


def test_connecting_seals_the_password_and_keeps_the_test(as_admin, workspace, typed):
    answer = as_admin.post(NEW, typed)

    made = RegistryConnection.objects.get()
    assert answer.headers["Location"] == page_of(made)
    assert (made.name, made.insecure, made.username) == ("team", True, USER)
    assert made.patterns == ("team/*", "lab/one")
    assert unseal(made.password) == {"password": PASSWORD}
    assert (made.check_code, made.checked_at is not None) == ("works", True)


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_test_says_what_works_and_saves_nothing(as_admin, workspace, typed, headers):
    answer = as_admin.post(NEW, typed | {"test": "1"}, **headers)

    page = answer.content.decode()
    assert answer.status_code == 200
    assert re.findall(r'status (\w+)">([\w-]+)</span><span>([\w-]+)', page) == [
        ("good", "Sign-in", "Accepted"),
        ("good", "Listing", "Allowed"),
    ]
    assert PASSWORD not in page
    assert ("type it again before you go on" in page) is (not headers)
    assert not RegistryConnection.objects.exists()


def test_test_warns_of_a_registry_that_lists_nothing(as_admin, workspace, typed, tokens):
    values = typed | {"address": f"http://{tokens.address}", "token_host": tokens.token_host, "test": "1"}

    page = as_admin.post(NEW, values).content.decode()

    assert "Connection works, but repositories have to be typed." in page


FAILURES = [
    ({"password": "wrong"}, "registry.unauthorised"),
    ({"username": "", "password": ""}, "registry.sign_in_needed"),
    ({"address": "http://127.0.0.1:9"}, "registry.connection_refused"),
    ({"address": "nowhere.invalid"}, "registry.host_unknown"),
]


@pytest.mark.parametrize(("values", "code"), FAILURES)
@pytest.mark.parametrize("languages", [{}, CHINESE])
def test_connecting_refuses_with_the_reason_until_it_is_insisted_on(
    as_admin, workspace, typed, monkeypatch, values, code, languages
):
    codes = []
    told = "stores.views.registering.message_of"
    monkeypatch.setattr(told, lambda error: codes.append(error.code) or f"because {error.code}")

    refused = as_admin.post(NEW, typed | values, **languages)
    assert (refused.status_code, set(codes)) == (422, {code})
    assert f"because {code}" in refused.content.decode()
    assert 'name="anyway"' in refused.content.decode()
    assert not RegistryConnection.objects.exists()
    as_admin.post(NEW, typed | values | {"anyway": "on"}, **languages)

    assert RegistryConnection.objects.get().checked_at is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "a\x1b"),
        ("name", "x" * 64),
        ("address", ""),
        ("address", "ftp://a.b"),
        ("address", "https://user:secret@a.b"),
        ("address", "https://a.b/path"),
        ("address", "a.b:99999"),
        ("address", "http://a.b"),
        ("address", "169.254.169.254"),
        ("address", "a"),
        ("repositories", "Team"),
        ("repositories", "a/../b"),
        ("repositories", "\n".join(f"r{number}" for number in range(300))),
        ("username", ""),
        ("password", ""),
        ("token_host", "a b"),
        ("token_host", "169.254.169.254"),
        ("token_host", "a.b c.d"),
        ("blob_hosts", "169.254.169.254"),
        ("blob_hosts", "https://a.b/path"),
        ("blob_hosts", "\n".join(f"h{number}.example" for number in range(30))),
        ("ca", "nonsense"),
        ("ca", "证书"),
    ],
)
@pytest.mark.parametrize("languages", [{}, CHINESE])
def test_form_refuses_what_can_be_no_registry(as_admin, workspace, typed, field, value, languages):
    answer = as_admin.post(NEW, typed | {field: value}, **languages)

    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not RegistryConnection.objects.exists()


def test_form_keeps_what_was_typed_but_not_the_password(as_admin, workspace, typed):
    page = as_admin.post(NEW, typed | {"name": "", "token_host": "half a"}).content.decode()

    assert f'value="{typed["address"]}"' in page
    assert 'value="half a"' in page
    assert '<details class="disclosure" open>' in page
    assert PASSWORD not in page


def test_connecting_refuses_a_name_that_is_taken(as_admin, connection, typed):
    answer = as_admin.post(NEW, typed)

    assert answer.context["form"].errors["name"] == ["There is a connection named “team” already. Choose another name."]


# Editing.


@pytest.fixture
def kept(typed):
    """What the form of a connection sends when nothing is changed."""
    return typed | {"password": "", "repositories": "team/*"}


def test_edit_without_typing_keeps_the_password(as_admin, connection, kept):
    page = as_admin.get(page_of(connection, "edit/")).content.decode()
    answer = as_admin.post(page_of(connection, "edit/"), kept | {"name": "renamed"})

    connection.refresh_from_db()
    assert "A password is saved." in page
    assert PASSWORD not in page
    assert answer.headers["Location"] == page_of(connection)
    assert (connection.name, unseal(connection.password)) == ("renamed", {"password": PASSWORD})


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize("button", [{}, {"test": "1"}, {"anyway": "on"}])
@pytest.mark.parametrize(
    "change", [{"address": "http://127.0.0.1:9"}, {"token_host": "127.0.0.1:9"}, {"username": "bob"}]
)
def test_edit_never_sends_the_saved_password_elsewhere(
    as_admin, connection, kept, monkeypatch, change, button, headers
):
    asked = []
    monkeypatch.setattr("stores.views.registering.probe_registry", asked.append)

    answer = as_admin.post(page_of(connection, "edit/"), kept | change | button, **headers)

    assert answer.status_code == 422
    assert "Type it again" in answer.context["form"].errors["password"][0]
    assert asked == []


def test_edit_can_do_without_a_password(as_admin, connection, kept):
    as_admin.post(page_of(connection, "edit/"), kept | {"forget": "on", "anyway": "on"})

    connection.refresh_from_db()
    assert (connection.password, connection.username) == ("", "")


def test_edit_takes_no_password_and_none_at_once(as_admin, connection, kept):
    answer = as_admin.post(page_of(connection, "edit/"), kept | {"forget": "on", "password": "new"})

    assert list(answer.context["form"].errors) == ["forget"]


def test_edit_says_when_the_saved_password_cannot_be_opened(as_admin, connection, kept):
    RegistryConnection.objects.update(password="written under another key")

    answer = as_admin.post(page_of(connection, "edit/"), kept)

    assert list(answer.context["form"].errors) == ["password"]


@pytest.mark.parametrize(
    ("wanted", "back"), [("/registries/?sort=name", "/registries/?sort=name"), ("//evil.example", "")]
)
def test_edit_leads_back_to_the_page_it_was_opened_from(as_admin, connection, kept, wanted, back):
    answer = as_admin.post(page_of(connection, "edit/"), kept | {"next": wanted})

    assert answer.headers["Location"] == (back or page_of(connection))


# Testing and removing.


@pytest.mark.parametrize(("address", "level"), [("", "success"), ("127.0.0.1:9", "error")])
def test_check_says_and_keeps_how_it_went(as_admin, connection, address, level):
    RegistryConnection.objects.update(address=address or connection.address)

    answer = as_admin.post(page_of(connection, "check/"))

    connection.refresh_from_db()
    assert answer.headers["Location"] == page_of(connection)
    assert [message.level_tag for message in get_messages(answer.wsgi_request)] == [level]
    assert connection.checked_at is not None


def test_remove_asks_first_and_then_forgets(as_admin, connection):
    page = as_admin.get(page_of(connection, "remove/")).content.decode()
    dialog = as_admin.get(page_of(connection, "remove/"), **HTMX).content.decode()

    assert "Nothing in the registry is deleted." in page
    assert dialog.lstrip().startswith("<dialog")
    assert as_admin.post(page_of(connection, "remove/")).headers["Location"] == LIST
    assert not RegistryConnection.objects.exists()


@pytest.mark.parametrize("who", ["developer", "viewer"])
@pytest.mark.parametrize(
    ("part", "method"), [("edit/", "get"), ("edit/", "post"), ("check/", "post"), ("remove/", "post")]
)
def test_changes_are_for_administrators(client, request, connection, who, part, method):
    client.force_login(request.getfixturevalue(who))

    assert getattr(client, method)(page_of(connection, part)).status_code == 403
    assert client.get(NEW).status_code == 403
    assert client.get(page_of(connection)).status_code == 200


@pytest.mark.parametrize("part", ["", "edit/", "remove/"])
def test_connection_of_another_workspace_does_not_exist(as_admin, connection, part):
    RegistryConnection.objects.update(workspace=make_workspace("other"))

    assert as_admin.get(page_of(connection, part)).status_code == 404


def test_desk_shows_connections_without_their_password(client, connection, admin):
    admin.is_staff = True
    admin.save(update_fields=["is_staff"])
    client.force_login(admin)

    page = client.get(f"/admin/stores/registryconnection/{connection.pk}/change/").content.decode()

    assert connection.address in page
    assert connection.password not in page
    assert client.get("/admin/stores/registryconnection/add/").status_code == 403

"""What a registry holds, as pages and as a picker."""

import re
from types import SimpleNamespace
from urllib.parse import quote

import pytest

from stores.models import RegistryConnection
from stores.services_registries import RegistryEntry, connect_registry, place_of
from stores.views.images import Shown

CHINESE = {"HTTP_ACCEPT_LANGUAGE": "zh-hans"}
HTMX = {"HX-Request": "true"}
INSIDE = HTMX | {"HX-Target": "picker"}
PICK = "pick=image&field=id_image"


@pytest.fixture
def at(connection):
    return lambda query="": f"/registries/{connection.uuid}/{query}"


@pytest.fixture(scope="module")
def many(passwords):
    """A thousand tags of one repository, and a thousand repositories."""
    passwords.tag_many("team/tags", [f"v1.{number}" for number in range(1000)])
    passwords.make_many([f"lots/r{number:04}" for number in range(1000)])
    return passwords


def names_of(answer):
    return [row.name for row in answer.context["listing"].rows]


def walk(client, address, way="next"):
    """The names on every page, following the link to the next, or to the one before."""
    found = []
    while address:
        answer = client.get(address)
        found.append(names_of(answer))
        link = re.search(rf'rel="{way}" href="([^"]+)"', answer.content.decode())
        address = link[1].replace("&amp;", "&") if link else ""
    return found


def test_thousand_tags_lie_on_ten_pages_the_latest_first(as_viewer, at, many):
    pages = walk(as_viewer, at("?repository=team/tags"))

    assert [len(page) for page in pages] == [100] * 10
    assert pages[0][:2] == ["v1.999", "v1.998"]
    assert [name for page in pages for name in page] == [f"v1.{number}" for number in reversed(range(1000))]


def test_pages_of_tags_lead_back_to_the_one_before(as_viewer, at, many):
    forth = walk(as_viewer, at("?repository=team/tags"))

    back = walk(as_viewer, at(f"?repository=team/tags&after={forth[8][-1]}"), way="prev")

    assert back == forth[::-1]


@pytest.mark.parametrize("built", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-01-02T03:04:05", "soon"])
def test_image_built_at_a_time_that_no_page_can_show_has_none(built):
    assert Shown(SimpleNamespace(config=SimpleNamespace(created=built))).created is None


def test_tags_are_sorted_and_searched_by_their_address(as_viewer, at, many):
    assert names_of(as_viewer.get(at("?repository=team/tags&sort=name")))[:3] == ["v1.0", "v1.1", "v1.2"]
    assert names_of(as_viewer.get(at("?repository=team/tags&q=V1.99&sort=name"))) == [
        "v1.99",
        *(f"v1.99{i}" for i in range(10)),
    ]
    nothing = as_viewer.get(at("?repository=team/tags&q=nothing")).content.decode()
    assert "No tag of this repository contains “nothing”." in nothing


def test_page_behind_a_tag_that_is_gone_is_the_first(as_viewer, at, many):
    assert names_of(as_viewer.get(at("?repository=team/tags&after=gone")))[0] == "v1.999"


def test_thousand_repositories_are_paged_and_searched(as_viewer, connection, at, many, admin):
    RegistryConnection.objects.update(repositories="lots/*")

    pages = walk(as_viewer, at())

    assert [name for page in pages for name in page] == [f"lots/r{number:04}" for number in range(1000)]
    assert names_of(as_viewer.get(at("?q=r0500"))) == ["lots/r0500"]


def test_repository_that_is_not_listed_can_be_opened_all_the_same(as_viewer, at):
    page = as_viewer.get(at("?q=team/new")).content.decode()

    assert f'href="{at("?repository=team%2Fnew")}">Open team/new all the same' in page


def test_registry_that_lists_nothing_lets_one_type(as_viewer, token_connection, tokens):
    tokens.push("team/iris", "1.0")
    address = f"/registries/{token_connection.uuid}/"

    answer = as_viewer.get(address)

    assert answer.status_code == 200
    assert "does not let this user list its repositories." in answer.content.decode()
    assert 'name="repository"' in answer.content.decode()
    assert names_of(as_viewer.get(f"{address}?repository=team/iris")) == ["1.0"]


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("?repository=team/none", 404, "There is no repository “team/none”"),
        ("?repository=private/x", 403, "does not allow the repository “private/x”"),
        ("?repository=../x", 422, "“../x” is not a repository."),
        ("?repository=team/iris&tag=none", 404, "has no tag “none”"),
        ("?repository=team/iris&tag=a%20b", 422, "is not the path of an image."),
        ("?repository=team/iris&digest=sha256:1", 422, "is not the path of an image."),
        ("?repository=team/iris&tag=1.0&platform=linux/none", 422, "is not made for linux/none."),
        ("?repository=team/iris&tag=1.0&platform=x", 422, "“x” is not a platform."),
        ("?repository=private/x&tag=1.0", 403, "does not allow the repository “private/x”"),
    ],
)
def test_page_says_why_it_shows_nothing(as_viewer, at, passwords, query, status, words):
    passwords.push("team/iris", "1.0")

    answer = as_viewer.get(at(query))
    chinese = as_viewer.get(at(query), **CHINESE)

    assert answer.status_code == chinese.status_code == status
    assert words in answer.content.decode()
    assert words not in chinese.content.decode()


@pytest.mark.parametrize("query", ["", "?repository=team/iris", "?repository=team/iris&tag=1.0"])
def test_page_of_a_registry_that_is_down_says_so(as_viewer, connection, at, query, caplog):
    RegistryConnection.objects.update(address="127.0.0.1:9")

    answer = as_viewer.get(at(query))

    assert answer.status_code == 503
    assert "127.0.0.1:9 refused the connection" in answer.content.decode()
    assert [record.message for record in caplog.records if record.name.startswith("stores")] == ["registry unavailable"]


def test_image_shows_what_it_is_and_no_secret(as_viewer, at, passwords):
    digest, (amd, arm) = passwords.push_index("team/iris", "two", ["linux/amd64", "linux/arm64/v8"])

    page = as_viewer.get(at("?repository=team/iris&tag=two")).content.decode()
    other = as_viewer.get(at("?repository=team/iris&tag=two&platform=linux/arm64/v8"))

    assert f'data-copy="{passwords.address}/team/iris:two@{digest}"' in page
    assert re.findall(r'data-copy="(sha256:\w+)"', page)[-2:] == [amd, arm]
    assert "8080/tcp, 9090/tcp" in page
    assert re.findall(r'registry-word">([^<]+)<', page) == ["/usr/bin/python3", "-m", "server"]
    assert "API_KEY" in page
    assert "hidden-value" not in page
    assert other.context["shown"].facts.manifest_digest == arm


def test_image_is_shown_by_its_digest(as_viewer, at, passwords):
    digest, _ = passwords.push("team/iris", "1.0")

    assert digest in as_viewer.get(at(f"?repository=team/iris&digest={digest}")).content.decode()


def test_who_may_import_begins_at_the_image(client, developer, viewer, at, passwords):
    passwords.push("team/iris", "1.0")
    link = re.compile(r'/imports/new/\?source=image&amp;image=([^"]+)"')

    client.force_login(developer)
    offered = link.findall(client.get(at("?repository=team/iris&tag=1.0")).content.decode())
    client.force_login(viewer)
    withheld = link.findall(client.get(at("?repository=team/iris&tag=1.0")).content.decode())

    assert (offered, withheld) == ([quote(f"{passwords.address}/team/iris:1.0", safe="")], [])


def test_image_without_a_user_runs_as_root_and_says_so(as_viewer, at, passwords):
    passwords.push("team/bare", "1.0", run={})

    page = as_viewer.get(at("?repository=team/bare&tag=1.0")).content.decode()

    assert "root, because the image names no user" in page
    assert page.count("<dd>--</dd>") == 3


def test_labels_of_an_image_are_text(as_viewer, at, passwords):
    passwords.push("team/evil", "1.0", run={"Labels": {"<b>": "<script>alert(1)</script>"}, "Cmd": ["<i>"]})

    page = as_viewer.get(at("?repository=team/evil&tag=1.0")).content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page


@pytest.mark.parametrize("query", ["", "?repository=team/iris", "?repository=team/iris&tag=1.0"])
def test_pages_ask_few_queries(as_viewer, at, passwords, query, django_assert_num_queries):
    passwords.push("team/iris", "1.0")

    with django_assert_num_queries(5):
        as_viewer.get(at(query))


# The picker.


def test_picker_is_a_dialog_for_htmx_and_its_inside_when_it_moves(as_developer, connection, at, passwords):
    passwords.push("team/iris", "1.0")

    dialog = as_developer.get(f"/registries/?{PICK}", headers=HTMX).content.decode()
    repositories = as_developer.get(at(f"?{PICK}"), headers=INSIDE).content.decode()
    tags = as_developer.get(at(f"?repository=team/iris&{PICK}&q=1.0"), headers=INSIDE).content.decode()

    assert dialog.lstrip().startswith("<dialog")
    assert 'data-picker-field="id_image"' in dialog
    assert repositories.lstrip().startswith('<div class="picker"')
    assert re.findall(r'data-pick="([^"]+)"', repositories) == []
    assert re.findall(r'data-pick="([^"]+)"', tags) == [f"{passwords.address}/team/iris:1.0"]


def test_picker_stays_a_picker_in_its_links(as_developer, connection, at, passwords):
    passwords.push("team/iris", "1.0")

    for address in (f"/registries/?{PICK}", at(f"?{PICK}"), at(f"?repository=team/iris&{PICK}")):
        page = as_developer.get(address, headers=INSIDE).content.decode()
        links = re.findall(r'hx-get="(/registries/[^"]+\?[^"]*)"', page)
        assert links
        assert [link for link in links if "pick=image&amp;field=id_image" not in link] == []
        assert re.findall(r'href="([^"]+)" hx-get', page) == re.findall(r'href="[^"]+" hx-get="([^"]+)"', page)


def test_picker_shows_an_image_before_it_is_chosen(as_developer, at, passwords):
    digest, _ = passwords.push("team/iris", "1.0")

    page = as_developer.get(at(f"?repository=team/iris&tag=1.0&{PICK}"), headers=INSIDE).content.decode()

    assert digest in page
    assert re.findall(r'data-pick="([^"]+)"', page) == [f"{passwords.address}/team/iris:1.0"]


def test_picker_without_javascript_goes_back_with_the_image(as_developer, at, passwords):
    passwords.push("team/iris", "1.0")
    query = f"?repository=team/iris&q=1.0&{PICK}&next=/imports/new/%3Fdraft%3Dx"

    answer = as_developer.get(at(query)).context["listing"].rows[0].answer

    address = passwords.address.replace(":", "%3A")
    assert answer == f"/imports/new/?draft=x&image={address}%2Fteam%2Firis%3A1.0"


@pytest.mark.parametrize("following", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_picker_never_goes_back_to_another_place(as_developer, at, passwords, following):
    passwords.push("team/iris", "1.0")

    page = as_developer.get(at(), {"repository": "team/iris", "pick": "image", "field": "id_image", "next": following})

    assert page.context["picker"].next == ""
    assert page.context["listing"].rows[0].answer == ""


def test_picker_opens_where_the_field_points(as_developer, connection, at):
    answer = as_developer.get(f"/registries/?{PICK}&image={connection.address}/team/iris:1.0")

    assert answer.headers["Location"].startswith(at("?repository=team%2Firis&pick=image&"))


@pytest.mark.parametrize("text", ["", "nonsense", "elsewhere.example/team/iris:1.0"])
def test_picker_opens_at_its_top_where_the_field_points_nowhere(as_developer, connection, text):
    answer = as_developer.get("/registries/", {"pick": "image", "field": "id_image", "image": text}, headers=HTMX)

    assert (answer.status_code, answer.context.get("refused")) == (200, None)
    assert [each.name for each in answer.context["connections"]] == ["team"]


def test_picker_looks_up_what_is_typed(as_developer, connection, at):
    typed = f"{connection.address}/team/iris:1.0"

    answer = as_developer.get(f"/registries/?{PICK}&reference={typed}")

    assert answer.headers["Location"].startswith(at("?repository=team%2Firis&tag=1.0&pick=image&"))


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("nonsense", "is not the path of an image."),
        ("elsewhere.example/team/iris:1.0", "has no connection to the registry elsewhere.example."),
        ("{address}/private/iris:1.0", "does not allow the repository “private/iris”."),
        ("{address}/team/iris", "names no version of the image."),
    ],
)
def test_picker_says_what_is_wrong_with_what_is_typed_and_keeps_it(as_developer, connection, typed, words):
    typed = typed.format(address=connection.address)

    page = as_developer.get(f"/registries/?{PICK}&reference={typed}", headers=INSIDE).content.decode()

    assert words in page
    assert f'value="{typed}"' in page


def test_picker_says_inside_its_dialog_that_a_registry_is_down(as_developer, connection, at):
    RegistryConnection.objects.update(address="127.0.0.1:9")

    answer = as_developer.get(at(f"?{PICK}"), headers=INSIDE)

    assert answer.status_code == 200
    assert "127.0.0.1:9 refused the connection" in answer.content.decode()


def test_picker_without_connections_says_what_to_do(as_developer, workspace):
    page = as_developer.get(f"/registries/?{PICK}", headers=HTMX).content.decode()

    assert "Ask an administrator of this workspace to connect one." in page


def test_picker_lets_one_type_where_nothing_is_listed(as_developer, token_connection):
    page = as_developer.get(f"/registries/{token_connection.uuid}/?{PICK}", headers=INSIDE).content.decode()

    assert 'name="repository"' in page
    assert '<input type="hidden" name="pick" value="image">' in page


def test_picker_is_chinese_for_who_reads_chinese(as_developer, connection):
    page = as_developer.get(f"/registries/?{PICK}", **CHINESE).content.decode()

    assert "选择镜像" in page


def test_storage_is_no_picker_of_images(as_developer, bucket):
    assert as_developer.get(f"/storage/?{PICK}").context["picker"] is None


@pytest.mark.parametrize("count", [1, 3])
def test_picker_asks_the_same_queries_for_any_number(as_developer, connection, admin, count, django_assert_num_queries):
    for number in range(1, count):
        connect_registry(connection.workspace, RegistryEntry(f"more-{number}", place_of(connection)), by=admin)

    with django_assert_num_queries(5):
        as_developer.get(f"/registries/?{PICK}", headers=HTMX)

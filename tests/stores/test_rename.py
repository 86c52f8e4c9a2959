import re

import pytest

from accounts.models import AuditEvent
from stores import services, services_objects
from stores.errors import SourceRefused, SourceUnavailable

CHINESE = {"HTTP_ACCEPT_LANGUAGE": "zh-hans"}
HTMX = {"HTTP_HX_REQUEST": "true"}
BAD_NAMES = ["..", ".", "a/b", "a\\b", "a\x00b", "/", "a\nb"]


@pytest.fixture
def store(either):
    driver = services.driver_for(either)

    def keep(*keys):
        for key in keys:
            driver.write(key, [key.encode()])

    return keep


@pytest.fixture
def held(either):
    return lambda: [entry.key for entry in services.driver_for(either).walk("")]


def _page(bucket, name):
    return f"/storage/{bucket.name}/{name}/"


def test_rename_gives_an_object_another_name_and_records_it(as_developer, either, store, held):
    store("digits/a.txt", "digits/b.txt")

    answer = as_developer.post(_page(either, "rename") + "?key=digits/a.txt", {"name": "c.txt"})

    assert answer.headers["Location"] == f"/storage/{either.name}/?prefix=digits%2F"
    assert held() == ["digits/b.txt", "digits/c.txt"]
    event = AuditEvent.objects.first()
    names = {"path": f"/{either.name}/digits/a.txt", "to": f"/{either.name}/digits/c.txt", "files": 1}
    assert (event.code, event.params) == ("storage.renamed", names)


def test_rename_of_a_folder_moves_everything_below_it(as_developer, either, store, held):
    store("digits/model/config.json", "digits/model/sub/w.bin", "digits2/x", "other")

    as_developer.post(_page(either, "rename") + "?prefix=digits/", {"name": "numbers"})

    assert held() == ["digits2/x", "numbers/model/config.json", "numbers/model/sub/w.bin", "other"]
    with services.driver_for(either).open("numbers/model/sub/w.bin") as stream:
        assert stream.read() == b"digits/model/sub/w.bin"
    assert "numbers/" in services.driver_for(either).list_folder("").folders
    assert AuditEvent.objects.first().params["files"] == 2


def test_rename_of_a_folder_says_what_moves(as_developer, either, store):
    store("digits/a", "digits/b/c")

    page = as_developer.get(_page(either, "rename") + "?prefix=digits/").content.decode()
    part = as_developer.get(_page(either, "rename") + "?prefix=digits/", **HTMX).content.decode()

    assert "2 files (18 B) move with the folder." in page
    assert ("Object storage cannot rename" in page) == either.remote
    assert part.lstrip().startswith("<dialog")
    assert 'value="digits"' in part


def test_rename_corrects_the_letters_of_a_name(as_developer, either, store, held):
    store("shop/Model/config.json")

    as_developer.post(_page(either, "rename") + "?prefix=shop/Model/", {"name": "model"})

    assert held() == ["shop/model/config.json"]


def test_rename_to_the_same_name_changes_nothing(as_developer, either, store, held):
    store("a/x")

    as_developer.post(_page(either, "rename") + "?prefix=a/", {"name": "a"})
    as_developer.post(_page(either, "rename") + "?key=a/x", {"name": "x"})

    assert held() == ["a/x"]
    assert not AuditEvent.objects.filter(code="storage.renamed").exists()


@pytest.mark.parametrize(
    ("query", "name", "words"),
    [
        ("key=a.txt", "b.txt", "“/{name}/b.txt” exists already, and nothing is overwritten."),
        ("key=a.txt", "B.TXT", "“/{name}/B.TXT” and “/{name}/b.txt” differ only in upper and lower case."),
        ("key=a.txt", "DIR", "“/{name}/DIR” and “/{name}/dir/” differ only in upper and lower case."),
        ("prefix=dir/", "b.txt", "“/{name}/b.txt” exists already, and nothing is overwritten."),
        ("prefix=dir/", "my models", "A folder whose name contains a space cannot be imported"),
        ("key=a.txt", "x" * 1025, "Ensure this value has at most 255 characters"),
        ("key=a.txt", "", "This field is required."),
    ],
)
def test_rename_refuses_and_keeps_what_was_typed(as_developer, either, store, held, query, name, words):
    store("a.txt", "b.txt", "dir/x")

    answer = as_developer.post(f"{_page(either, 'rename')}?{query}", {"name": name})

    assert answer.status_code == 422
    assert words.format(name=either.name) in answer.context["form"].errors["name"][0]
    assert answer.context["form"]["name"].value() == name
    assert held() == ["a.txt", "b.txt", "dir/x"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_rename_refuses_hostile_names(as_developer, bucket, put, keys, name):
    put("a")

    answer = as_developer.post("/storage/packages/rename/?key=a", {"name": name})

    assert answer.status_code == 422
    assert keys() == ["a"]


@pytest.mark.parametrize("query", ["", "key=", "prefix=", "key=nothing", "prefix=nothing/", "prefix=../", "key=%00"])
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("languages", [{}, CHINESE])
def test_rename_refuses_what_is_not_there(as_developer, bucket, query, method, languages):
    answer = getattr(as_developer, method)(f"/storage/packages/rename/?{query}", {"name": "x"}, **languages)

    assert answer.status_code in (404, 422)


def test_rename_into_a_folder_that_exists_asks_first_and_overwrites_nothing(as_developer, either, store, held):
    store("a/x", "a/y", "b/y", "b/z")
    page = _page(either, "rename") + "?prefix=a/"

    asked = as_developer.post(page, {"name": "b"})
    collided = as_developer.post(page, {"name": "b", "merge": "on"})

    assert 'name="merge"' in asked.content.decode()
    assert f"“/{either.name}/b/y” exists already" in collided.context["form"].errors["name"][0]
    assert held() == ["a/x", "a/y", "b/y", "b/z"]


def test_rename_into_a_folder_that_exists_puts_the_files_there(as_developer, either, store, held):
    store("a/x", "b/z")

    as_developer.post(_page(either, "rename") + "?prefix=a/", {"name": "b", "merge": "on"})

    assert held() == ["b/x", "b/z"]


def test_rename_refuses_a_folder_with_too_much_in_it(as_developer, either, store, held, monkeypatch):
    monkeypatch.setitem(services_objects.MOST_MOVED, either.driver, 2)
    store("a/1", "a/2", "a/3")

    asked = as_developer.get(_page(either, "rename") + "?prefix=a/")
    posted = as_developer.post(_page(either, "rename") + "?prefix=a/", {"name": "b"})

    assert (asked.status_code, posted.status_code) == (422, 422)
    assert f"“/{either.name}/a/” holds more than 2 files," in posted.content.decode()
    assert held() == ["a/1", "a/2", "a/3"]


class FailsAfter:
    """A real driver whose moves fail from one on, for `times` moves."""

    def __init__(self, driver, moves, times):
        self._driver, self._left, self._times = driver, moves, times

    def __getattr__(self, name):
        return getattr(self._driver, name)

    def move(self, key, to):
        self._left -= 1
        if self._left < 0 and self._times > 0:
            self._times -= 1
            raise SourceUnavailable("gone away")
        self._driver.move(key, to)


@pytest.fixture
def failing(bucket, monkeypatch):
    def fail(moves, times):
        driver = FailsAfter(services.driver_for(bucket), moves, times)
        monkeypatch.setattr(services_objects, "driver_for", lambda bucket: driver)
        monkeypatch.setattr(services_objects, "_MOVERS", 1)

    return fail


def test_rename_that_fails_halfway_is_undone(bucket, put, keys, admin, failing):
    for key in ("a/1", "a/2", "a/3"):
        put(key)
    failing(moves=2, times=1)

    with pytest.raises(SourceUnavailable):
        services_objects.rename_folder(bucket, "a/", "b", by=admin)

    assert keys() == ["a/1", "a/2", "a/3"]
    assert services.driver_for(bucket).list_folder("").folders == ("a/",)


def test_rename_that_cannot_be_undone_says_where_the_files_are_and_goes_on(bucket, put, keys, admin, failing):
    for key in ("a/1", "a/2", "a/3"):
        put(key)
    failing(moves=2, times=100)
    with pytest.raises(SourceRefused) as refused:
        services_objects.rename_folder(bucket, "a/", "b", by=admin)
    assert (refused.value.code, refused.value.params) == ("rename.halfway", {"path": "/packages/b/", "count": 2})
    assert keys() == ["a/3", "b/1", "b/2"]
    failing(moves=100, times=0)

    services_objects.rename_folder(bucket, "a/", "b", merge=True, by=admin)

    assert keys() == ["b/1", "b/2", "b/3"]


def test_rename_refuses_a_folder_with_a_link_in_it(as_developer, bucket, put, keys, settings):
    put("a/x")
    (settings.BUCKETS_ROOT / "packages" / "a" / "link").symlink_to("/etc/passwd")

    answer = as_developer.post("/storage/packages/rename/?prefix=a/", {"name": "b"})

    assert "“/packages/a/link” is a symbolic link" in answer.context["form"].errors["name"][0]
    assert keys() == ["a/link", "a/x"]


@pytest.mark.parametrize("page", ["rename/?key=a", "folder/?prefix="])
@pytest.mark.parametrize("method", ["get", "post"])
def test_viewers_neither_rename_nor_make_folders(as_viewer, put, keys, page, method):
    put("a")

    assert getattr(as_viewer, method)(f"/storage/packages/{page}", {"name": "b"}).status_code == 403
    assert keys() == ["a"]


def test_make_folder_opens_it_and_records_it(as_developer, either):
    answer = as_developer.post(_page(either, "folder") + "?prefix=", {"name": "shop"})

    assert answer.headers["Location"] == f"/storage/{either.name}/?prefix=shop%2F"
    assert services.driver_for(either).list_folder("").folders == ("shop/",)
    assert "This folder is empty" in as_developer.get(answer.headers["Location"]).content.decode()
    assert AuditEvent.objects.first().code == "storage.folder_made"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("shop", "There is a folder “/{name}/shop/” already."),
        ("Shop", "differ only in upper and lower case."),
        ("note", "“/{name}/note” exists already"),
        ("a b", "contains a space"),
        ("..", "“..” cannot be a name"),
        (".modelport-incoming", "cannot be used as a path"),
    ],
)
def test_make_folder_refuses_and_says_why(as_developer, either, store, held, name, words):
    store("shop/x", "note")

    answer = as_developer.post(_page(either, "folder") + "?prefix=", {"name": name}, **HTMX)

    assert answer.status_code == 422
    assert words.format(name=either.name) in answer.context["form"].errors["name"][0]
    assert answer.content.decode().lstrip().startswith("<form")
    assert held() == ["note", "shop/x"]


def test_selected_things_are_counted_and_deleted(as_admin, either, store, held):
    store("a", "b", "dir/x", "dir/y", "kept")
    chosen = {"many": "", "key": ["a", "b"], "prefix": ["dir/"]}

    asked = as_admin.post(_page(either, "delete"), chosen)
    assert "4 files (12 B) will be gone for good." in asked.content.decode()
    assert held() == ["a", "b", "dir/x", "dir/y", "kept"]
    answer = as_admin.post(_page(either, "delete"), chosen | {"confirmed": "1"}, follow=True)

    assert held() == ["kept"]
    assert "4 files were deleted." in answer.content.decode()
    assert AuditEvent.objects.filter(code="storage.deleted").count() == 3


def test_selected_things_are_shown_in_a_dialog(as_admin, bucket, put):
    put("a")

    part = as_admin.post("/storage/packages/delete/", {"many": "", "key": ["a"]}, **HTMX).content.decode()

    assert part.lstrip().startswith("<dialog")
    assert re.findall(r'name="(confirmed|key)" value="([^"]+)"', part) == [("confirmed", "1"), ("key", "a")]


def test_nothing_selected_says_so(as_admin, bucket, put, keys):
    put("dir/a")

    answer = as_admin.post("/storage/packages/delete/", {"many": "dir/"}, follow=True)

    assert answer.redirect_chain == [("/storage/packages/?prefix=dir%2F", 302)]
    assert "Choose at least one file or folder." in answer.content.decode()
    assert keys() == ["dir/a"]


@pytest.mark.parametrize("many", ["../", "a//", "\x00", "no-slash"])
def test_a_hostile_selection_leads_to_the_bucket(as_admin, bucket, many):
    answer = as_admin.post("/storage/packages/delete/", {"many": many})

    assert answer.headers["Location"] == "/storage/packages/"


def test_deleting_many_stops_at_what_cannot_be_and_says_what_is_gone(as_admin, bucket, put, keys):
    put("a")
    put("b")
    chosen = {"many": "", "key": ["a", "gone", "../x", "b"], "confirmed": "1"}

    answer = as_admin.post("/storage/packages/delete/", chosen, follow=True)

    assert keys() == ["b"]
    assert "1 file was deleted." in answer.content.decode()
    assert "“../x” cannot be used as a path" in answer.content.decode()


def test_selecting_is_offered_to_those_who_may_delete(client, admin, developer, bucket, put):
    put("a")
    pages = {}

    for person in (admin, developer):
        client.force_login(person)
        pages[person] = client.get("/storage/packages/").content.decode()

    assert 'form="selection" name="key" value="a"' in pages[admin]
    assert "selection" not in pages[developer]
    assert "/storage/packages/rename/?key=a" in pages[developer]

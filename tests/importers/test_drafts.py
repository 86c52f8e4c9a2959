"""Drafts of the import form: what was typed is shown again, and what had to make room is told."""

import pytest
from django.urls import reverse

from tests.importers.pages import put_package, typed, values_of

NEW = reverse("importers:new")


def test_draft_shows_the_form_again_as_it_was_left(as_developer):
    path = put_package()

    kept = as_developer.post(reverse("importers:draft"), typed(path, name="kept", labels="a, b", version="7"))
    html = as_developer.get(kept.json()["address"]).content.decode()

    shown = [values_of(html, name)[0] for name in ("name", "labels", "version", "path")]
    assert shown == ["kept", "a, b", "7", path]
    assert "data-typed" in html


def test_draft_holds_no_token_of_the_form(as_developer):
    kept = as_developer.post(reverse("importers:draft"), typed(csrfmiddlewaretoken="secret", submission="mine"))

    assert kept.status_code == 200
    assert "secret" not in as_developer.session["import_draft"]["mine"]


def test_each_form_has_a_draft_of_its_own_and_the_newest_three_are_kept(as_developer):
    address = reverse("importers:draft")
    kept = [as_developer.post(address, typed(name=name, submission=name)).json() for name in ("a", "b", "c", "a", "d")]

    shown = [values_of(as_developer.get(draft["address"]).content.decode(), "name")[0] for draft in kept]
    assert kept[0]["address"] == kept[3]["address"] == f"{NEW}?draft=a"
    assert kept[0]["saved"].startswith("Saved at ")
    assert [shown[0], shown[2], shown[4]] == ["a", "c", "d"]
    assert shown[1] not in {"a", "b", "c", "d"}


@pytest.mark.parametrize(
    ("language", "told", "shown"),
    [
        ("en", "What was saved of “a 0.0.1” had to make room.", "What you typed for “a 0.0.1” is not kept any more"),
        ("zh-hans", "“a 0.0.1”已保存的内容已让出空间。", "为“a 0.0.1”填写的内容已不再保留"),
    ],
)
def test_the_form_whose_draft_made_room_and_the_one_it_made_room_for_say_so(as_developer, language, told, shown):
    address, spoken = reverse("importers:draft"), {"Accept-Language": language}
    kept = [
        as_developer.post(address, typed(name=name, version="0.0.1", submission=name), headers=spoken).json()
        for name in ("a", "b", "c", "d")
    ]

    pages = [as_developer.get(draft["address"], headers=spoken).content.decode() for draft in kept]
    assert [told in draft["saved"] for draft in kept] == [False, False, False, True]
    assert [shown in page for page in pages] == [True, False, False, False]


def test_a_draft_that_is_saved_again_is_not_gone_any_more(as_developer):
    address = reverse("importers:draft")
    for name in ("a", "b", "c", "d", "a"):
        kept = as_developer.post(address, typed(name=name, submission=name)).json()

    assert "is not kept any more" not in as_developer.get(kept["address"]).content.decode()


def test_without_javascript_the_page_says_whose_draft_made_room(as_developer):
    for name in ("a", "b", "c", "d"):
        form = typed(name=name, version="7.0.0", submission=name, save="1")
        page = as_developer.post(reverse("importers:preflight"), form, follow=True)

    assert [str(message) for message in page.context["messages"]] == ["What was saved of “a 7.0.0” had to make room."]


def test_large_drafts_make_room_for_the_newest(as_developer):
    address = reverse("importers:draft")
    kept = [as_developer.post(address, typed(config_text="x" * 600_000, submission=name)).json() for name in ("a", "b")]

    shown = ["data-typed" in as_developer.get(draft["address"]).content.decode() for draft in kept]
    assert shown == [False, True]


def test_draft_is_forgotten_once_it_was_imported(as_developer):
    form = typed(put_package(), submission="mine")
    kept = as_developer.post(reverse("importers:draft"), form | {"name": "kept"}).json()
    as_developer.post(reverse("importers:draft"), form | {"submission": "other"})

    as_developer.post(NEW, form)

    assert "data-typed" not in as_developer.get(kept["address"]).content.decode()
    assert "data-typed" in as_developer.get(NEW, {"draft": "other"}).content.decode()


def test_draft_is_forbidden_to_viewers(client, viewer):
    client.force_login(viewer)

    assert client.post(reverse("importers:draft"), typed()).status_code == 403

import pytest

from registry.models import Label, ModelDocument, RegisteredModel
from tests.factories import make_version, make_workspace

CHINESE = {"Accept-Language": "zh-hans"}
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/models/"}


@pytest.fixture
def version(db):
    return make_version("digits", description="before")


def edit(version, field):
    return f"/versions/{version.uuid}/edit/?field={field}"


def documents(*rows):
    data = {"documents-TOTAL_FORMS": "3", "documents-INITIAL_FORMS": "0"}
    for number, (name, url) in enumerate(rows):
        data |= {f"documents-{number}-name": name, f"documents-{number}-url": url}
    return data


def test_description_is_saved_and_leads_back(as_developer, version):
    answer = as_developer.post(edit(version, "description"), {"description": " after\r\nall ", "next": "/models/?q=x"})

    version.refresh_from_db()
    assert version.description == "after\nall"
    assert answer.headers["Location"] == "/models/?q=x"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_edit_never_leads_to_another_site(as_developer, version, elsewhere):
    answer = as_developer.post(edit(version, "description"), {"description": "x", "next": elsewhere})

    assert answer.headers["Location"] == f"/versions/{version.uuid}/"


def test_description_in_place_answers_with_the_cell(as_developer, version):
    opened = as_developer.get(edit(version, "description"), headers=HTMX).content.decode()
    saved = as_developer.post(edit(version, "description"), {"description": "after"}, headers=HTMX).content.decode()
    cancelled = as_developer.get(edit(version, "description") + "&shown", headers=HTMX).content.decode()

    assert opened.lstrip().startswith("<form")
    assert ">before</textarea>" in opened.replace("\n", "")
    assert saved == cancelled
    assert '<bdi class="description">after</bdi>' in saved


@pytest.mark.parametrize("typed", ["a <b>", "it's", "a\u202eb", "x" * 101])
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_description_against_the_rules_is_kept_and_explained(as_developer, version, typed, headers):
    answer = as_developer.post(edit(version, "description"), {"description": typed}, headers=headers)

    version.refresh_from_db()
    assert (answer.status_code, version.description) == (422, "before")
    assert answer.context["form"]["description"].value() == typed
    assert answer.content.decode().count('class="field-error"') == 1


def test_hundred_characters_count_a_line_break_once(as_developer, version):
    text = "x" * 50 + "\r\n" + "y" * 49

    assert as_developer.post(edit(version, "description"), {"description": text}).status_code == 302


def test_description_of_a_model_is_saved(as_developer, version):
    answer = as_developer.post(f"/models/{version.model.uuid}/edit/", {"description": "手写数字"})

    assert RegisteredModel.objects.get().description == "手写数字"
    assert answer.headers["Location"] == f"/models/{version.model.uuid}/versions/"


def test_labels_are_saved_in_the_order_typed(as_developer, version):
    as_developer.post(edit(version, "labels"), {"labels": "vision, 手写，vision\ndigits"})

    assert [label.name for label in version.labels.all()] == ["vision", "手写", "digits"]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("good, 1bad", "“1bad”："),
        ("<script>", "“&lt;script&gt;”："),
        ("a, b, c, d, e, f", "共有6个标签，最多5个，请删除多余的标签。"),
    ],
)
def test_labels_against_the_rules_are_kept_and_explained(as_developer, version, typed, message):
    Label.objects.create(version=version, name="before")

    answer = as_developer.post(edit(version, "labels"), {"labels": typed}, headers=CHINESE)

    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert answer.context["form"]["labels"].value() == typed
    assert [label.name for label in version.labels.all()] == ["before"]


def test_labels_can_be_emptied_and_show_what_is_there(as_developer, version):
    Label.objects.create(version=version, name="vision")
    Label.objects.create(version=version, name="digits")

    shown = as_developer.get(edit(version, "labels")).content.decode()
    as_developer.post(edit(version, "labels"), {"labels": " "})

    assert 'value="vision, digits"' in shown
    assert version.labels.count() == 0


def test_documents_are_replaced_without_the_empty_rows(as_developer, version):
    ModelDocument.objects.create(version=version, name="Old", url="https://example.org/")

    as_developer.post(edit(version, "documents"), documents(("", ""), ("Card", "https://example.org/card?a=1&b=2")))

    assert [(row.name, row.url) for row in version.documents.all()] == [("Card", "https://example.org/card?a=1&b=2")]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (("Card", "javascript:alert(1)"), "url"),
        (("Card", ""), "url"),
        (("", "https://example.org/"), "name"),
        (("1 card", "https://example.org/"), "name"),
    ],
)
def test_documents_against_the_rules_are_kept_and_explained(as_developer, version, row, field):
    answer = as_developer.post(edit(version, "documents"), documents(row))

    assert answer.status_code == 422
    assert list(answer.context["form"].errors[0]) == [field]
    assert (answer.context["form"][0]["name"].value(), answer.context["form"][0]["url"].value()) == row
    assert version.documents.count() == 0


@pytest.mark.parametrize("data", [{}, {"documents-TOTAL_FORMS": "x"}, documents() | {"documents-TOTAL_FORMS": "9999"}])
def test_documents_of_a_tampered_form_change_nothing(as_developer, version, data):
    ModelDocument.objects.create(version=version, name="Old", url="https://example.org/")

    answer = as_developer.post(edit(version, "documents"), data)

    assert answer.status_code == 422
    assert version.documents.count() == 1


def test_viewer_may_not_edit(client, viewer, version):
    client.force_login(viewer)

    assert client.get(edit(version, "labels")).status_code == 403
    assert client.post(edit(version, "description"), {"description": "after"}).status_code == 403
    assert client.post(f"/models/{version.model.uuid}/edit/", {"description": "after"}).status_code == 403


def test_edit_of_another_workspace_or_field_does_not_exist(as_developer, version):
    theirs = make_version(workspace=make_workspace("elsewhere"))

    assert as_developer.post(edit(theirs, "description"), {"description": "x"}).status_code == 404
    assert as_developer.post(f"/models/{theirs.model.uuid}/edit/", {"description": "x"}).status_code == 404
    assert as_developer.get(edit(version, "engine")).status_code == 404

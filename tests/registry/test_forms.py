"""What may be said about a version beside its package, as it is typed."""

import pytest

from registry.forms import DocumentsFormSet, LabelsField


def documents(*rows):
    data = {"documents-TOTAL_FORMS": str(len(rows)), "documents-INITIAL_FORMS": "0"}
    for i, (name, url) in enumerate(rows):
        data |= {f"documents-{i}-name": name, f"documents-{i}-url": url}
    return DocumentsFormSet(data, prefix="documents")


def test_labels_are_separated_by_the_commas_of_both_languages():
    assert LabelsField().clean("vision, 数字，b、c\nd,vision,") == ("vision", "数字", "b", "c", "d")


def test_documents_need_both_parts():
    typed = documents(("readme", ""), ("", "https://example.com/"))

    assert [dict(errors) for errors in typed.errors] == [
        {"url": ["Give the address of this document, or clear its name."]},
        {"name": ["Give this document a name, or clear its address."]},
    ]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://example.com/", "https://", "https://exa mple.com"])
def test_documents_refuse_address(url):
    assert [list(errors) for errors in documents(("readme", url)).errors] == [["url"]]


def test_documents_leave_empty_rows_out():
    typed = documents(("", ""), ("readme", "https://example.com/"))

    assert typed.is_valid()
    assert typed.documents == (("readme", "https://example.com/"),)

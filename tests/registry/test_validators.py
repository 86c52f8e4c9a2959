import pytest
from django.core.exceptions import ValidationError

from registry.validators import (
    name_like,
    valid_description,
    valid_document_name,
    valid_document_url,
    valid_label,
    valid_name,
)

RIGHT_TO_LEFT = "\u202e"


def accepts(validator, value):
    try:
        validator(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "name"),
    [("wine", "wine"), ("流失 预测!", "流失-预测"), ("1st", "model-1st"), ("??", "model"), ("a" * 60, "a" * 48)],
)
def test_name_like_is_a_name_that_is_right(text, name):
    assert name_like(text, otherwise="model") == name
    assert accepts(valid_name, name)


@pytest.mark.parametrize("name", ["a", "model-1a2b", "模型_1", "M" * 48])
def test_names_that_are_right(name):
    assert [accepts(validator, name) for validator in (valid_name, valid_document_name)] == [True, True]


@pytest.mark.parametrize(
    "name",
    ["", "1a", "-a", "_a", "a b", "a.b", "M" * 49, "a\n", "é", "a" + RIGHT_TO_LEFT, "a\x00", "<b>", "龥龥鿿"],
)
def test_names_that_are_wrong(name):
    assert [accepts(validator, name) for validator in (valid_name, valid_document_name)] == [False, False]


@pytest.mark.parametrize(
    ("label", "right"),
    [("a_1", True), ("标签", True), ("a" * 64, True), ("a-1", False), ("a" * 65, False), ("1", False), ("a\n", False)],
)
def test_labels(label, right):
    assert accepts(valid_label, label) is right


@pytest.mark.parametrize("text", ["", "手写数字 (digits), v1; 95%", "two\nlines", "👩\u200d🔬", "x" * 100])
def test_descriptions_that_are_right(text):
    assert accepts(valid_description, text)


@pytest.mark.parametrize(
    "text", [*"&!'\"<>=", "x" * 101, f"a{RIGHT_TO_LEFT}b", "a\u200bb", "a\x00", "a\x1b[0m", "\ud800", "a\u2028b"]
)
def test_descriptions_that_are_wrong(text):
    assert not accepts(valid_description, text)


@pytest.mark.parametrize("url", ["http://a", "https://example.com/文档?x=1#y", "HTTPS://example.com"])
def test_document_urls_that_are_right(url):
    assert accepts(valid_document_url, url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "ftp://a",
        "//a",
        "https://",
        "https:///path",
        "https://a b",
        "https://a\n",
        "https://[",
        " https://a",
        f"https://a{RIGHT_TO_LEFT}b",
        "https://a/" + "x" * 2048,
    ],
)
def test_document_urls_that_are_wrong(url):
    assert not accepts(valid_document_url, url)

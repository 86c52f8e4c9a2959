import pytest

from stores.errors import SourceRefused
from stores.paths import (
    Location,
    as_prefix,
    check_key,
    check_prefix,
    is_bucket_name,
    name_of,
    parent_of,
    parse_location,
    visible,
)


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("/packages/", Location("packages")),
        ("/packages", Location("packages")),
        ("/packages/digits/", Location("packages", "digits/")),
        ("/packages/digits", Location("packages", "digits")),
        ("obs://packages/digits/v1/", Location("packages", "digits/v1/")),
        ("s3://packages/digits/", Location("packages", "digits/")),
        ("OBS://packages/数字/", Location("packages", "数字/")),
        ("  /packages/digits/\n", Location("packages", "digits/")),
    ],
)
def test_parse_location_reads_every_way_to_write_a_path(text, location):
    assert parse_location(text) == location


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "source.path_malformed"),
        ("/", "source.path_malformed"),
        ("packages/digits", "source.path_malformed"),
        ("https://packages.obs.example/digits", "source.path_malformed"),
        ("/packages/my model/", "source.space_in_path"),
        ("/packages/a\u3000b/", "source.space_in_path"),
        ("/Packages/digits/", "source.bucket_missing"),
        ("/../etc/passwd", "source.bucket_missing"),
        ("//etc/passwd", "source.bucket_missing"),
        ("/packages//digits/", "source.unsafe_name"),
        ("/packages/../other/", "source.unsafe_name"),
        ("obs://packages/a/./b/", "source.unsafe_name"),
        ("/packages/a\\b/", "source.unsafe_name"),
        ("/packages/a\x00b/", "source.unsafe_name"),
        ("/packages/" + "k" * 5000, "source.name_too_long"),
    ],
)
def test_parse_location_refuses_what_names_no_place(text, code):
    with pytest.raises(SourceRefused) as refused:
        parse_location(text)

    assert refused.value.code == code


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "..",
        "../x",
        "a/../../x",
        "a/..",
        ".",
        "a//b",
        "a/",
        "a\\b",
        "..\\x",
        "C:\\x",
        "a\x00b",
        "a\nb",
        "a\x7fb",
        "a\x85b",
        "a\u2028b",
        "caf\udce9",
    ],
)
def test_check_key_refuses_what_cannot_be_joined_safely(key):
    with pytest.raises(SourceRefused) as refused:
        check_key(key)

    assert refused.value.code == "source.unsafe_name"
    assert refused.value.params["path"].isprintable()


def test_check_key_refuses_more_bytes_than_a_key_may_have():
    with pytest.raises(SourceRefused) as refused:
        check_key("数" * 342)

    assert refused.value.code == "source.name_too_long"
    assert check_key("数" * 341) == "数" * 341


def test_check_prefix_takes_the_top_and_folders_only():
    assert check_prefix("") == ""
    assert check_prefix("a/b/") == "a/b/"
    with pytest.raises(SourceRefused):
        check_prefix("a/b")


@pytest.mark.parametrize("name", ["abc", "my-models", "a.b.c", "1-2", "x" * 63])
def test_bucket_names_of_s3_are_taken(name):
    assert is_bucket_name(name)


@pytest.mark.parametrize(
    "name",
    ["ab", "x" * 64, "Models", "-abc", "abc-", ".abc", "a..b", "a.-b", "a-.b", "192.168.1.1", "a_b", "数字", "abc\n"],
)
def test_bucket_names_s3_would_refuse_are_refused(name):
    assert not is_bucket_name(name)


def test_parts_of_keys():
    assert (parent_of("a/b/c.txt"), parent_of("a/b/"), parent_of("a/"), parent_of("a")) == ("a/b/", "a/", "", "")
    assert (name_of("a/b/c.txt"), name_of("a/b/"), name_of("")) == ("c.txt", "b", "")
    assert (as_prefix(""), as_prefix("a"), as_prefix("a/")) == ("", "a/", "a/")


def test_visible_writes_out_what_could_deceive():
    assert visible("evil\u202egpj.exe") == "evil\\u202egpj.exe"
    assert visible("a\u200bb\nc\udce9") == "a\\u200bb\\u000ac\\udce9"
    assert visible("模型 v1.pkl") == "模型 v1.pkl"


def test_display_is_the_console_form():
    assert Location("packages", "digits/").display == "/packages/digits/"
    assert Location("packages", "digits").folder.display == "/packages/digits/"
